"""The incoming direction: octets in any chunks, to events, answers and an outcome.

Portable: runs on MicroPython. There is no oracle here: oracle.py (CPython) says what must come out.

A plan: {"kind": "parse", "client": bool, "settings": {...}, "wire": hex, "chunks": [sizes, used
over and over; 0: all that is left], "direct": bool}, and "expect" in a vector.
"""

from .endpoint import ALL, Endpoint
from .wire import check, split


def run(plan):
    """Carry out a plan. Raises a Finding if the core did not do as the plan expects."""
    found = observe(plan)
    if "expect" in plan:
        for name in plan["expect"]:
            check(
                found[name] == plan["expect"][name],
                "%s: %r, should be %r",
                name,
                found[name],
                plan["expect"][name],
            )
    return found


def chunks(plan):
    """The wire as it comes in."""
    wire = bytes.fromhex(plan["wire"])
    sizes = plan["chunks"]
    at = turn = 0
    while at < len(wire):
        size = sizes[turn % len(sizes)] or len(wire)
        turn += 1
        yield wire[at : at + size]
        at += size


def observe(plan):
    """What the core makes of the wire: "events" with "at", octets in at each; "written"; "outcome".

    Each in the form that JSON keeps.
    """
    endpoint = Endpoint(plan["client"], plan["settings"])
    at = []
    octets_in = 0
    for chunk in chunks(plan):
        octets_in += len(chunk)
        endpoint.receive(chunk, plan["direct"])
        at += [octets_in] * (len(endpoint.events) - len(at))
        endpoint.write(ALL)
    endpoint.connection.receive_eof()
    endpoint.write(ALL)
    frames = split(endpoint.wire, plan["client"])
    return {
        "events": [[plain(value) for value in event] for event in endpoint.events],
        "at": at,
        "written": [[each.first, each.payload.hex()] for each in frames],
        "outcome": list(endpoint.connection.tcp_closed()),
    }


def plain(value):
    """Octets as hexadecimal digits."""
    return value if isinstance(value, (int, str)) else value.hex()
