from collections.abc import Callable
from typing import Any

from signalbox.ws.close import CloseOutcome

class SignallingClient:
    peer: Any
    def __init__(
        self,
        peer: Any,
        url: str,
        token: str | None = None,
        ca: str | bytes | None = None,
        max_message: int = ...,
        backoff: Any = None,
        on_close: Callable[[CloseOutcome], object] | None = None,
    ) -> None: ...
    async def run(self) -> None: ...
    def deliver(self) -> None: ...
    def stop(self, code: int = 1000) -> None: ...
    def hurry(self) -> None: ...
