"""The firmware, on the unix port, as a program of the form that ../peers/README.md describes.

`closed` has one field more, `outcome`: all of the CloseOutcome. `--open-timeout MS`: how long an
opening handshake may take, in both roles.
"""

import asyncio
import json
import sys

from signalbox.net.client import connect
from signalbox.net.server import serve
from signalbox.net.transport import server_context
from signalbox.ws.close import ConnectionClosed
from signalbox.ws.connection import Settings

LARGEST_MESSAGE = 2 << 20
OPEN_TIMEOUT = "5000"
OUTCOME = (
    "code",
    "reason",
    "clean",
    "initiator",
    "sent_code",
    "rcvd_code",
    "failed_with",
    "undelivered",
    "discarded",
    "timed_out",
    "truncated",
    "tcp_reset",
    "peer_no_echo",
)


def tell(event, **what):
    what["event"] = event
    print(json.dumps(what))


class Program:
    """One WebSocket, the commands for it, and what there is to tell about it."""

    def __init__(self):
        self.ws = None
        self.opened = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.sent = 0
        self.received = 0
        self.highest = 0

    async def use(self, ws):
        """From the opening handshake to the end."""
        self.ws = ws
        tell("open")
        self.opened.set()
        async for message in ws:
            self.received += 1
            self.highest = max(self.highest, int(message.split(" ", 1)[0]))
            tell("received", count=self.received)
        outcome = await ws.wait_closed()
        await self.idle.wait()  # a send() that waited is woken up at the same time
        outcome = {name: getattr(outcome, name) for name in OUTCOME}
        self.closed(outcome["code"], outcome["reason"], outcome["clean"], outcome=outcome)

    def closed(self, code, reason, clean, error=None, outcome=None):
        tell(
            "closed",
            code=code,
            reason=reason,
            clean=clean,
            received=self.received,
            lost=self.highest - self.received,
            sent=self.sent,
            error=error,
            outcome=outcome,
        )

    async def obey(self):
        """Carry out the commands, to the last."""
        lines = asyncio.StreamReader(sys.stdin.buffer)
        while True:
            words = (await lines.readline()).decode().split(None, 2)
            if not words or words[0] == "quit":
                return
            await self.opened.wait()
            self.idle.clear()
            try:
                await getattr(self, "do_" + words[0])(*words[1:])
            except ConnectionClosed:
                pass  # `sent` says it
            self.idle.set()

    async def do_send(self, count, size):
        for _ in range(int(count)):
            text = "%d " % (self.sent + 1)
            await self.ws.send(text + "x" * (int(size) - len(text)))
            self.sent += 1

    async def do_fragment(self):
        asyncio.create_task(self._fragment())
        await asyncio.sleep(0)

    async def _fragment(self):
        try:
            await self.ws.send(Unfinished())
        except ConnectionClosed:
            pass

    async def do_close(self, code=None, reason=""):
        self.ws.close(code and int(code), reason.strip())

    async def do_drop(self):
        self.ws.close_now()


class Unfinished:
    """A message that is never finished. A part goes out when there is another behind it."""

    def __init__(self):
        self.parts = ["not sent", "unfinished"]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.parts:
            await asyncio.Event().wait()
        return self.parts.pop()


def options(words):
    """--name value … as a dict."""
    return {words[i][2:]: words[i + 1] for i in range(0, len(words), 2)}


async def client(program, url, settings, given):
    try:
        ws = await connect(
            url,
            ca=given.get("ca"),
            settings=settings,
            open_timeout=int(given.get("open-timeout", OPEN_TIMEOUT)),
        )
    except Exception as error:
        program.closed(None, None, None, "%s: %s" % (type(error).__name__, error))
    else:
        await program.use(ws)


async def server(program, port, settings, given):
    context = server_context(given["cert"], given["key"]) if "cert" in given else None
    serve(
        program.use,
        host=given.get("host", "127.0.0.1"),
        port=int(port),
        context=context,
        settings=settings,
        handshake_timeout=int(given.get("open-timeout", OPEN_TIMEOUT)),
    )
    tell("listening", port=int(port))


async def main(role, where, *words):
    program = Program()
    settings = Settings(max_message=LARGEST_MESSAGE)
    run = {"client": client, "server": server}[role]
    asyncio.create_task(run(program, where, settings, options(words)))
    await program.obey()


asyncio.run(main(*sys.argv[1:]))
