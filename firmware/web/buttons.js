// Buttons: those that act as long as they are held, presets, switches; and what they show.

const HOLD = 900; // ms that a preset's key is held to store
const NUDGE = 250; // ms of motion for a click without a press: a screen reader's

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

for (const button of all("[data-hold]")) {
  const [what, direction] = button.dataset.hold.split(":");
  if (what === "zoom") {
    holdable(button, () => { held.zoom = 50 * direction; steer(); }, () => { held.zoom = 0; steer(); });
  } else {
    const focus = () => request("focus", { speed: 50 * direction });
    let timer = 0; // each its own: both may be held
    holdable(button, () => { focus(); timer = setInterval(focus, refresh()); }, () => {
      clearInterval(timer);
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
  // They are counted from 0, which has no key.
  for (const key of $("preset-keys").children) key.hidden = Number(key.textContent) >= (health?.presets ?? 10);
  $("switches").hidden = all("[data-switch]").every((button) => button.hidden);
  for (const button of all("[data-switch]")) button.setAttribute("aria-checked", String(state[button.dataset.switch] === true));
  for (const button of all("button[data-tally]")) button.setAttribute("aria-pressed", String(state.tally === button.dataset.tally));
  $("autofocus").setAttribute("aria-pressed", String(state.focus === "auto"));
  const tally = state.tally || "off";
  $("view").dataset.tally = tally;
  $("tally-lamp").hidden = tally === "off";
  show("tally-lamp", tally === "program" ? "ON AIR" : "PREVIEW");
  const degrees = (value) => ((value < 0 ? "−" : "+") + Math.abs(value).toFixed(1) + "°").padStart(7);
  const per = (value) => String(Math.round(value)).padStart(4) + " %";
  const words = [["P", state.pan, degrees], ["T", state.tilt, degrees], ["Z", state.zoom, per]]
    .filter(([, value]) => typeof value === "number").map(([letter, value, form]) => letter + form(value));
  $("place").hidden = !words.length;
  show("place", words.join("  "));
  const zoom = $("zoom");
  zoom.style.visibility = typeof state.zoom === "number" ? "" : "hidden"; // its place stays
  zoom.setAttribute("aria-valuenow", Math.round(state.zoom || 0));
  zoom.firstChild.style.width = (state.zoom || 0) + "%";
  if (state.fault) notice("The camera reports: " + state.fault);
}
