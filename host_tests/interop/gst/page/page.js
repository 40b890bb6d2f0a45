// Uses gstwebrtc-api as its documentation tells to. What happens is told on the console, a line of
// JSON each, and shown below the picture.

"use strict";

const video = document.querySelector("video");
let session = null;

function tell(event, more) {
  const line = JSON.stringify({ event, ...more });
  console.log(line);
  document.querySelector("pre").append(`${line}\n`);
}

function open(url, name) {
  const api = new GstWebRTCAPI({
    meta: { name },
    signalingServerUrl: url,
    webrtcConfig: { iceServers: [], bundlePolicy: "max-bundle" },
  });
  api.registerConnectionListener({
    connected: (id) => tell("connected", { id }),
    disconnected: () => tell("disconnected"),
  });
  api.registerPeerListener({
    producerAdded: ({ id, meta }) => tell("producerAdded", { id, meta }),
    producerRemoved: ({ id }) => tell("producerRemoved", { id }),
    consumerAdded: ({ id, meta }) => tell("consumerAdded", { id, meta }),
  });
  window.api = api;
}

function listen(what) {
  session.addEventListener("error", ({ message, error }) => {
    tell("error", { what, message, error: String(error) });
  });
  session.addEventListener("stateChanged", () => tell("state", { what, state: session.state }));
  session.addEventListener("closed", () => tell("closed", { what }));
}

function consume(producer) {
  session = window.api.createConsumerSession(producer);
  listen("consumer");
  session.addEventListener("streamsChanged", () => {
    video.srcObject = session.streams[0] ?? null;
  });
  session.connect();
}

async function produce() {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: 160, height: 120, frameRate: 30 },
  });
  video.srcObject = stream;
  session = window.api.createProducerSession(stream);
  listen("producer");
  session.start();
}

// What the browser itself says about the stream that it receives.
async function figures() {
  const found = { painted: video.getVideoPlaybackQuality().totalVideoFrames };
  const reports = await session?.rtcPeerConnection?.getStats() ?? new Map();
  for (const report of reports.values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") {
      const { framesDecoded, frameWidth, frameHeight, codecId } = report;
      const codec = reports.get(codecId)?.mimeType;
      Object.assign(found, { decoded: framesDecoded, width: frameWidth, height: frameHeight, codec });
    }
  }
  return found;
}
