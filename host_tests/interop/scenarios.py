"""What is done in a cell of the matrix, and what must come of it.

A scenario is a function of a Meeting that returns an Expected. Its name says who acts: "theirs" and
"they" are the peer, "ours" and "we" the firmware.
"""

import signal
from dataclasses import dataclass

THEIR_CODE, THEIR_REASON = 4001, "bye"
OUR_CODE, OUR_REASON = 4002, "so long"
THEIR_CLOSE = f"close {THEIR_CODE} {THEIR_REASON}"
OUR_CLOSE = f"close {OUR_CODE} {OUR_REASON}"
FEW, MANY = 3, 50
SMALL, LARGE, UPLOAD = 100, 4096, 1 << 20
UNDER_WAY = 200_000  # octets of an upload on the wire before the other side closes
STEP_TIMEOUT_S = 10
END_TIMEOUT_S = 15
OPEN_TIMEOUT_MS = 1500  # of the firmware, when the peer is stopped


@dataclass
class Expected:
    """What the records must say; verdict.py compares."""

    handshake: bool = True  # both Closes are due
    initiator: str = "transport"
    their_code: object = None  # what the peer was told to say; None: whatever it says by default
    our_code: object = None  # what our Close must say; None: the same as theirs
    reports: tuple = ()  # codes that the peer may report besides ours
    truncated: bool = False  # the peer left a message unfinished
    unfinished: bool = False  # we did
    opened: bool = True  # the opening handshake is due
    aborted: bool = False  # we gave up: what comes after our FIN is answered by a reset
    judged: bool = True  # the peer lives and is to say how it ended


def they_close(meeting):
    """The peer closes first."""
    meeting.exchange()
    meeting.peer.tell(THEIR_CLOSE)
    return Expected(initiator="peer", their_code=THEIR_CODE)


def we_close(meeting):
    """We close first."""
    meeting.exchange()
    meeting.ours.tell(OUR_CLOSE)
    return Expected(initiator="local", their_code=OUR_CODE, our_code=OUR_CODE)


def default(meeting):
    """The peer closes first, with the code that its library takes when it is given none."""
    meeting.exchange()
    meeting.peer.tell("close")
    return Expected(initiator="peer", reports=(1000, 1005))


def both_close(meeting):
    """Both close, and the Closes cross on the wire."""
    meeting.need_cable()
    meeting.exchange()
    with meeting.holding():
        meeting.ours.tell(OUR_CLOSE)
        meeting.peer.tell(THEIR_CLOSE)
        meeting.wait_sent(ours=True, theirs=True)
    return Expected(
        initiator="local", their_code=THEIR_CODE, our_code=OUR_CODE, reports=(THEIR_CODE,)
    )


def queued_theirs(meeting):
    """The peer closes while 50 messages wait on each side."""
    with meeting.holding():
        meeting.queue()
        meeting.peer.tell(THEIR_CLOSE)
        meeting.settle()
    return Expected(initiator="peer", their_code=THEIR_CODE)


def queued_ours(meeting):
    """We close while 50 messages wait on each side."""
    with meeting.holding():
        meeting.queue()
        meeting.ours.tell(OUR_CLOSE)
        meeting.settle()
    return Expected(initiator="local", their_code=OUR_CODE, our_code=OUR_CODE)


def fragment_theirs(meeting):
    """The peer closes inside a message that it has not finished."""
    meeting.exchange()
    meeting.begin_message(meeting.peer)
    meeting.peer.tell(THEIR_CLOSE)
    return Expected(initiator="peer", their_code=THEIR_CODE, truncated=True)


def fragment_ours(meeting):
    """We close inside a message that we have not finished."""
    meeting.exchange()
    meeting.begin_message(meeting.ours)
    meeting.ours.tell(OUR_CLOSE)
    return Expected(initiator="local", their_code=OUR_CODE, our_code=OUR_CODE, unfinished=True)


def upload_theirs(meeting):
    """We close while the peer uploads 1 MiB in one message."""
    meeting.exchange()
    with meeting.holding_upload(from_ours=False):
        meeting.ours.tell(OUR_CLOSE)
        meeting.wait_sent(ours=True)
    return Expected(initiator="local", their_code=OUR_CODE, our_code=OUR_CODE)


def upload_ours(meeting):
    """The peer closes while we upload 1 MiB in one message."""
    meeting.exchange()
    with meeting.holding_upload(from_ours=True):
        meeting.peer.tell(THEIR_CLOSE)
        meeting.wait_sent(theirs=True)
    return Expected(initiator="peer", their_code=THEIR_CODE)


def kill(meeting):
    """The peer is killed, by signal 9."""
    meeting.exchange()
    meeting.peer.signal(signal.SIGKILL)
    return Expected(handshake=False, judged=False)


def fin_theirs(meeting):
    """The peer ends TCP with a FIN, without a Close."""
    meeting.exchange()
    meeting.drop(meeting.peer)
    return Expected(handshake=False, judged=False)


def fin_ours(meeting):
    """We end TCP with a FIN, without a Close: close_now()."""
    meeting.exchange()
    meeting.drop(meeting.ours)
    return Expected(handshake=False, aborted=True)


def stopped(meeting):
    """The peer is stopped, by SIGSTOP, during the opening handshake: our deadline ends it."""
    return Expected(handshake=False, opened=False, judged=False)


SCENARIOS = {
    "they-close": they_close,
    "we-close": we_close,
    "default": default,
    "both-close": both_close,
    "queued-theirs": queued_theirs,
    "queued-ours": queued_ours,
    "fragment-theirs": fragment_theirs,
    "fragment-ours": fragment_ours,
    "upload-theirs": upload_theirs,
    "upload-ours": upload_ours,
    "kill": kill,
    "stopped": stopped,
    "fin-theirs": fin_theirs,
    "fin-ours": fin_ours,
}
