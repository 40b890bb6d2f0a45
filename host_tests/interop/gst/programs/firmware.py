"""The firmware's main program for hosts of a network: main.py listens on the loopback only.

    firmware.py PORT [--cert FILE --key FILE] [--token TOKEN]

With a token, web pages of any origin need it, too. It ends when its standard input does.
"""

import asyncio
import sys

import main
from signalbox.app import App
from signalbox.net.access import Access
from signalbox.net.transport import server_context

port, *words = sys.argv[1:]
given = dict(zip(words[::2], words[1::2]))
token = given.get("--token")
context = server_context(given["--cert"], given["--key"]) if "--cert" in given else None
app = App(Access(token, ("*",), open=not token), "signalbox", main.MAX_PEERS, context)
main.HOST = "0.0.0.0"
asyncio.run(main.run(app, int(port), True))
