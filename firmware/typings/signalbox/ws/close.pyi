from typing import NamedTuple

class ConnectionClosed(Exception): ...

class CloseOutcome(NamedTuple):
    code: int
    reason: str
    clean: bool
    initiator: str
    sent_code: int | None
    rcvd_code: int | None
    failed_with: int | None
    undelivered: int
    discarded: int
    timed_out: bool
    truncated: bool
    tcp_reset: bool
    peer_no_echo: bool
