"""The firmware for hosts of a network.

    firmware.py PORT [--cert FILE --key FILE] [--token TOKEN]

With a token, web pages of any origin need it, too. It ends when its standard input does.
"""

import asyncio
import sys

from signalbox import hardware_host, start
from signalbox.app import App
from signalbox.config import check

port, *words = sys.argv[1:]
given = dict(zip(words[::2], words[1::2]))
listen = {"port": int(port), "origins": ["*"], "max_peers": 16}
for option, key in (("--cert", "cert"), ("--key", "key"), ("--token", "token")):
    if option in given:
        listen[key] = given[option]
listen["open"] = "token" not in listen
app = App(
    check({"name": "signalbox", "mode": "server", "wifi": [], "listen": listen}), hardware_host
)
asyncio.run(start.run(app, True))
