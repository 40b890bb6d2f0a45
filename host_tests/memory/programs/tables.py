"""How many entries the hash tables have that every frame is looked up in: a line each.

`name entries`, of classes and of what one connection's objects hold.
"""

import asyncio

from signalbox.net.endpoint import WebSocket
from signalbox.net.transport import Transport
from signalbox.ws.connection import Connection
from signalbox.ws.frame import FrameParser
from signalbox.ws.message import MessageReader
from signalbox.ws.output import Output


def show(name, thing):
    print(name, len(thing.__dict__))


async def main():
    for kind in (Connection, FrameParser, MessageReader, Output, Transport, WebSocket):
        show("class " + kind.__name__, kind)
    for role, client in (("server", False), ("client", True)):
        connection = Connection(client)
        show(role + "'s connection", connection)
        show(role + "'s reader", connection.reader)
        show(role + "'s output", connection.output)
    show("WebSocket", WebSocket(None, connection))  # its tasks never run


asyncio.run(main())
