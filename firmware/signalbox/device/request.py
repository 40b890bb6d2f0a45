"""Requests to control a device, and the replies: the forms of webrtcsink's control data channel.

After gst-plugins-rs, net/webrtc/src/utils.rs: ControlRequestMessage, ControlResponseMessage. What
isn't a request is a ValueError whose text says what is allowed.
"""

import json

from ..compat import const
from ..signalling.strict_json import Members, parse, unescape

MAX_REQUEST = 1024  # octets

_LARGEST_ID = 0xFFFFFFFFFFFFFFFF  # u64 there
_LONGEST_ID = const(20)  # digits
_LONGEST_NAME = const(34)  # octets of JSON
_NAMES = ("id", "mid", "request")
_REQUEST_NAMES = ("type", "event", "structureName", "structure")


class _Every:
    def __contains__(self, name):
        return True


_EVERY = _Every()


class Structure(Members):
    """What comes with a verb or an event: values that are checked when they are read."""

    def __init__(self, members, name):
        """The value of `name` in `members`."""
        if not members.has(name) or members.octets[members.span(name)[0]] != 0x7B:
            raise ValueError(name + ": an object")
        Members.__init__(self, members.octets, _EVERY, members.span(name)[0])

    def only(self, *names):
        """ValueError when there is something else than these."""
        for name in self._values:
            if name not in names:
                raise ValueError(
                    "only %s can be given" % ", ".join(names)
                    if names
                    else "nothing can be given: {}"
                )

    def value(self, name):
        """The value, None when there is none. Arrays and objects are none that anything takes."""
        if self.size(name) > _LONGEST_NAME or self.text(name)[0] in "[{":
            return ()
        return json.loads(self.text(name))

    def number(self, name, low, high, default=None):
        """A number from `low` to `high`; `default`, if that isn't None, when there is none."""
        value = self.value(name)
        if value is None and default is not None:
            return default
        if type(value) not in (int, float) or not low <= value <= high:
            raise ValueError("%s: a number from %d to %d" % (name, low, high))
        return value

    def speed(self, name, default=None):
        """Per cent of the fastest, a whole number."""
        return round(self.number(name, -100, 100, default))

    def whole(self, name, low, high):
        """A whole number from `low` to `high`."""
        value = self.value(name)
        if type(value) is not int or not low <= value <= high:
            raise ValueError("%s: a whole number from %d to %d" % (name, low, high))
        return value

    def flag(self, name):
        """True or False."""
        value = self.value(name)
        if value is not True and value is not False:
            raise ValueError("%s: true or false" % name)
        return value

    def choice(self, name, choices):
        """One of the strings."""
        value = self.value(name)
        if value not in choices:
            raise ValueError("%s: one of %s" % (name, ", ".join(choices)))
        return value


class Request:
    """`id` as JSON text, "null" when there is none. The rest with read()."""

    id = "null"
    verb = None  # structureName; None for a navigation event
    structure = None

    def read(self, octets):
        """Read it out of a bytearray, which may be changed. ValueError; `id` may be known then."""
        if len(octets) > MAX_REQUEST:
            raise ValueError("a request has %d octets at most" % MAX_REQUEST)
        members = parse(octets, _NAMES)
        self._read_id(members)
        if not members.is_null("mid"):
            members.check_string("mid")  # there is one device, whatever it is called
        request = _request(members)
        kind = _name(request, "type")
        if kind == "navigationEvent":
            self.structure = Structure(request, "event")
        elif kind == "customUpstreamEvent":
            self.verb = _name(request, "structureName")
            self.structure = Structure(request, "structure")
        else:
            raise ValueError("type: customUpstreamEvent or navigationEvent")

    def _read_id(self, members):
        number = members.text("id") if members.size("id") <= _LONGEST_ID else ""
        if not number.isdigit() or int(number) > _LARGEST_ID:
            raise ValueError("id: a whole number from 0 to %d" % _LARGEST_ID)
        self.id = number


def reply(number, error, more=""):
    """The ControlResponseMessage to the request with this id. `error`: None, or str."""
    return '{"type":"ControlResponseMessage","id":%s,"error":%s%s}' % (
        number,
        json.dumps(error),
        more,
    )


def _request(members):
    # There it may be an object, or a string with the JSON of one in it.
    if not members.has("request"):
        raise ValueError("request: an object")
    start, end = members.span("request")
    octets = members.octets
    if octets[start] != 0x22:
        return members.object("request", _REQUEST_NAMES)
    end = unescape(octets, start, end)
    return parse(octets[start + 1 : end], _REQUEST_NAMES)


def _name(members, name):
    # "" for what is too long to be any.
    members.check_string(name)
    return members.string(name) if members.size(name) <= _LONGEST_NAME else ""
