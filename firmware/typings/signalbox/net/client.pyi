from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from typing import Any

from signalbox.net.endpoint import WebSocket
from signalbox.ws.close import CloseOutcome
from signalbox.ws.connection import Settings

class connect:
    on_retry: Callable[[Exception | CloseOutcome, int], object] | None
    backoff: Any
    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        ca: str | bytes | None = None,
        context: Any = None,
        settings: Settings | None = None,
        open_timeout: int = 10000,
        on_retry: Callable[[Exception | CloseOutcome, int], object] | None = None,
        backoff: Any = None,
    ) -> None: ...
    async def open(self) -> WebSocket: ...
    def __await__(self) -> Generator[Any, Any, WebSocket]: ...
    async def __aenter__(self) -> WebSocket: ...
    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None: ...
    def __aiter__(self) -> AsyncIterator[WebSocket]: ...
