"""How the last connections ended, in words, for who asks later."""

from .compat import const

_MOST = const(5)

recent = []  # the newest last


def note(line):
    """Remember a line."""
    if len(recent) >= _MOST:
        recent.pop(0)
    recent.append(line)


def in_words(outcome):
    """A CloseOutcome in one line, whatever the peer gave as the reason."""
    words = "code=%d clean=%s initiator=%s" % (outcome.code, outcome.clean, outcome.initiator)
    for name in ("sent_code", "reason", "failed_with", "undelivered", "timed_out", "tcp_reset"):
        value = getattr(outcome, name)
        if value:
            words += " %s=%r" % (name, value)
    return words
