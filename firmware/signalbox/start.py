"""From the start to the end. On the unix port: `micropython main.py [PORT [--until-eof]]`.

Ctrl-C closes every peer and ends it. With --until-eof the end of standard input does so, too, and
is the safer way for another program: an interrupt breaks whatever task happens to run.
"""

import asyncio
import gc
import sys

# Before anything large is imported: what importing leaves behind is collected while it is small, so
# that the modules lie close together, and large messages find room beside them.
gc.threshold(8192)

from .app import App  # noqa: E402
from .net.access import Access  # noqa: E402

HOST = "127.0.0.1"
PORT = 8443  # of gst-webrtc-signalling-server
MAX_PEERS = 16


async def stop_at_eof(app):
    """Stop the app when there is no more to read from standard input."""
    stdin = asyncio.StreamReader(sys.stdin)
    while await stdin.read(1):
        pass
    app.stop()


async def run(app, port, until_eof):
    """Run the app. OSError if it can't listen."""
    watching = asyncio.create_task(stop_at_eof(app)) if until_eof else None
    await app.run(HOST, port)
    if watching:
        watching.cancel()


def main(arguments):
    """Serve until told to stop. Returns the exit status."""
    port = int(arguments[0]) if arguments else PORT
    # It listens where only this computer reaches it, so any page and program may connect.
    app = App(Access(open=True, origins=("*",)), "signalbox", MAX_PEERS)
    loop = asyncio.get_event_loop()
    running = loop.create_task(run(app, port, "--until-eof" in arguments))
    try:
        loop.run_until_complete(running)
    except KeyboardInterrupt:
        app.stop()
        loop.run_until_complete(running)
    except OSError as error:
        print("can't listen on %s:%d: %s" % (HOST, port, error))
        return 1
    return 0
