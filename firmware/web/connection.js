// Three WebSockets to the board that the page came from: signalling, as one that listens; /control,
// where the camera is controlled; /preview, its pictures. Beside them /health, now and then. Each
// WebSocket comes back by itself, whatever ended it.

const SILENCE = 4000; // ms without an answer, after which a connection is taken for dead
const HEALTH = 5000; // ms between two questions for it
const LONGEST_WAIT = 8000; // ms between two attempts to connect

let kept = null; // while the tab is open
try { kept = sessionStorage; } catch { /* a browser that blocks cookies keeps nothing */ }
let token = kept?.getItem("token") || "";
let health = null;
let asking = null;

// What /health says; null when the board doesn't answer, and the token is asked for when it is wrong.
function ask() {
  asking = asking || fetchHealth().finally(() => { asking = null; });
  return asking;
}

async function fetchHealth() {
  const asked = token;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch("/health", {
      cache: "no-store", signal: abort.signal,
      // What is in no token can't be in a header as it is; a token's letters stay.
      headers: token ? { Authorization: "Bearer " + encodeURIComponent(token) } : {},
    });
    if (response.status === 401) {
      if (token !== asked) return fetchHealth(); // another one was given meanwhile
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
  kept?.removeItem("token");
  dialog.showModal();
  $("token").focus();
}

// Without a token there is nothing behind the dialog.
$("token-dialog").addEventListener("cancel", (event) => event.preventDefault());
$("token-dialog").addEventListener("close", () => {
  token = $("token").value.trim();
  $("token").value = "";
  kept?.setItem("token", token);
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
