"""What is allowed in the messages of the protocol, 1.0 and 1.1.

After gst-plugins-rs, net/webrtc/protocol/src/lib.rs. A message stays the octets that it came in:
parse() checks them and remembers where the members are. Members that the protocol doesn't know are
let pass, as there; what isn't the protocol's is a ValueError. Which messages there are stands with
who receives them: broker.TO_SERVER, peer.TO_PEER.
"""

import json

from ..compat import const
from . import strict_json
from .strict_json import Members

_LONGEST_ID = const(130)  # octets of JSON; a UUID has 38
_LONGEST_ROLES = const(128)
_LARGEST_U32 = const(0xFFFFFFFF)
_LONGEST_U64 = const(20)
_LARGEST_U64 = 0xFFFFFFFFFFFFFFFF

ROLES = ("producer", "listener", "consumer")
VERSIONS = ("v1_0", "v1_1")  # what the index says is 1.x

_NAMES = (
    "type",
    "version",
    "roles",
    "meta",
    "peerId",
    "offer",
    "sessionId",
    "error",
    "sdp",
    "ice",
    "producers",
    "details",
    "id",
    "request",
    "reply",
)
_CONTENT_NAMES = ("type", "sdp", "candidate", "sdpMLineIndex")


class Message(Members):
    """A message: `type`, and the members as Members has them. Also, where its type has them:

    `roles`: a tuple of ROLES. `version`: the index in VERSIONS. `content`: the Members of `sdp` or
    `ice`. `offers`: whether that is an offer.
    """

    roles = ()
    version = 0
    content = None
    offers = False

    def check(self, table):
        """ValueError unless it is one of `table`; see parse()."""
        self.type = self.string("type")
        if self.type not in table:
            raise ValueError("unknown type")
        for name in table[self.type]:
            if name == "roles":
                self.roles = self._roles()
            elif name == "version":
                self.version = VERSIONS.index(self.string(name))
            elif name == "content":
                self._check_content()
            elif name == "call":
                self._check_call()
            elif name[-1] != "?":
                self.check_string(name)
            elif not self.is_null(name[:-1]):
                self.check_string(name[:-1])
        for name in ("peerId", "sessionId"):
            if self.size(name) > _LONGEST_ID:
                raise ValueError(name + " is too long")

    def _roles(self):
        if self.size("roles") > _LONGEST_ROLES:
            raise ValueError("too many roles")
        roles = json.loads(self.text("roles"))
        if not isinstance(roles, list):
            raise ValueError("no roles")
        # The names that are there already, rather than more of the same.
        return tuple([ROLES[ROLES.index(role)] for role in roles])

    def _check_content(self):
        if self.has("sdp") == self.has("ice"):
            raise ValueError("one of sdp and ice")
        if self.has("ice"):
            ice = self.content = self.object("ice", _CONTENT_NAMES)
            ice.check_string("candidate")
            index = ice.text("sdpMLineIndex") if ice.size("sdpMLineIndex") <= 10 else ""
            if not index.isdigit() or int(index) > _LARGEST_U32:
                raise ValueError("no sdpMLineIndex")
            return
        sdp = self.content = self.object("sdp", _CONTENT_NAMES)
        sdp.check_string("sdp")
        kind = sdp.string("type")
        if kind != "offer" and kind != "answer":
            raise ValueError("neither offer nor answer")
        self.offers = kind == "offer"

    def _check_call(self):
        number = self.text("id") if self.size("id") <= _LONGEST_U64 else ""
        if not number.isdigit() or int(number) > _LARGEST_U64:
            raise ValueError("no id")
        if self.has("request") == self.has("reply"):
            raise ValueError("one of request and reply")
        if self.has("reply"):
            self.object("reply", ())


def parse(octets, table):
    """The Message in `octets` (a bytearray). ValueError.

    `table`: {type: its members}; with "?" a member may be null or absent.
    """
    message = strict_json.parse(octets, _NAMES, Message)
    message.check(table)
    return message
