from collections.abc import Iterable

from signalbox.net.server import Response
from signalbox.ws.handshake_server import Request

class Access:
    subprotocols: tuple[str, ...]
    def __init__(
        self, token: str | None = None, origins: Iterable[str] = (), open: bool = False
    ) -> None: ...
    def __call__(self, request: Request) -> Response | None: ...
