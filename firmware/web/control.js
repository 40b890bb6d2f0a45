// Requests to /control, their replies by id, and the state that the board sends by itself.

const BEAT = 2000; // ms between two questions whether the board is still there

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
  if (/is in control/.test(reply.error)) askTakeover();
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
