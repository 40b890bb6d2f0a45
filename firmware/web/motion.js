// Motion: what is held, by pointers and keys, and the speeds that come of it.

// ms between two equal speeds: the board stops when it hears none for its dead-man's time.
const refresh = () => Math.min(250, (health?.deadman_ms ?? 750) / 2.5);
const PACE = 90; // ms between two different ones

let motion = { pan: 0, tilt: 0, zoom: 0 };
const held = { pad: [0, 0], keys: new Map(), zoom: 0 }; // keys: code: name
let sentAt = 0;
let sendTimer = 0;

function moving() {
  return motion.pan || motion.tilt || motion.zoom;
}

function steer() {
  const names = [...held.keys.values()];
  const key = (name) => Number(names.includes(name));
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
  // What no longer comes is a stop: see refresh().
  sendTimer = setTimeout(drive, refresh());
}

// Nothing is held any more.
function release() {
  held.pad = [0, 0];
  held.keys.clear();
  held.zoom = 0;
  steer();
}

function halt() {
  pad.pointer = undefined; // it may still be down
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
function padLeft(event) {
  if (event.pointerId !== pad.pointer) return;
  pad.pointer = undefined;
  held.pad = [0, 0];
  steer();
}
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pad.pointer) return;
  // A button that was let go of where no page is told so.
  if (!event.buttons) return padLeft(event);
  held.pad = padAt(event);
  steer();
});
pad.addEventListener("lostpointercapture", padLeft);
// Wherever it ends: a pointer may be gone before it was captured.
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, padLeft);
pad.addEventListener("contextmenu", (event) => event.preventDefault());

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "-", "Shift"];
function keyName(event) {
  return event.key === "=" ? "+" : event.key === "_" ? "-" : event.key;
}
// Keys move the camera wherever the focus is, but in dialogs, where they are for the dialog.
document.addEventListener("keydown", (event) => {
  const name = keyName(event);
  if (name === "Meta") halt(); // macOS tells of no key that is let go of while this one is down
  if (event.ctrlKey || event.altKey || event.metaKey || $("controls").hidden || document.querySelector("dialog[open]")) return;
  if (KEYS.includes(name)) {
    if (name !== "Shift") event.preventDefault();
    if (!event.repeat) {
      held.keys.set(event.code, name); // by its place: Shift gives it another name
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
  if (held.keys.delete(event.code)) steer();
});
