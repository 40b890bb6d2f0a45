"""wsproto, an independent implementation, on the same octets. CPython only."""

from wsproto.connection import CLIENT, SERVER, Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from . import differences, parse
from .endpoint import close_payload
from .wire import CLOSE, FIN, PONG, check


def events_of(client, chunks):
    """What wsproto in the role of `client` makes of `chunks`: (events, octets in at each)."""
    peer = Connection(CLIENT if client else SERVER)
    events = []
    at = []
    octets_in = 0
    parts = []
    for chunk in chunks:
        octets_in += len(chunk)
        peer.receive_data(chunk)
        for event in peer.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                parts.append(event.data)
                if not event.message_finished:
                    continue
                if isinstance(event, TextMessage):
                    events.append(["text", "".join(parts)])
                else:
                    events.append(["binary", b"".join(parts).hex()])
                parts = []
            elif isinstance(event, (Ping, Pong)):
                kind = "ping" if isinstance(event, Ping) else "pong"
                events.append([kind, bytes(event.payload).hex()])
            else:
                check(isinstance(event, CloseConnection), f"wsproto says {event!r}")
                # It reports a violation as if the peer had closed; its state tells them apart.
                if peer.state is ConnectionState.OPEN:
                    events.append(["failed", int(event.code)])
                else:
                    events.append(["close", int(event.code), event.reason or ""])
                return events, [*at, octets_in]
            at.append(octets_in)
    return events, at


def check_parse(plan):
    """The core and wsproto agree on a wire, or differ as differences.py says.

    Returns what the core made of it, and the name of the difference if there is one.
    """
    ours = parse.run(plan)
    events, at = events_of(plan["client"], parse.chunks(plan))
    name = None
    if ours["events"] != events:
        name = differences.explain(plan, ours["events"], events)
        check(name, f"core: {ours['events'][-2:]}\nwsproto: {events[-2:]}")
    for i, position in enumerate(ours["at"]):
        late = i < len(at) and position > at[i]
        check(
            not late or differences.late(plan, ours["events"][i], position - at[i]),
            f"event {i} at {position}, wsproto's at {at[i:]}",
        )
    check(ours["written"] == answers(ours), f"answers: {ours['written'][-3:]}")
    # However the wire is cut: the same.
    whole = parse.observe({**plan, "chunks": [0], "direct": False})
    for what in ("events", "outcome"):
        check(ours[what] == whole[what], f"{what}: {ours[what]}\nin one chunk: {whole[what]}")
    return ours, name


def answers(ours):
    """The frames that these events must have been answered with.

    A failure drops what is queued: the Pongs for Pings that came in with it.
    """
    events = ours["events"]
    failed_at = ours["at"][-1] if events and events[-1][0] == "failed" else None
    frames = []
    for (kind, *values), at in zip(events, ours["at"], strict=True):
        if kind == "ping" and at != failed_at:
            frames.append([FIN | PONG, values[0]])
        elif kind in ("close", "failed"):
            code = 0 if values[0] == 1005 else values[0]
            frames.append([FIN | CLOSE, close_payload(code).hex()])
    return frames


def expectation(plan):
    """What a replay without wsproto, on another interpreter, must come to."""
    ours = parse.observe(plan)
    return {name: ours[name] for name in ("events", "written", "outcome")}


def check_session(session):
    """wsproto in the peer's role reads our wire without complaint, and reads what was sent."""
    events, _ = events_of(not session.client, [bytes(session.wire)])
    sent = []
    opcode = 0
    payload = b""
    for first, octets in session.written():
        if first & 0xF == CLOSE:
            code = int.from_bytes(octets[:2], "big") if octets else 1005
            sent.append(["close", code, octets[2:].decode()])
            break
        if first & 0xF >= 8:
            sent.append(["pong" if first & 0xF == PONG else "ping", octets.hex()])
            continue
        opcode = first & 0xF or opcode
        payload = payload + octets if first & 0xF == 0 else octets
        if first & FIN:
            sent.append(["text", payload.decode()] if opcode == 1 else ["binary", payload.hex()])
    name = None
    if events != sent:
        name = differences.explain_sent(events, sent)
        check(name, f"wsproto reads {events[-2:]}, we wrote {sent[-2:]}")
    return name
