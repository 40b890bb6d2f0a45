"""A client on real sockets. Argument: a JSON file, its plan. behaviour.py says what it prints."""

import asyncio
import json
import sys

from behaviour import be_a_port, report, use
from signalbox.net.client import connect
from signalbox.net.reconnect import Backoff
from signalbox.ws.connection import Settings


async def main(plan):
    retries = []

    def on_retry(why, delay):
        retries.append(delay)
        report("retry", [getattr(why, "code", str(why)), delay])

    ca = plan.get("ca")
    if plan.get("ca_as_bytes"):
        with open(ca, "rb") as file:
            ca = file.read()
    try:
        connecting = connect(
            plan["url"],
            headers=plan.get("headers"),
            subprotocols=plan.get("subprotocols", ()),
            ca=ca,
            settings=Settings(**plan.get("settings", {})),
            open_timeout=plan.get("open_timeout", 5000),
            on_retry=on_retry,
            backoff=Backoff(100, 400),
        )
        if plan.get("again"):
            async for ws in connecting:
                await use(ws, plan)
            return
        ws = await connecting
    except Exception as error:
        report(
            "failed",
            {
                "type": type(error).__name__,
                "text": str(error),
                "status": getattr(error, "status", None),
                "headers": getattr(error, "headers", None),
            },
        )
        return
    await use(ws, plan)


with open(sys.argv[1]) as file:
    plan = json.load(file)
be_a_port(plan)
asyncio.run(main(plan))
