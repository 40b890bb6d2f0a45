"""What peers do that they should not, or that must be known to understand a cell: checked.

An entry covers cells, and says in each of them what the trait (verdict.py) means and what ours
made of it. A trait that no entry covers fails its cell. An entry whose trait does not occur in a
cell that it covers fails the run, too, unless it is `sometimes`: a race inside the peer.
"""

from dataclasses import dataclass
from fnmatch import fnmatch

EVERY = ("*",)


@dataclass(frozen=True)
class Explained:
    """`role` is ours. Names of peers, scenarios and schemes may have a * in them."""

    peers: tuple
    trait: str
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


# Where the firmware's Close comes first; where the peer's does; and both with the crossing ones.
ANSWERS = ("we-close", "queued-ours", "fragment-ours", "upload-theirs")
ASKS = ("they-close", "default", "queued-theirs", "fragment-theirs", "upload-ours")
CLOSES = (*ANSWERS, *ASKS, "both-close")

RUSTLS = ("tungstenite-0.21", "tungstenite", "async-tungstenite")
LEAVES = ("tungstenite-leave-at-close",)
GST = ("async-tungstenite-gst",)
READ_ONCE = ("gorilla-read-once",)

NO_CLOSE_NOTIFY = (
    "MicroPython's TLS can't send a close_notify. To rustls a FIN without one is an error, and "
    "tungstenite hands it on although both Closes were exchanged."
)
DOES_NOT_WAIT = (
    "Its client ends TCP as soon as both Closes are exchanged; it SHOULD wait for the server to do "
    "so (7.1.1). Nothing is lost by it."
)
NEVER_FLUSHED = (
    "Nothing is called any more once Message::Close was read, so the reply that read() had queued "
    "is dropped with the socket: a bare FIN."
)
DROPS_THE_REST = "What it had not sent yet when our Close came is dropped with the socket."
GST_NEVER_FLUSHED = (
    "close() behind the peer's Close is SendAfterClosing, and leaves the queued reply unflushed: a "
    "bare FIN from its server, as from gst-plugins-rs since 0.14."
)
GST_CLIENT_STAYS = (
    "As in gst-plugins-rs since 0.14, its client stops reading at our Close, and neither answers "
    "nor ends: our close_timeout ends it."
)
GST_DROPS = (
    "It drops the connection right behind its Close, as gst-plugins-rs does. What we send then is "
    "answered by a reset."
)
RESET_DESTROYS = (
    "It closes its socket with input unread. The kernel makes that a reset, which destroys what is "
    "under way in both directions, its Close included."
)
OWN_CODE = (
    "Both Closes were exchanged, but it takes only one with the code of its own for an answer."
)
READS_ONCE = (
    "The wrong TryCloseNormally: the message that is read behind its Close is taken for a failure, "
    "and TCP closed."
)
CODER_DISCARDS = "Close() discards the messages that it reads, as its documentation says."
HTML_DISCARDS = (
    "Behind close() the API gives out no message: the HTML standard has it do so only while OPEN."
)
ANSWERS_INSIDE = (
    "It sends large messages in fragments, and answers our Close at once, inside of one; the rest "
    "is not sent."
)


def _each(traits, peers, text, scenarios, **where):
    """One entry for each trait."""
    return [Explained(peers, trait, text, tuple(scenarios), **where) for trait in traits]


UNCLEAN = ("reports an unclean end", "reports an error")
LOSSES = ("lost messages of ours", "lost messages of its own")
SERVER, CLIENT, WS, WSS = ("server",), ("client",), ("ws",), ("wss",)
LATE = "ends before the server"

DOES_NOT = ("gorilla", "coder", "ws")  # wait for the server

EXPLAINED = (
    # Rust
    *_each(UNCLEAN, RUSTLS, NO_CLOSE_NOTIFY, CLOSES, roles=SERVER, schemes=WSS),
    *_each(["no Close"], LEAVES, NEVER_FLUSHED, ANSWERS),
    *_each(
        ["message broken off", "lost messages of its own"],
        LEAVES,
        DROPS_THE_REST,
        ["upload-theirs"],
        sometimes=True,
    ),
    *_each([LATE], LEAVES, DOES_NOT_WAIT, [*ASKS, "both-close"], roles=SERVER, schemes=WSS),
    *_each([LATE], LEAVES, DOES_NOT_WAIT, ["both-close"], roles=SERVER, schemes=WS, sometimes=True),
    *_each(["no Close"], GST, GST_NEVER_FLUSHED, ANSWERS[:3], roles=CLIENT),
    # close() flushes what is blocked, and with it the reply.
    *_each(["no Close"], GST, GST_NEVER_FLUSHED, ["upload-theirs"], roles=CLIENT, sometimes=True),
    *_each(
        ["no Close", "goes on as if nothing were"], GST, GST_CLIENT_STAYS, ANSWERS, roles=SERVER
    ),
    *_each(
        ["message broken off"],
        GST,
        GST_CLIENT_STAYS,
        ["upload-theirs"],
        roles=SERVER,
        sometimes=True,
    ),
    *_each(["RST"], GST, GST_DROPS, [*ASKS, "both-close"]),
    *_each(["no Close", *LOSSES], GST, RESET_DESTROYS, ["queued-theirs"]),
    *_each(["lost messages of ours"], GST, RESET_DESTROYS, ["upload-ours"]),
    *_each(["no Close"], GST, RESET_DESTROYS, ["upload-ours"], sometimes=True),
    # Go
    *_each(UNCLEAN, ("gorilla*", "coder"), OWN_CODE, ["both-close"]),
    *_each(UNCLEAN, READ_ONCE, READS_ONCE, ["queued-theirs", "upload-ours"]),
    *_each(["no Close", *LOSSES, "RST"], READ_ONCE, RESET_DESTROYS, ["queued-theirs"]),
    *_each(["RST"], READ_ONCE, RESET_DESTROYS, ["upload-ours"], sometimes=True),
    *_each([LATE], READ_ONCE, DOES_NOT_WAIT, CLOSES, roles=SERVER, sometimes=True),
    *_each(["lost messages of ours"], ("coder",), CODER_DISCARDS, ["queued-theirs", "upload-ours"]),
    *_each(
        ["message broken off"],
        ("gorilla*",),
        ANSWERS_INSIDE,
        ["upload-theirs"],
        roles=SERVER,
        sometimes=True,
    ),
    # Over TLS our server waits a moment for the client's end; else it is a race with ours.
    *_each([LATE], DOES_NOT, DOES_NOT_WAIT, CLOSES, roles=SERVER, schemes=WSS),
    *_each([LATE], DOES_NOT, DOES_NOT_WAIT, CLOSES, roles=SERVER, schemes=WS, sometimes=True),
    # Chromium
    *_each(
        ["lost messages of ours"], ("chromium",), HTML_DISCARDS, ["queued-theirs", "upload-ours"]
    ),
    *_each(
        ["message broken off", "lost messages of its own"],
        ("chromium",),
        ANSWERS_INSIDE,
        ["upload-theirs"],
        sometimes=True,  # not when all of it was in the socket
    ),
    *_each(
        ["reports an unclean end"], ("chromium",), ANSWERS_INSIDE, ["upload-theirs"], sometimes=True
    ),
)
