"""The close handshake as a table. Everything that decides its course is in this file.

RFC 6455 sections 5.5.1 and 7. Outgoing and incoming direction are two machines with one table
each, of the state that follows, at EVENTS * state + event. The joint rules below say what follows
when they meet. The diagram in README.md is made from these tables by `make diagram`.
"""

from collections import namedtuple

from ..compat import const

# What happens.
_LOCAL_CLOSE = const(0)  # the application is done sending: close(), or a reply that is due
_CLOSE_WRITTEN = const(1)  # the last octet of our Close was handed to TCP
_PEER_CLOSE = const(2)  # a valid Close was parsed
_FAIL = const(3)  # _Fail the WebSocket Connection_ (7.1.7)
_TCP_EOF = const(4)  # the peer's FIN, or a reset: nothing more comes in
_WRITE_BROKEN = const(5)  # TCP takes nothing more
_TCP_DOWN = const(6)  # we took TCP down
EVENTS = 7

# The outgoing direction.
_SENDING = const(0)  # messages are accepted
_QUEUED = const(1)  # our Close stands behind them
_SENT = const(2)  # our Close is handed to TCP
_SHUT = const(3)  # nothing can be written any more

# fmt: off
OUTGOING = bytes([
    # close() written   peer's    fail     EOF       broken  down
    _QUEUED, _SENDING, _SENDING, _QUEUED, _SENDING, _SHUT,  _SHUT,  # SENDING
    _QUEUED, _SENT,    _QUEUED,  _QUEUED, _QUEUED,  _SHUT,  _SHUT,  # QUEUED
    _SENT,   _SENT,    _SENT,    _SENT,   _SENT,    _SHUT,  _SHUT,  # SENT
    _SHUT,   _SHUT,    _SHUT,    _SHUT,   _SHUT,    _SHUT,  _SHUT,  # SHUT
])

# The incoming direction.
_RECEIVING = const(0)  # frames are parsed
_CLOSED = const(1)  # the peer's Close was received; what follows is read and discarded
_DISCARDING = const(2)  # the connection was failed; what follows is read and not even parsed
_ENDED = const(3)  # nothing more comes in

INCOMING = bytes([
    # close()     written      peer's       fail         EOF     broken       down
    _RECEIVING,  _RECEIVING,  _CLOSED,     _DISCARDING, _ENDED, _RECEIVING,  _ENDED,  # RECEIVING
    _CLOSED,     _CLOSED,     _CLOSED,     _CLOSED,     _ENDED, _CLOSED,     _ENDED,  # CLOSED
    _DISCARDING, _DISCARDING, _DISCARDING, _DISCARDING, _ENDED, _DISCARDING, _ENDED,  # DISCARDING
    _ENDED,      _ENDED,      _ENDED,      _ENDED,      _ENDED, _ENDED,      _ENDED,  # ENDED
])
# fmt: on

# Joint rules.


def accepts_messages(outgoing, incoming, window):
    """Whether send() takes a message: never behind our Close; after theirs only in the window (R5).

    After an EOF nobody is known to listen.
    """
    return outgoing == _SENDING and (incoming == _RECEIVING or (incoming == _CLOSED and window))


def answers_ping(outgoing, incoming):
    """Until the peer's Close was received, even behind our own (5.5.2)."""
    return incoming == _RECEIVING and outgoing != _SHUT


def ready_state(outgoing, incoming):
    """The state that the RFC and the browsers' API name: OPEN, CLOSING or CLOSED.

    CONNECTING lies before the connection exists (handshake.py).
    """
    if outgoing == _SHUT and incoming == _ENDED:
        return "CLOSED"
    if outgoing == _SENDING and incoming == _RECEIVING:
        return "OPEN"
    return "CLOSING"


# Codes (7.4).

NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS = 1005  # reported for a Close without a code; never sent
ABNORMAL = 1006  # reported when no Close was received; never sent
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013


def valid_code(code):
    """Whether `code` may stand in a Close frame: 7.4.1, 7.4.2 and IANA's registry."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def check_close(code, reason):
    """Raise ValueError for arguments that close() must not take (7.4, 5.5.1)."""
    if code is None:
        if reason:
            raise ValueError("a close reason needs a close code")
    elif not valid_code(code):
        raise ValueError("a close code is 1000-1003, 1007-1014 or 3000-4999, not %r" % code)


class ConnectionClosed(Exception):
    """A message can't be sent or received any more: a Close stands in the way, or TCP is down."""


# How a connection ended; RFC 6455 section 7.1.4 to 7.1.6. Made once, never changed.
#
# code          the peer's, if a valid Close was received; 1005 if that Close had none; 1006 if no
#               Close was received. Never anything the peer did not say.
# reason        the peer's reason, or ""
# clean         both Closes were exchanged, however TCP ended afterwards
# initiator     "local": our Close was sent or begun before the peer's was received; "peer": ours
#               was the reply; "both": ours was queued and not begun when theirs arrived;
#               "transport": there was neither
# sent_code     what our Close said, once all of it was handed to TCP (1005: empty); or None
# rcvd_code     what the peer's Close said (1005: empty); or None
# failed_with   the code with which we failed the connection (7.1.7), or None
# undelivered   messages that send() took and TCP did not, not whole
# discarded     messages that came in while closing and that nobody was there to take
# timed_out     a close timeout ended it
# truncated     a message had begun to come in and did not end
# tcp_reset     TCP ended with a reset
# peer_no_echo  the peer answered our Close with a bare FIN or a reset, as GStreamer's signalling
#               server does since 0.14: nothing to worry about
CloseOutcome = namedtuple(
    "CloseOutcome",
    (
        "code",
        "reason",
        "clean",
        "initiator",
        "sent_code",
        "rcvd_code",
        "failed_with",
        "undelivered",
        "discarded",
        "timed_out",
        "truncated",
        "tcp_reset",
        "peer_no_echo",
    ),
)
