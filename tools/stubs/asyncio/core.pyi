# MicroPython's event loop as an endpoint uses it: wait until a stream can be read or written,
# or for some time.
from collections.abc import Awaitable, Iterator
from typing import Any

class IOQueue:
    def queue_read(self, s: Any) -> Awaitable[None]: ...
    def queue_write(self, s: Any) -> Awaitable[None]: ...
    def remove(self, task: Any) -> None: ...

def sleep_ms(t: int) -> Iterator[None]: ...

_io_queue: IOQueue
cur_task: Any
