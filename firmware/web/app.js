// The on-board page. Three WebSockets to the board it came from: signalling, as one that listens;
// /control, where the camera is controlled; /preview, its pictures. Beside them /health, now and
// then. Each WebSocket comes back by itself, whatever ended it.
"use strict";
{
const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];

const REFRESH = 250; // ms between two equal speeds: the board stops when it hears none for 750
const PACE = 90; // ms between two different ones
const BEAT = 2000; // ms between two questions whether the board is still there
const SILENCE = 4000; // ms without an answer, after which a connection is taken for dead
const HEALTH = 5000;
const HOLD = 900; // ms that a preset's key is held to store
const NUDGE = 250; // ms of motion for a click without a press: a screen reader's
const LONGEST_WAIT = 8000; // ms between two attempts to connect

const CODES = {
  1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
  1005: "no code given", 1006: "no Close was received", 1007: "invalid data", 1008: "policy violation",
  1009: "message too big", 1011: "internal error", 1012: "restarting", 1013: "try again later",
};

// What there is to see and to say

function show(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function say(text) {
  $("live").textContent = text;
}

let noticeTimer;
function notice(text) {
  clearTimeout(noticeTimer);
  $("notice").hidden = !text;
  show("notice", text || "");
  if (text) noticeTimer = setTimeout(notice, 8000, "");
}

function inWords(event, byUs) {
  const code = event.code + " " + (CODES[event.code] || "");
  const reason = event.reason ? ": " + event.reason : "";
  if (event.wasClean) return "closed cleanly by " + (byUs ? "this page" : "the server") + ", " + code.trim() + reason;
  return "lost, " + code.trim() + reason;
}

function time(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function duration(s) {
  s = Math.floor(s);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([n]) => s >= n);
  return first < 0 ? "0 s" : parts.slice(first, first + 2).map(([n, unit], i) => Math.floor(i ? s % parts[first][0] / n : s / n) + " " + unit).join(" ");
}

function kilo(octets) {
  return octets < 1024 * 1024 ? Math.round(octets / 1024) + " KB" : (octets / 1048576).toFixed(1) + " MB";
}

// Connections

let token = sessionStorage.getItem("token") || "";
let health = null;
let asking = null;

// What /health says; null when the board doesn't answer, and the token is asked for when it is wrong.
function ask() {
  asking = asking || fetchHealth().finally(() => { asking = null; });
  return asking;
}

async function fetchHealth() {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch("/health", {
      cache: "no-store", signal: abort.signal,
      headers: token ? { Authorization: "Bearer " + token } : {},
    });
    if (response.status === 401) {
      needToken();
      return null;
    }
    if (!response.ok) return null;
    health = await response.json();
    renderHealth();
    return health;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

class Channel {
  constructor(name, path, subprotocol, words) {
    this.name = name;
    this.path = path;
    this.subprotocol = subprotocol;
    this.words = words;
    this.socket = null;
    this.wanted = false;
    this.failures = 0;
    this.timer = 0;
    this.onopen = this.onmessage = this.onclose = () => {};
    this.tell("not in use");
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  want(wanted) {
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    if (wanted) {
      this.connect();
    } else {
      clearTimeout(this.timer);
      this.timer = 0;
      this.tell("not in use");
      if (this.socket) {
        this.byUs = true;
        this.socket.close(1000);
      }
    }
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.socket || !this.wanted) return;
    this.tell("connecting");
    const protocols = [this.subprotocol];
    if (token) protocols.push("signalbox.token." + token);
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + this.path, protocols);
    socket.binaryType = "blob";
    this.socket = socket;
    this.byUs = false;
    socket.onopen = () => {
      this.failures = 0;
      this.heard = Date.now();
      this.tell("open");
      this.onopen();
      renderLink();
    };
    socket.onmessage = (event) => {
      this.heard = Date.now();
      this.onmessage(event.data);
    };
    socket.onclose = (event) => this.ended(event);
  }

  send(message) {
    if (!this.open) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  // The board has not been heard for too long: the browser would wait for minutes.
  abandon() {
    const socket = this.socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.ended({ code: 1006, wasClean: false, reason: "silent for " + SILENCE / 1000 + " s" }, true);
  }

  ended(event, opened = this.state === "open") {
    this.socket = null;
    if (opened) {
      const words = inWords(event, this.byUs);
      show("last-close", this.words + " " + words + ", " + time(new Date()));
      if (this.wanted) say(this.words + " " + words);
    }
    this.onclose(event);
    if (this.wanted) {
      this.tell("waiting");
      this.later();
    } else {
      this.tell("not in use");
    }
    renderLink();
  }

  later() {
    const wait = Math.min(LONGEST_WAIT, 300 * 2 ** this.failures++) * (0.6 + 0.4 * Math.random());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), wait);
  }

  async again() {
    // What a WebSocket was refused for is not told to pages, so this asks.
    if (await ask()) this.connect();
    else if (this.wanted && !$("token-dialog").open) this.later();
  }

  now() {
    if (this.timer) {
      this.failures = 0;
      this.again();
    }
  }

  tell(state) {
    this.state = state;
    show("state-" + this.name, { open: "open", connecting: "connecting …", waiting: "lost; connecting again …", "not in use": "not in use" }[state]);
  }
}

const signalling = new Channel("signalling", "/", "signalbox", "Signalling");
const control = new Channel("control", "/control", "signalbox.control.v1", "Control");
const preview = new Channel("preview", "/preview", "signalbox", "The picture's connection");
const channels = [signalling, control, preview];

function renderLink() {
  const wanted = channels.filter((channel) => channel.wanted);
  const open = wanted.filter((channel) => channel.open);
  const state = wanted.length && open.length === wanted.length ? "open" : wanted.length && !open.length ? "lost" : "wait";
  const pill = $("link");
  if (pill.dataset.state !== state || !wanted.length) {
    pill.dataset.state = state;
    pill.lastElementChild.textContent = { open: "Connected", wait: "Connecting", lost: "Reconnecting" }[state];
  }
  renderControl();
  renderPicture();
}

// Which connections there are to be: those that the board has, and pictures only while seen.
function choose() {
  const paths = health?.paths || [];
  signalling.want(paths.includes("/"));
  control.want(paths.includes("/control"));
  preview.want(paths.includes("/preview") && !document.hidden);
  renderLink();
}

let starting = 0;
async function start() {
  clearTimeout(starting);
  if (await ask()) choose();
  else if (!$("token-dialog").open) {
    if (!channels.some((channel) => channel.wanted)) {
      $("link").dataset.state = "lost";
      $("link").lastElementChild.textContent = "No answer";
    }
    starting = setTimeout(start, 2000);
  }
}

function needToken() {
  const dialog = $("token-dialog");
  if (dialog.open) return;
  $("token-wrong").hidden = !token;
  token = "";
  sessionStorage.removeItem("token");
  dialog.showModal();
  $("token").focus();
}

// Without a token there is nothing behind the dialog.
$("token-dialog").addEventListener("cancel", (event) => event.preventDefault());
$("token-dialog").addEventListener("close", () => {
  token = $("token").value.trim();
  $("token").value = "";
  sessionStorage.setItem("token", token);
  start();
  for (const channel of channels) channel.now();
});

setInterval(async () => {
  if (!document.hidden && !$("token-dialog").open && await ask()) choose();
}, HEALTH);

for (const [target, name] of [[window, "online"], [document, "visibilitychange"], [window, "pageshow"]]) {
  target.addEventListener(name, () => {
    if (document.hidden) halt();
    if (health) choose();
    for (const channel of channels) channel.now();
  });
}

// Devices: peers of the signalling server

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
  const none = signalling.open ? "No device has registered yet" : signalling.wanted ? "Not known while the connection is down" : "This board is no signalling server";
  $("devices").replaceChildren(...(items.length ? items : [make("li", none, "none")]));
  renderSessions();
}

// /health

function renderSessions() {
  const sessions = Array.isArray(health?.sessions) ? health.sessions : [];
  show("session-count", String(sessions.length));
  const items = sessions.map((session) => {
    const item = make("li");
    item.append(make("strong", nameOf(session.producer) + " → " + nameOf(session.consumer)), make("small", String(session.id).slice(0, 8)));
    return item;
  });
  $("sessions").replaceChildren(...(items.length ? items : [make("li", "None at the moment", "none")]));
}

function renderHealth() {
  const h = health;
  show("name", h.name || "Signalbox");
  document.title = (h.name || "Signalbox") + " · Signalbox";
  const rows = [];
  const row = (term, text) => text && rows.push(make("dt", term), make("dd", text));
  row("Version", h.version);
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

// Pictures

let shown = null; // URL of the one that is shown
let decoding = false;
let pictureAt = 0;

preview.onmessage = (blob) => {
  if (decoding) return; // a picture that comes too soon is not needed
  decoding = true;
  const url = URL.createObjectURL(new Blob([blob], { type: "image/jpeg" }));
  const picture = $("picture");
  const before = shown;
  const next = (good) => () => {
    decoding = false;
    if (before) URL.revokeObjectURL(before);
    if (!good) return;
    pictureAt = Date.now();
    picture.dataset.frames = Number(picture.dataset.frames || 0) + 1;
    if (picture.hidden || picture.className) renderPicture();
  };
  picture.onload = next(true);
  picture.onerror = next(false);
  shown = url;
  picture.src = url;
};
preview.onopen = preview.onclose = () => { decoding = false; };

function renderPicture() {
  const fresh = preview.open && Date.now() - pictureAt < SILENCE;
  const picture = $("picture");
  picture.hidden = !pictureAt || !preview.wanted;
  picture.className = fresh ? "" : "old";
  const words = fresh ? "" : !health ? "Waiting for the board" : !preview.wanted ? "This board has no picture source" : !preview.open ? "Connecting to the picture again" : "Waiting for a picture";
  $("no-picture").hidden = !words;
  show("no-picture", words);
}

// Control: requests, and their replies by id

let requestId = 0;
const waiting = new Map();
let camera = null; // its state
let asked = 0; // when whether the board is there; 0: it has answered

function request(verb, structure = {}, then = report) {
  const id = ++requestId;
  if (!control.send({ id, request: { type: "customUpstreamEvent", structureName: verb, structure } })) {
    if (then === report) notice("Not connected to the camera: nothing was sent");
    return;
  }
  waiting.set(id, then);
}

function report(reply) {
  if (!reply.error) return;
  if (camera?.control === "other" || /is in control/.test(reply.error)) askTakeover();
  else notice(reply.error[0].toUpperCase() + reply.error.slice(1));
}

control.onopen = () => {
  asked = 0;
  waiting.clear();
};
control.onclose = () => {
  release();
  waiting.clear();
  camera = null;
  renderCamera();
};
control.onmessage = (text) => {
  const message = JSON.parse(text);
  const then = waiting.get(message.id);
  if (message.type === "InfoMessage") {
    if (message.info.state) observe(message.info.state);
    if (message.info.controlLost) notice("You have lost control: " + message.info.controlLost);
  } else if (then) {
    waiting.delete(message.id);
    then(message);
  }
};

function observe(state) {
  camera = state;
  renderCamera();
}

// A connection that is dead stays open for minutes to a browser; so the board is asked.
setInterval(() => {
  if (pictureAt && !$("picture").className && Date.now() - pictureAt > SILENCE) renderPicture();
  if (!control.open || document.hidden) asked = 0;
  else if (asked && Date.now() - asked > SILENCE) for (const channel of channels) channel.abandon();
  else if (!asked) {
    asked = Date.now();
    request("state", {}, (reply) => {
      asked = Date.now();
      setTimeout(() => { asked = 0; }, BEAT);
      if (reply.state) observe(reply.state);
    });
  }
}, 250);

function askTakeover() {
  const dialog = $("takeover-dialog");
  halt();
  if (dialog.open) return;
  dialog.dataset.force = "";
  show("takeover-words", "If you take over, they lose it and the camera stops.");
  dialog.returnValue = "";
  dialog.showModal();
}

function takeOver(force) {
  request("takeover", force ? { force: true } : {}, (reply) => {
    if (!reply.error) {
      notice("");
      say("You are in control");
    } else if (/moved/.test(reply.error) && !force) {
      const dialog = $("takeover-dialog");
      dialog.dataset.force = "yes";
      show("takeover-words", "They are moving the camera right now. If you take over, it stops.");
      dialog.returnValue = "";
      dialog.showModal();
    } else {
      report(reply);
    }
  });
}

$("takeover-dialog").addEventListener("close", (event) => {
  if (event.target.returnValue === "take") takeOver(event.target.dataset.force === "yes");
});
$("take").onclick = askTakeover;
$("release").onclick = () => request("release");

// Motion: what is held, by pointers and keys, and the speeds that come of it

let motion = { pan: 0, tilt: 0, zoom: 0 };
const held = { pad: [0, 0], keys: new Set(), zoom: 0 };
let sentAt = 0;
let sendTimer = 0;

function moving() {
  return motion.pan || motion.tilt || motion.zoom;
}

function steer() {
  const key = (name) => Number(held.keys.has(name));
  const fast = key("Shift") ? 100 : 50;
  const clip = (value) => Math.round(Math.max(-100, Math.min(100, value)));
  const next = {
    pan: clip(held.pad[0] + fast * (key("ArrowRight") - key("ArrowLeft"))),
    tilt: clip(held.pad[1] + fast * (key("ArrowUp") - key("ArrowDown"))),
    zoom: clip(held.zoom + fast * (key("+") - key("-"))),
  };
  const was = moving();
  const same = next.pan === motion.pan && next.tilt === motion.tilt && next.zoom === motion.zoom;
  motion = next;
  $("pad").classList.toggle("active", Boolean(motion.pan || motion.tilt));
  const [x, y] = [motion.pan, motion.tilt];
  $("knob").style.transform = x || y ? `translate(${x * 1.1}%, ${-y * 1.1}%)` : "";
  if (!moving()) {
    clearTimeout(sendTimer);
    sendTimer = 0;
    if (was) request("stop", {}, () => {}); // without a connection the board stops by itself
  } else if (!same) {
    // The first at once, then not more often than the board takes them.
    if (!sendTimer) sendTimer = setTimeout(drive, was ? Math.max(0, PACE - (Date.now() - sentAt)) : 0);
  }
}

function drive() {
  sendTimer = 0;
  if (!moving()) return;
  sentAt = Date.now();
  request("move", motion, (reply) => {
    if (!reply.error) return;
    release();
    report(reply);
  });
  // What no longer comes is a stop: see REFRESH.
  sendTimer = setTimeout(drive, REFRESH);
}

// Nothing is held any more.
function release() {
  held.pad = [0, 0];
  held.keys.clear();
  held.zoom = 0;
  steer();
}

function halt() {
  release();
  for (const button of all(".held")) button.letGo?.();
}

for (const name of ["blur", "pagehide"]) window.addEventListener(name, halt);

const pad = $("pad");
function padAt(event) {
  const box = pad.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * 2 - 1;
  const y = 1 - (event.clientY - box.top) / box.height * 2;
  const distance = Math.hypot(x, y);
  if (distance < 0.1) return [0, 0];
  // Slow near the middle, for small corrections; the rim is the fastest.
  const reach = Math.min(1, distance / 0.92);
  const speed = Math.max(1, 100 * reach ** 1.7);
  return [speed * x / distance, speed * y / distance];
}
pad.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  pad.focus({ preventScroll: true });
  pad.setPointerCapture(event.pointerId);
  pad.pointer = event.pointerId;
  held.pad = padAt(event);
  steer();
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pad.pointer) return;
  held.pad = padAt(event);
  steer();
});
for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
  pad.addEventListener(name, (event) => {
    if (event.pointerId !== pad.pointer) return;
    pad.pointer = undefined;
    held.pad = [0, 0];
    steer();
  });
}
pad.addEventListener("contextmenu", (event) => event.preventDefault());

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "-", "Shift"];
function keyName(event) {
  return event.key === "=" ? "+" : event.key === "_" ? "-" : event.key;
}
// Keys move the camera wherever the focus is, but in dialogs, where they are for the dialog.
document.addEventListener("keydown", (event) => {
  const name = keyName(event);
  if (event.ctrlKey || event.altKey || event.metaKey || $("controls").hidden || document.querySelector("dialog[open]")) return;
  if (KEYS.includes(name)) {
    if (name !== "Shift") event.preventDefault();
    if (!event.repeat) {
      held.keys.add(name);
      steer();
    }
  } else if (/^Digit[1-9]$/.test(event.code) && !event.repeat) {
    preset(Number(event.code.slice(5)), event.shiftKey);
  } else if (name === "Escape") {
    halt();
    request("stop");
  }
});
document.addEventListener("keyup", (event) => {
  if (held.keys.delete(keyName(event))) steer();
});

// A button that acts as long as it is held, by pointer, key, or for a moment by a screen reader.
function holdable(button, begin, end) {
  let timer = 0;
  button.letGo = () => {
    clearTimeout(timer);
    if (!button.classList.contains("held")) return;
    button.classList.remove("held");
    end();
  };
  const press = () => {
    if (button.classList.contains("held")) return;
    button.classList.add("held");
    begin();
  };
  button.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    button.setPointerCapture(event.pointerId);
    press();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, button.letGo);
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) press();
  });
  button.addEventListener("keyup", button.letGo);
  button.addEventListener("click", (event) => {
    if (event.detail) return;
    press();
    timer = setTimeout(button.letGo, NUDGE);
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

let focusing = 0;
for (const button of all("[data-hold]")) {
  const [what, direction] = button.dataset.hold.split(":");
  if (what === "zoom") {
    holdable(button, () => { held.zoom = 50 * direction; steer(); }, () => { held.zoom = 0; steer(); });
  } else {
    const refresh = () => request("focus", { speed: 50 * direction });
    holdable(button, () => { refresh(); focusing = setInterval(refresh, REFRESH); }, () => {
      clearInterval(focusing);
      request("focus", { speed: 0 });
    });
  }
}
$("autofocus").onclick = () => request("focus", camera?.focus === "auto" ? { speed: 0 } : { auto: true });

// Presets

let storing = false;
function setStoring(on) {
  storing = on;
  $("store").setAttribute("aria-pressed", String(on));
  if (on) say("Choose the preset to store to");
}
$("store").onclick = () => setStoring(!storing);

function preset(n, store) {
  const verb = store || storing ? "preset-store" : "preset-recall";
  setStoring(false);
  request(verb, { n }, (reply) => {
    if (reply.error) return report(reply);
    say((verb === "preset-store" ? "Stored preset " : "Going to preset ") + n);
    const key = $("preset-keys").children[n - 1];
    if (verb === "preset-store") {
      key.classList.add("storing");
      setTimeout(() => key.classList.remove("storing"), 700);
    }
  });
}

for (let n = 1; n <= 9; n++) {
  const key = make("button", String(n));
  key.type = "button";
  key.setAttribute("aria-label", "Preset " + n);
  let timer = 0;
  let stored = false;
  key.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    stored = false;
    timer = setTimeout(() => {
      stored = true;
      preset(n, true);
    }, HOLD);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) key.addEventListener(name, () => clearTimeout(timer));
  key.addEventListener("contextmenu", (event) => event.preventDefault());
  key.addEventListener("click", (event) => {
    if (!stored) preset(n, event.shiftKey);
    stored = false;
  });
  $("preset-keys").append(key);
}

// Switches

for (const button of all("button[data-tally]")) button.onclick = () => request("tally", { state: button.dataset.tally });
for (const button of all("[data-switch]")) {
  button.onclick = () => request(button.dataset.switch, { on: button.getAttribute("aria-checked") !== "true" });
}

function renderControl() {
  const usable = control.wanted;
  $("controls").hidden = !usable;
  $("controls").setAttribute("aria-disabled", String(!control.open));
  const who = camera?.control;
  $("holder").dataset.control = who || "";
  show("holder-words", !control.open ? "Not connected to the camera" : who === "you" ? "You are in control" : who === "other" ? "Another operator is in control" : "Nobody is in control");
  $("take").hidden = who !== "other";
  $("release").hidden = who !== "you";
}

function renderCamera() {
  renderControl();
  const state = camera || {};
  const caps = health?.caps;
  for (const element of all("[data-cap]")) element.hidden = Array.isArray(caps) && !caps.includes(element.dataset.cap);
  $("switches").hidden = all("[data-switch]").every((button) => button.hidden);
  for (const button of all("[data-switch]")) button.setAttribute("aria-checked", String(state[button.dataset.switch] === true));
  for (const button of all("button[data-tally]")) button.setAttribute("aria-pressed", String(state.tally === button.dataset.tally));
  $("autofocus").setAttribute("aria-pressed", String(state.focus === "auto"));
  const tally = state.tally || "off";
  $("view").dataset.tally = tally;
  $("tally-lamp").hidden = tally === "off";
  show("tally-lamp", tally === "program" ? "ON AIR" : "PREVIEW");
  const degrees = (value) => ((value < 0 ? "−" : "+") + Math.abs(value).toFixed(1) + "°").padStart(7);
  const placed = typeof state.pan === "number";
  $("place").hidden = !placed;
  if (placed) show("place", `P${degrees(state.pan)}  T${degrees(state.tilt)}  Z${String(Math.round(state.zoom)).padStart(4)} %`);
  const zoom = $("zoom");
  zoom.hidden = typeof state.zoom !== "number";
  zoom.setAttribute("aria-valuenow", Math.round(state.zoom || 0));
  zoom.firstChild.style.width = (state.zoom || 0) + "%";
  if (state.fault) notice("The camera reports: " + state.fault);
}

// Colours: as the system has them, or as chosen

const THEMES = ["", "light", "dark"];
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try { localStorage.setItem("theme", theme); } catch { /* private windows may refuse */ }
  $("theme").setAttribute("aria-label", "Colours: " + (theme || "as the system has them"));
  $("theme").title = $("theme").getAttribute("aria-label");
}
$("theme").onclick = () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "") + 1) % 3]);
let theme = "";
try { theme = localStorage.getItem("theme") || ""; } catch { /* the same */ }
setTheme(THEMES.includes(theme) ? theme : "");

renderDevices();
renderCamera();
start();
}
