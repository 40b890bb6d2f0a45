"""Where the core and wsproto differ, why, and when the difference is that and nothing else."""


def message_too_big(plan, ours, theirs):
    """A message over the limit fails with 1009 at its header; wsproto has no limit.

    RFC 6455 section 7.4.1 (1009), 10.4. A length that is over the limit of the core, but not of
    wsproto, is waited for there.
    """
    return (
        ours[-1:] == [["failed", 1009]]
        and ours[:-1] == theirs[: len(ours) - 1]
        and announces_too_much(plan, len(ours) - 1)
    )


def code_1014(plan, ours, theirs):
    """1014 (Bad Gateway) is in IANA's registry of close codes; wsproto has no name for it.

    RFC 6455 section 7.4.2: 1000 to 2999 are for the protocol and what is registered.
    """
    return (
        ours[-1:] != []
        and ours[-1][:2] == ["close", 1014]
        and ours[:-1] == theirs[:-1]
        and theirs[-1:] == [["failed", 1002]]
    )


def reserved_bit_before_length(plan, ours, theirs):
    """A reserved bit fails the connection as soon as it is seen; wsproto reads the length first.

    RFC 6455 section 5.2 asks for neither. They differ only where the wire ends inside the length.
    """
    rest = unfinished_header(plan)
    return ours == [*theirs, ["failed", 1002]] and len(rest) >= 2 and rest[0] & 0x70 != 0


def long_length_before_key(plan, ours, theirs):
    """A length that isn't minimal is found when the header is whole; by wsproto before the key.

    As late() below, where the wire ends before the key does.
    """
    rest = unfinished_header(plan)
    least = {126: 126, 127: 0x10000}.get(rest[1] & 0x7F, 0) if len(rest) > 2 else 0
    form = 2 if least == 126 else 8
    return (
        theirs == [*ours, ["failed", 1002]]
        and len(rest) >= 2 + form
        and int.from_bytes(rest[2 : 2 + form], "big") < least
    )


def surrogate_in_two_octets(plan, ours, theirs):
    """ED A0 to ED BF begin a surrogate, which fails at the second octet; wsproto wants the third.

    RFC 6455 section 8.1, RFC 3629 section 4. wsproto decodes by CPython, which tells every other
    fault at the first octet that can't be. They differ where a fragment or the wire ends there.
    """
    return (
        ours[-1:] == [["failed", 1007]]
        and ours[:-1] == theirs[: len(ours) - 1]
        and any(count == len(ours) - 1 and is_surrogate(text) for count, text in texts_so_far(plan))
    )


ALL = (
    message_too_big,
    code_1014,
    reserved_bit_before_length,
    long_length_before_key,
    surrogate_in_two_octets,
)


def late(plan, event, octets):
    """A length that isn't minimal is found when the header is whole; by wsproto before the key.

    RFC 6455 sections 5.2 and 7.1.7 ask for neither; no octet of payload is looked at. At most a
    masking key lies between the two, and the rest of the chunk that its last octet came in.
    """
    chunk = max(plan["chunks"]) if all(plan["chunks"]) else len(plan["wire"])
    return event == ["failed", 1002] and octets < 4 + chunk


def explain(plan, ours, theirs):
    """The name of the difference between two lists of events; None if there is none for it."""
    for difference in ALL:
        if difference(plan, ours, theirs):
            return difference.__name__
    return None


def explain_sent(theirs, ours):
    """The same for what wsproto reads of our wire."""
    if ours[-1:] and ours[-1][:2] == ["close", 1014] and theirs == [*ours[:-1], ["failed", 1002]]:
        return code_1014.__name__
    return None


def unfinished_header(plan):
    """The octets of the header that the wire ends in; none when it ends elsewhere."""
    wire = bytes.fromhex(plan["wire"])
    key = 0 if plan["client"] else 4
    at = 0
    while at + 2 <= len(wire):
        n = wire[at + 1] & 0x7F
        form = {126: 2, 127: 8}.get(n, 0)
        if len(wire) < at + 2 + form + key:
            break
        if form:
            n = int.from_bytes(wire[at + 2 : at + 2 + form], "big")
        at += 2 + form + key + n
    return wire[at:]


def announces_too_much(plan, events):
    """Whether the message behind that many events is announced to be over the limit."""
    wire = bytes.fromhex(plan["wire"])
    at = size = count = 0
    try:
        while True:
            first, n = wire[at], wire[at + 1] & 0x7F
            at += 2
            if n > 125:
                form = 2 if n == 126 else 8
                n = int.from_bytes(wire[at : at + form], "big")
                at += form
            if first & 0xF < 8:
                size += n
                if count == events and size > plan["settings"]["max_message"]:
                    return True
                if first & 0x80:
                    size = 0
            count += first >> 7
            at += n + (0 if plan["client"] else 4)
    except IndexError:
        return False


def is_surrogate(text):
    """Whether octets are UTF-8 up to a surrogate's first two octets, and end there."""
    if text[-2:-1] != b"\xed" or text[-1] not in range(0xA0, 0xC0):
        return False
    try:
        text[:-2].decode()
    except UnicodeDecodeError:
        return False
    return True


def texts_so_far(plan):
    """(events before it, octets so far) of each text message, wherever a fragment or the wire ends.

    A message that is whole is left out: then wsproto looks at its last octets, too.
    """
    wire = bytes.fromhex(plan["wire"])
    at = count = 0
    text = None
    while at + 2 <= len(wire):
        first, n = wire[at], wire[at + 1] & 0x7F
        form = {126: 2, 127: 8}.get(n, 0)
        at += 2
        if form:
            n = int.from_bytes(wire[at : at + form], "big")
            at += form
        key = bytes(4)
        if not plan["client"]:
            key = wire[at : at + 4]
            at += 4
        payload = wire[at : at + n]
        at += n
        if first & 0xF in (1, 2):
            text = b"" if first & 0xF == 1 else None
        if first & 0xF < 3 and text is not None:
            text += bytes(octet ^ key[i % 4] for i, octet in enumerate(payload))
            if not first & 0x80 or len(payload) < n:
                yield count, text
        if first & 0x80:
            count += 1
