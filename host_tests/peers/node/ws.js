// A peer around ws: see ../README.md for its form.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import WebSocket, { WebSocketServer } from "ws";
import { Events, MAX_MESSAGE, parseArguments } from "./form.js";

const events = new Events();
const options = { perMessageDeflate: false, maxPayload: MAX_MESSAGE };
let socket;
let error = null;

const connection = {
  // send() of a socket that is closing gives an error to its callback, and takes nothing.
  send(text) {
    const taken = socket.readyState === WebSocket.OPEN;
    if (taken) socket.send(text);
    return taken;
  },
  fragment: () => socket.send("unfinished", { fin: false }),
  close: (code, reason) => socket.close(code, reason),
  // "Forcibly close the connection": no Close, and a FIN if all input was read.
  drop: () => socket.terminate(),
};

function begin() {
  events.open();
  events.whenOpen();
}

function attach() {
  socket.on("message", (data) => events.received(data.toString()));
  socket.on("error", (reason) => (error = reason.message));
  // ws has the code and the reason in the event of its own, wasClean only in the browser's.
  socket.addEventListener("close", ({ code, reason, wasClean }) =>
    events.closed({ code, reason, clean: wasClean, error }),
  );
}

function client({ where, ca }) {
  socket = new WebSocket(where, { ...options, ca: ca && readFileSync(ca) });
  attach();
  socket.on("open", begin);
}

function server({ where, cert, key, host }) {
  const web = cert
    ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) })
    : http.createServer();
  const sockets = new WebSocketServer({ ...options, server: web });
  sockets.on("connection", (accepted) => {
    socket = accepted;
    attach();
    begin();
  });
  web.on("tlsClientError", (reason) => (error = reason.message));
  web.on("connection", (tcp) => {
    web.close();
    tcp.on("close", () => {
      if (!socket) events.closed({ error: error ?? "TCP ended before the opening handshake" });
    });
  });
  web.listen(Number(where), host, () =>
    events.tell({ event: "listening", port: web.address().port }),
  );
}

const peerArguments = parseArguments();
events.obey(connection);
(peerArguments.role === "client" ? client : server)(peerArguments);
