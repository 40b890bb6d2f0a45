"""The firmware's main program for hosts of a network: main.py listens on the loopback only.

    firmware.py PORT [--cert FILE --key FILE] [--token TOKEN]

With a token, web pages of any origin need it, too. It ends when its standard input does.
"""

import asyncio
import sys

from signalbox import start
from signalbox.app import App
from signalbox.net.access import Access
from signalbox.net.transport import server_context

port, *words = sys.argv[1:]
given = dict(zip(words[::2], words[1::2]))
token = given.get("--token")
context = server_context(given["--cert"], given["--key"]) if "--cert" in given else None
app = App(Access(token, ("*",), open=not token), "signalbox", start.MAX_PEERS, context)
start.HOST = "0.0.0.0"
asyncio.run(start.run(app, int(port), True))
