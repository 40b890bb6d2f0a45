// What is there: devices, as peers of the signalling server; sessions and the board, from /health.

let ownId = "";
const devices = new Map();

signalling.onopen = () => devices.clear();
signalling.onclose = () => { devices.clear(); renderDevices(); };
signalling.onmessage = (text) => {
  const message = JSON.parse(text);
  const ask = { type: "list" };
  if (message.type === "welcome") {
    ownId = message.peerId;
    signalling.send({ type: "setPeerStatus", roles: ["listener"], meta: { name: "Signalbox page" } });
    signalling.send(ask);
    signalling.send({ type: "listConsumers" });
  } else if (message.type === "peerStatusChanged") {
    remember(message.peerId, message.roles, message.meta);
  } else if (message.type === "list") {
    for (const peer of message.producers) remember(peer.id, ["producer"], peer.meta);
  } else if (message.type === "listConsumers") {
    for (const peer of message.consumers) remember(peer.id, ["consumer"], peer.meta);
  }
  renderDevices();
};

function remember(id, roles, meta) {
  roles = roles.filter((role) => role !== "listener");
  if (id === ownId) return;
  if (roles.length) devices.set(id, { roles, meta: meta && typeof meta === "object" ? meta : {} });
  else devices.delete(id);
}

function nameOf(id) {
  const name = devices.get(id)?.meta.name;
  return typeof name === "string" && name ? name : "peer " + String(id).slice(0, 8);
}

// The page of the board that takes control there, if that is another one.
function pageOf(meta) {
  try {
    const url = new URL(meta.control.url);
    if (!/^wss?:$/.test(url.protocol) || url.host === location.host) return null;
    return (url.protocol === "wss:" ? "https://" : "http://") + url.host + "/";
  } catch {
    return null;
  }
}

function unknown() {
  return signalling.wanted ? "Not known while the connection is down" : "This board is no signalling server";
}

function renderDevices() {
  show("device-count", String(devices.size));
  const items = [...devices].map(([id, { roles, meta }]) => {
    const item = make("li");
    item.append(make("strong", nameOf(id)), make("span", roles.join(", "), "tag"));
    const caps = Array.isArray(meta.control?.caps) ? meta.control.caps.filter((cap) => typeof cap === "string") : [];
    item.append(make("small", (caps.length ? caps.join(", ") + " · " : "") + id.slice(0, 8)));
    const page = pageOf(meta);
    if (page) {
      const link = make("a", "Open its page");
      link.href = page;
      item.append(link);
    }
    return item;
  });
  const none = signalling.open ? "No device has registered yet" : unknown();
  $("devices").replaceChildren(...(items.length ? items : [make("li", none, "none")]));
  renderSessions();
}

// /health

function renderSessions() {
  const sessions = signalling.open && Array.isArray(health?.sessions) ? health.sessions : [];
  show("session-count", String(sessions.length));
  const items = sessions.map((session) => {
    const item = make("li");
    item.append(make("strong", nameOf(session.producer) + " → " + nameOf(session.consumer)), make("small", String(session.id).slice(0, 8)));
    return item;
  });
  $("sessions").replaceChildren(...(items.length ? items : [make("li", signalling.open ? "None at the moment" : unknown(), "none")]));
}

function renderHealth() {
  const h = health;
  show("name", h.name || "Signalbox");
  document.title = (h.name || "Signalbox") + " · Signalbox";
  const rows = [];
  const row = (term, text) => text && rows.push(make("dt", term), make("dd", text));
  row("Version", h.version !== "unknown" && h.version);
  row("Runs on", h.board);
  row("Up for", h.uptime_s !== undefined && duration(h.uptime_s));
  row("Heap free", h.heap && kilo(h.heap.free) + " of " + kilo(h.heap.free + h.heap.used));
  row("Wi-Fi", h.wifi && String(h.wifi));
  row("Last crash", h.crash && String(h.crash));
  $("board").replaceChildren(...rows);
  const outcomes = (h.outcomes || []).slice(-5).reverse();
  $("outcomes-title").hidden = !outcomes.length;
  $("outcomes").replaceChildren(...outcomes.map((outcome) => make("li", typeof outcome === "string" ? outcome : Object.entries(outcome).map(([k, v]) => k + " " + v).join(", "))));
  renderSessions();
}
