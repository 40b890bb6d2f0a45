from typing import Any

class Request:
    method: str
    target: str
    path: str
    query: str
    headers: dict[str, str]
    upgrade: bool
    def __init__(self, head: Any) -> None: ...
