from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, BinaryIO

from signalbox.net.endpoint import WebSocket
from signalbox.ws.connection import Settings
from signalbox.ws.handshake_server import Request

class Response:
    status: int
    body: bytes | BinaryIO | None
    headers: Mapping[str, str] | None
    def __init__(
        self,
        status: int,
        body: str | bytes | BinaryIO | None = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None: ...

class Server:
    websockets: list[WebSocket]
    def __init__(
        self,
        listener: Any,
        handler: Any,
        process_request: Any,
        subprotocols: Any,
        settings: Any,
        limits: Any,
    ) -> None: ...
    def refuse(self) -> None: ...
    def close(self, code: int = 1001, reason: str = "") -> None: ...
    async def wait_closed(self) -> None: ...
    async def __aenter__(self) -> Server: ...
    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None: ...

def serve(
    handler: Callable[[WebSocket], Awaitable[object]],
    host: str = "0.0.0.0",
    port: int = 80,
    process_request: Callable[[Request], Response | None] | None = None,
    subprotocols: Sequence[str] = (),
    context: Any = None,
    settings: Settings | None = None,
    max_connections: int = 4,
    handshake_timeout: int = ...,
) -> Server: ...
