from typing import Any

class Settings:
    max_message: int
    buffer: int
    ping_interval: int
    pong_timeout: int
    close_timeout: int
    finish_timeout: int
    tcp_timeout: int
    quiet: int
    drain: int
    stream: bool
    finish_window: bool
    pool: Any
    def __init__(self, **settings: Any) -> None: ...
