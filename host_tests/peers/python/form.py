"""The form of a peer program (../README.md) for libraries on asyncio: commands in, events out."""

import argparse
import asyncio
import json
import os
import ssl
import sys
import threading

LARGEST_MESSAGE = 2 << 20


def tell(event, **what):
    print(json.dumps({"event": event, **what}), flush=True)


def arguments():
    """Of the command line; `context`: for TLS, or None."""
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest="role", required=True)
    client = roles.add_parser("client")
    client.add_argument("url")
    client.add_argument("--ca")
    server = roles.add_parser("server")
    server.add_argument("port", type=int)
    server.add_argument("--host", default="127.0.0.1")
    server.add_argument("--cert")
    server.add_argument("--key")
    given = parser.parse_args()
    given.context = None
    if given.role == "client" and given.url.startswith("wss:"):
        given.context = ssl.create_default_context(cafile=given.ca)
    elif given.role == "server" and given.cert:
        given.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        given.context.load_cert_chain(given.cert, given.key)
    return given


def number(i, size):
    """The text of message number `i`."""
    return f"{i} ".ljust(size, "x")


class Counts:
    """What was sent and received."""

    def __init__(self):
        self.sent = 0
        self.received = 0
        self._highest = 0

    def message(self, text):
        """One came."""
        self.received += 1
        self._highest = max(self._highest, int(text.split(" ", 1)[0]))
        tell("received", count=self.received)

    def closed(self, code, reason, clean=None, error=None):
        """The library says that it is over."""
        tell(
            "closed",
            code=code,
            reason=reason,
            clean=clean,
            received=self.received,
            lost=self._highest - self.received,
            sent=self.sent,
            error=None if error is None else str(error),
        )


class Shell:
    """Carries out the commands with a subclass's `send`, `fragment`, `close` and `drop`."""

    def __init__(self):
        self.counts = Counts()
        self._opened = asyncio.Event()
        self._commands = asyncio.Queue()
        self._quit = asyncio.Event()

    def open(self):
        """Call it when the opening handshake is done."""
        tell("open")
        self._opened.set()

    async def send(self, text):
        """Hand over one text message."""
        raise NotImplementedError

    async def fragment(self):
        """Send the first fragment of a message; None if there is no way to do so."""
        raise NotImplementedError

    async def close(self, code, reason):
        """Close; `code` is None for the library's own default."""
        raise NotImplementedError

    async def drop(self):
        """End TCP with a FIN."""
        raise NotImplementedError

    async def run(self, main):
        """Run `main` and the commands until `quit`; the process ends here."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        tasks = [asyncio.create_task(main), asyncio.create_task(self._obey())]
        for task in tasks:
            task.add_done_callback(_complain)
        await self._quit.wait()
        # As a program does that has nothing to say any more: no handler runs, TCP is the kernel's.
        os._exit(0)

    def _read(self, loop):
        for line in sys.stdin:
            loop.call_soon_threadsafe(self._commands.put_nowait, line.rstrip("\n").split(" ", 2))
            if line.strip() == "quit":
                break
        loop.call_soon_threadsafe(self._quit.set)

    async def _obey(self):
        await self._opened.wait()
        while True:
            name, *words = await self._commands.get()
            if name == "send":
                for _ in range(int(words[0])):
                    try:
                        await self.send(number(self.counts.sent + 1, int(words[1])))
                    except Exception as error:
                        print(f"send: {error!r}", file=sys.stderr, flush=True)
                        break
                    self.counts.sent += 1
            elif name == "fragment":
                if type(self).fragment is Shell.fragment:
                    tell("unsupported", command="fragment")
                else:
                    await self.fragment()
            elif name == "close":
                code = int(words[0]) if words else None
                await self.close(code, words[1] if len(words) > 1 else "")
            elif name == "drop":
                await self.drop()


def _complain(task):
    if not task.cancelled() and task.exception():
        print(f"{task.exception()!r}", file=sys.stderr, flush=True)
