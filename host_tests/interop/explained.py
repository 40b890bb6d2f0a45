"""What peers do that they should not, or that must be known to understand a cell: checked.

An entry covers cells, and says what its traits (verdict.py) mean there, and what ours makes of it.
A trait that no entry covers fails its cell. An entry of which a trait does not occur in a cell
that it covers fails the run, too. One that is `sometimes` true depends on a race inside the peer;
a line tells when it occurred nowhere in a run of all cells.
"""

from dataclasses import dataclass
from fnmatch import fnmatch

EVERY = ("*",)
WE_CLOSE = ("we-close", "queued-ours", "fragment-ours", "upload-theirs")
THEY_CLOSE = ("they-close", "default", "queued-theirs", "fragment-theirs", "upload-ours")
CLOSE = (*WE_CLOSE, *THEY_CLOSE, "both-close")
CLIENT, SERVER = ("client",), ("server",)
WS, WSS = ("ws",), ("wss",)


@dataclass(frozen=True)
class Explained:
    """`roles` are ours. Names of peers, scenarios and schemes may have a * in them."""

    peers: tuple
    traits: tuple
    text: str
    scenarios: tuple = EVERY
    roles: tuple = EVERY
    schemes: tuple = EVERY
    sometimes: bool = False

    def covers(self, cell):
        return (
            _any(cell.peer.name, self.peers)
            and _any(cell.scenario, self.scenarios)
            and _any(cell.role, self.roles)
            and _any(cell.scheme, self.schemes)
        )


def _any(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


RUSTLS = ("tungstenite-0.21", "tungstenite", "async-tungstenite")
LEAVES = ("tungstenite-leave-at-close",)
GST = ("async-tungstenite-gst",)
GO = ("gorilla*", "coder")
READ_ONCE = ("gorilla-read-once",)
UNCLEAN = ("reports an unclean end", "reports an error")
LOST_OURS, LOST_ITS = "lost messages of ours", "lost messages of its own"
LATE = "ends before the server"

EXPLAINED = (
    # Clients in general
    Explained(
        ("aiohttp", "socketrocket", *GO),
        (LATE,),
        "Its client ends TCP as soon as both Closes are exchanged; it SHOULD wait for the server "
        "to do so (7.1.1). Our FIN follows, and nothing is lost.",
        WE_CLOSE,
        SERVER,
        WS,
    ),
    Explained(
        ("ws", "aiohttp", "socketrocket", *GO, *LEAVES),
        (LATE,),
        "Its client does not wait for the server to end TCP (7.1.1): its FIN and ours cross.",
        (*WE_CLOSE, "both-close"),
        SERVER,
        WS,
        sometimes=True,
    ),
    Explained(
        LEAVES,
        (LATE,),
        "Its client ends TCP at the server's Close, and its FIN and ours cross.",
        THEY_CLOSE,
        SERVER,
        WS,
        sometimes=True,
    ),
    Explained(
        ("ws", "aiohttp", "socketrocket", *GO),
        (LATE,),
        "Its client ends TLS and TCP at once. Over TLS our server leaves it 0.2 s for that, as "
        "MicroPython has no `shutdown()`, and a close_notify that came behind a `close()` would be "
        "answered by a reset.",
        ("they-close", *WE_CLOSE),
        SERVER,
        WSS,
    ),
    Explained(
        ("ws", "aiohttp", "socketrocket", *GO, *LEAVES),
        (LATE,),
        "Its client ends TLS and TCP at once, and over TLS our server leaves it 0.2 s for that.",
        CLOSE,
        SERVER,
        WSS,
        sometimes=True,
    ),
    # websockets
    Explained(
        ("websockets",),
        ("Close says 1011", "reports 1006", "reports an error"),
        "Inside a message that it has not finished, its `close()` says 1011, whatever it was "
        "given, and waits for no answer; so it reports 1006. Ours has 1011, clean, and flags the "
        "message as truncated.",
        ("fragment-theirs",),
    ),
    Explained(
        ("websockets",),
        ("Close says 1002",),
        "It takes a Close inside a fragmented message for a violation, though control frames may "
        "stand there (5.4). Ours has 1002, clean.",
        ("fragment-ours",),
    ),
    # aiohttp
    Explained(
        ("aiohttp",),
        ("Close says 1000",),
        "It answers every Close with 1000. Ours has 1000, clean.",
        WE_CLOSE,
    ),
    Explained(
        ("aiohttp",),
        ("RST",),
        "When `close()` is called outside of the handler, as its documentation shows for a "
        "shutdown, the handler ends, and TCP with it: the FIN comes right behind the Close, our "
        "answer is not read, and met by a reset. Ours has the peer's Close, and is clean.",
        ("they-close", "default", "both-close"),
        CLIENT,
        WS,
    ),
    Explained(
        ("aiohttp",),
        ("reports 1000",),
        "It reports 1000, whatever was said.",
        ("they-close", "both-close"),
        CLIENT,
    ),
    Explained(
        ("aiohttp",),
        ("RST", "no Close", LOST_OURS, LOST_ITS),
        "It closes TCP while our messages are unread, as its handler has ended: the reset destroys "
        "its own queue as well, its Close included. Ours says 1006, unclean, reset.",
        ("queued-theirs",),
        CLIENT,
    ),
    Explained(
        ("aiohttp",),
        ("reports 1000", "reports 1006"),
        "It reports 1000 or 1006, and has received neither.",
        ("queued-theirs",),
        CLIENT,
        sometimes=True,
    ),
    Explained(
        ("aiohttp",),
        ("RST", LOST_OURS, "reports 1000"),
        "It closes TCP while we upload, as its handler has ended. Ours has its Close, is unclean, "
        "and says that one message is undelivered.",
        ("upload-ours",),
        CLIENT,
    ),
    Explained(
        ("aiohttp",),
        (LOST_OURS,),
        "`close()` discards the messages that it reads until the Close. All of ours were on the "
        "wire before our Close.",
        ("queued-theirs", "upload-ours"),
        SERVER,
    ),
    # Go
    Explained(
        ("coder",),
        (LOST_OURS,),
        "`Close()` discards the messages that it reads, as its documentation says. All of ours "
        "were on the wire before our Close.",
        ("queued-theirs", "upload-ours"),
    ),
    Explained(
        GO,
        UNCLEAN,
        "Both Closes were exchanged, but it takes only one with the code of its own for an answer. "
        "Ours has both codes, clean.",
        ("both-close",),
    ),
    Explained(
        ("gorilla*",),
        ("message broken off",),
        "It sends large messages in fragments, and answers our Close at once, inside of one; the "
        "rest is not sent. Ours is clean and flags the message as truncated.",
        ("upload-theirs",),
        SERVER,
        sometimes=True,
    ),
    Explained(
        READ_ONCE,
        ("RST", "no Close", LOST_OURS, LOST_ITS, *UNCLEAN),
        "The wrong TryCloseNormally: the message that is read behind its Close is taken for a "
        "failure, and TCP closed with more unread. The kernel makes that a reset, which destroys "
        "its own queue, its Close included. Ours says 1006, unclean, reset.",
        ("queued-theirs",),
    ),
    Explained(
        READ_ONCE,
        UNCLEAN,
        "The wrong TryCloseNormally: the message that is read behind its Close is taken for a "
        "failure. Ours has its Close.",
        ("upload-ours",),
    ),
    Explained(
        READ_ONCE,
        ("RST",),
        "It closes TCP without reading our Close.",
        ("upload-ours",),
        sometimes=True,
    ),
    # Rust
    Explained(
        RUSTLS,
        UNCLEAN,
        "MicroPython's TLS can't send a close_notify. To rustls a FIN without one is an error, and "
        "tungstenite hands it on although both Closes were exchanged, and all messages were there.",
        CLOSE,
        SERVER,
        WSS,
    ),
    Explained(
        ("async-tungstenite",),
        ("no Close", "message broken off", LOST_ITS),
        "Over TLS it drops with the socket what rustls had not written yet: the end of its message "
        "and its Close. Ours says 1006, unclean, truncated, `peer_no_echo`.",
        ("upload-theirs",),
        schemes=WSS,
        sometimes=True,
    ),
    Explained(
        LEAVES,
        ("no Close",),
        "Nothing is called any more once `Message::Close` was read, so the reply that `read()` had "
        "queued is dropped with the socket: a bare FIN. Ours says 1006, unclean, `peer_no_echo`.",
        WE_CLOSE,
    ),
    Explained(
        LEAVES,
        ("message broken off", LOST_ITS),
        "What it had not sent yet when our Close came is dropped with the socket. Ours flags the "
        "message as truncated.",
        ("upload-theirs",),
        sometimes=True,
    ),
    Explained(
        GST,
        ("no Close",),
        "`close()` behind the peer's Close is SendAfterClosing, and leaves the queued reply "
        "unflushed: a bare FIN from its server, as from gst-plugins-rs since 0.14. Ours says 1006, "
        "unclean, `peer_no_echo`.",
        ("we-close", "queued-ours", "fragment-ours"),
        CLIENT,
    ),
    Explained(
        GST,
        ("no Close", "message broken off", LOST_ITS),
        "`close()` flushes what is blocked, and with it the reply; or its message is broken off, "
        "and there is none.",
        ("upload-theirs",),
        CLIENT,
        sometimes=True,
    ),
    Explained(
        GST,
        ("no Close", "goes on as if nothing were"),
        "As in gst-plugins-rs since 0.14, its client stops reading at our Close, and neither "
        "answers nor ends: our `close_timeout` ends it. Ours says 1006, unclean, `timed_out`.",
        WE_CLOSE,
        SERVER,
    ),
    Explained(
        GST,
        ("message broken off", LOST_ITS),
        "It does not finish its message.",
        ("upload-theirs",),
        SERVER,
        sometimes=True,
    ),
    Explained(
        GST,
        ("RST",),
        "It drops the connection right behind its Close, as gst-plugins-rs does: our answer is met "
        "by a reset. Ours has its Close, and is clean.",
        ("they-close", "default", "both-close", "fragment-theirs"),
    ),
    Explained(
        GST,
        ("RST", LOST_OURS),
        "It drops the connection with our messages unread, which is a reset. Ours says so.",
        ("queued-theirs",),
    ),
    Explained(
        GST,
        ("no Close", LOST_ITS),
        "The reset destroys its own queue, too, its Close included: ours says 1006.",
        ("queued-theirs",),
        sometimes=True,
    ),
    Explained(
        GST,
        ("RST", LOST_OURS),
        "It drops the connection while we upload. Ours is unclean and says so.",
        ("upload-ours",),
    ),
    Explained(
        GST,
        ("no Close",),
        "The reset destroys its Close as well.",
        ("upload-ours",),
        sometimes=True,
    ),
    # Chromium
    Explained(
        ("chromium",),
        (LOST_OURS,),
        "Behind `close()` the API gives out no message: the HTML standard has it do so only while "
        "OPEN. All of ours were on the wire before our Close.",
        ("queued-theirs", "upload-ours"),
    ),
    Explained(
        ("chromium",),
        ("message broken off", LOST_ITS),
        "It sends large messages in fragments, and answers our Close at once, inside of one; the "
        "rest is not sent. Ours is clean and flags the message as truncated.",
        ("upload-theirs",),
        sometimes=True,  # not when all of it was in the socket
    ),
    Explained(
        ("chromium",),
        (LOST_ITS,),
        "It answers our Close at once, and drops the messages that it has not sent yet.",
        ("queued-ours",),
        sometimes=True,
    ),
    Explained(
        ("chromium",),
        ("reports an unclean end",),
        "It reports that end as unclean.",
        ("upload-theirs",),
        sometimes=True,
    ),
    Explained(
        ("chromium",),
        ("RST",),
        "It ends TCP behind both Closes while the rest of our message comes in, which is a reset. "
        "Ours has its Close.",
        ("upload-ours",),
        sometimes=True,
    ),
    # SocketRocket, as its model does it
    Explained(
        ("socketrocket",),
        ("Close says 1000",),
        "It answers every Close with 1000. Ours has 1000, clean.",
        WE_CLOSE,
    ),
    Explained(
        ("socketrocket",),
        ("reports 1001",),
        "It reports 1001 at the end of TCP.",
        ("fin-ours",),
    ),
    Explained(
        ("socketrocket",),
        ("reports 1001", "reports an unclean end"),
        "When the end of TCP is told before it has handled our Close, it reports 1001, unclean, "
        "whatever the Close said, and does not look at what else has come.",
        ("both-close", "queued-theirs", "upload-ours"),
        sometimes=True,
    ),
    Explained(
        ("socketrocket-0.3",),
        ("Close says 65535",),
        "Its `close` says -1, which is no code. Ours fails the connection with 1002, on the wire, "
        "and says 1006, unclean.",
        ("default",),
        schemes=WS,
    ),
    Explained(
        ("socketrocket-0.3",),
        ("makes us fail with 1002",),
        "Its `close` says -1, which is no code. Ours fails the connection with 1002, and says "
        "1006, unclean. Over TLS the codes can't be read off the wire.",
        ("default",),
        schemes=WSS,
    ),
)
