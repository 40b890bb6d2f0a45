"""Draw the close handshake from the table in firmware/signalbox/ws/close.py.

    python3 tools/diagram.py           write the diagram into firmware/signalbox/ws/README.md
    python3 tools/diagram.py --check   exit 1 when that page is not what the table says

The tables are imported, not parsed, so what is drawn is what runs.
"""

import sys
from pathlib import Path

import generated

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "firmware/signalbox/ws/README.md"

sys.path.insert(0, str(ROOT / "firmware"))

from signalbox.ws import close  # noqa: E402

EVENTS = {
    close._LOCAL_CLOSE: "close() or reply",
    close._CLOSE_WRITTEN: "Close written",
    close._PEER_CLOSE: "peer's Close",
    close._FAIL: "failed",
    close._TCP_EOF: "EOF or reset",
    close._WRITE_BROKEN: "write error",
    close._TCP_DOWN: "TCP closed",
}
OUTGOING = ("SENDING", "QUEUED", "SENT", "SHUT")
INCOMING = ("RECEIVING", "CLOSED", "DISCARDING", "ENDED")


def edges(table, names):
    """Lines of a Mermaid state diagram: one arrow per pair of states, with what causes it."""
    numbers = [getattr(close, "_" + name) for name in names]
    rows = [table[at : at + close.EVENTS] for at in range(0, len(table), close.EVENTS)]
    assert numbers == list(range(len(rows))), "the names are not those of the table"
    yield f"    [*] --> {names[0]}"
    for state, row in enumerate(rows):
        causes = {}
        for event, following in enumerate(row):
            if following != state:
                causes.setdefault(following, []).append(EVENTS[event])
        for following, labels in causes.items():
            yield f"    {names[state]} --> {names[following]}: {', '.join(labels)}"


def diagram():
    """The generated part of the page."""
    lines = []
    for title, table, names in (
        ("Outgoing", close.OUTGOING, OUTGOING),
        ("Incoming", close.INCOMING, INCOMING),
    ):
        lines += [f"{title}:", "", "```mermaid", "stateDiagram-v2", *edges(table, names), "```", ""]
    lines += ["Together, in the names of the RFC:", ""]
    lines += ["| outgoing \\ incoming | " + " | ".join(INCOMING) + " |"]
    lines += ["| --- " * (len(INCOMING) + 1) + "|"]
    for outgoing, name in enumerate(OUTGOING):
        states = [close.ready_state(outgoing, incoming) for incoming in range(len(INCOMING))]
        lines.append(f"| {name} | " + " | ".join(states) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    generated.update(PAGE, "diagram", diagram(), check=sys.argv[1:] == ["--check"])
