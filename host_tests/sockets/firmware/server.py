"""A server on real sockets. Argument: a JSON file, its plan. behaviour.py says what it prints."""

import asyncio
import json
import sys

from behaviour import be_a_port, report, use
from signalbox.compat import sleep_ms
from signalbox.net.server import Response, serve
from signalbox.net.transport import server_context
from signalbox.ws.connection import Settings


def process_request(request):
    """Pages and refusals for the tests of them."""
    if request.path == "/page":
        return Response(200, "a page\n", {"content-type": "text/plain"})
    if request.path == "/file":
        return Response(200, open(__file__, "rb"), {"content-type": "text/plain"})
    if request.path == "/secret" and not request.headers.get("authorization"):
        return Response(401, "who is there?\n", {"www-authenticate": "Basic"})
    if request.path == "/forbidden":
        return Response(403)
    return None


async def main(plan):
    async def handler(ws):
        await use(ws, plan)

    context = server_context(plan["cert"], plan["key"]) if "cert" in plan else None
    server = serve(
        handler,
        "127.0.0.1",
        plan["port"],
        process_request=process_request,
        subprotocols=plan.get("subprotocols", ()),
        context=context,
        settings=Settings(**plan.get("settings", {})),
        **plan.get("limits", {}),
    )
    report("listening on", plan["port"])
    async with server:
        while len(server.websockets) < plan.get("close_all", 1000):
            await sleep_ms(10)
    report("all closed")


with open(sys.argv[1]) as file:
    plan = json.load(file)
be_a_port(plan)
asyncio.run(main(plan))
