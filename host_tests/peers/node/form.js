// The form of ../README.md, for the peers in Node: arguments, commands and events. Knows no
// WebSocket library.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

export const MAX_MESSAGE = 2 << 20;

export function parseArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ca: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
    },
  });
  const [role, where] = positionals;
  if (!["client", "server"].includes(role) || where === undefined) {
    console.error(
      "usage: client URL [--ca FILE] | server PORT [--cert FILE --key FILE] [--host ADDRESS]",
    );
    process.exit(2);
  }
  return { role, where, ...values };
}

export class Events {
  #received = 0;
  #highest = 0;
  #sent = 0;
  #closed = false;
  #isOpen = false;

  tell(event) {
    writeSync(1, JSON.stringify(event) + "\n");
  }

  open() {
    this.#isOpen = true;
    this.tell({ event: "open" });
  }

  received(text) {
    this.#received += 1;
    this.#highest = Math.max(this.#highest, parseInt(text, 10) || 0);
    this.tell({ event: "received", count: this.#received });
  }

  // Null is what the library does not say.
  closed({ code = null, reason = null, clean = null, error = null }) {
    if (this.#closed) return;
    this.#closed = true;
    const lost = Math.max(0, this.#highest - this.#received);
    const counts = { received: this.#received, lost, sent: this.#sent };
    this.tell({ event: "closed", code, reason, clean, ...counts, error });
  }

  // Commands wait until the connection is open; but for quit.
  obey(connection) {
    const waiting = [];
    const act = (line) => {
      const [command, ...words] = line.split(" ");
      if (command === "send") this.#send(connection, ...words.map(Number));
      else if (command === "fragment") connection.fragment();
      else if (command === "drop") connection.drop();
      else if (command === "close") {
        const [code, ...reason] = words;
        connection.close(code && Number(code), reason.length ? reason.join(" ") : undefined);
      } else if (command === "quit") process.exit(0);
      else console.error("unknown command:", line);
    };
    this.whenOpen = () => waiting.splice(0).forEach(act);
    createInterface({ input: process.stdin })
      .on("line", (line) => (this.#isOpen || line === "quit" ? act(line) : waiting.push(line)))
      .on("close", () => process.exit(0));
  }

  #send(connection, count, size) {
    for (let i = 0; i < count; i++) {
      const head = `${this.#sent + 1} `;
      if (!connection.send(head + "x".repeat(Math.max(0, size - head.length)))) return;
      this.#sent += 1;
    }
  }
}
