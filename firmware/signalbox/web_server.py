"""The board's own port without a signalling server: page, control, preview, health."""

import asyncio

from .compat import const
from .net.server import serve
from .ws.connection import Settings

_BUFFER = const(1460)  # octets
_STOP_TIMEOUT = const(7)  # s; a closing handshake has 5


class WebServer:
    """Serves the routes of a web.Site."""

    def __init__(self, context=None):
        """`context`: for TLS."""
        self._context = context
        self._stopped = asyncio.Event()

    async def run(self, host, port, site, most, listening=None):
        """Serve `most` WebSockets until stop(); then close them with 1001. OSError if it can't
        listen. `listening()` is called once it does.
        """
        server = serve(
            site.serve,
            host,
            port,
            process_request=site,
            subprotocols=site.subprotocols,
            context=self._context,
            settings=Settings(buffer=_BUFFER),
            max_connections=most,
        )
        try:
            print("listening on", port)
            if listening:
                listening()
            await self._stopped.wait()
        finally:
            server.close()
        try:
            await asyncio.wait_for(server.wait_closed(), _STOP_TIMEOUT)
        except asyncio.TimeoutError:
            print("stopped without waiting for every client")
            for ws in server.websockets:
                ws.close_now()

    def stop(self):
        """Have run() end."""
        self._stopped.set()
