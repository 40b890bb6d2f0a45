from collections.abc import Callable
from typing import Any

from signalbox.net.access import Access
from signalbox.net.endpoint import WebSocket

class SignallingServer:
    broker: Any
    def __init__(
        self,
        access: Access,
        max_peers: int = ...,
        max_message: int = ...,
        large: int | None = None,
        context: Any = None,
    ) -> None: ...
    async def run(
        self,
        host: str,
        port: int,
        site: Any = None,
        more: int = 0,
        listening: Callable[[], None] | None = None,
    ) -> None: ...
    def stop(self) -> None: ...
    def attach(self, peer: Any) -> None: ...
    def tick(self, now: int) -> None: ...
    async def serve(self, ws: WebSocket) -> None: ...
