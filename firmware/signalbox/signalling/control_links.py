"""Who controls which device: control messages between peers, a part of the broker.

No part of upstream's protocol, so nobody hears of it who hasn't spoken of it first: a device is
sent requests if its meta advertises `"control":{"v":1}`, and a peer what a device has to say if it
has sent that device a request.

    asker → device   {"type":"control","peerId":…,"id":n,"request":{…}}     peerId: on the way to
    device → asker   {"type":"control","peerId":…,"id":n,"reply":{…}}       the server the other's,
    device → asker   {"type":"endControl","peerId":…,"error":str?}          behind it the sender's
    server → device, server → asker                       endControl, when the other one is gone
"""

import json

from ..compat import const

MAX_CONTROL = 1024  # octets of a message with a request
MAX_LINKS = 16  # pairs of an asker and a device

_MOST_WAITING = const(8)  # requests of a link without a reply


class Link:
    """`asker` and `device`, Peers, and the `ids` of the requests that wait for a reply."""

    def __init__(self, asker, device):
        self.asker = asker
        self.device = device
        self.ids = []


class Links:
    """`send(peer, message, octets=None)`: the broker's."""

    def __init__(self, send):
        self._send = send
        self._links = []

    def receive(self, peer, message, other):
        """A control or endControl message of `peer`'s, whose peerId is `other`'s: a Peer, or None.

        Returns what Broker.receive() does.
        """
        if message.type == "endControl":
            self._release(peer, message, other)
            return False
        if message.has("reply"):
            return self._reply(peer, message, other)
        number = message.text("id")
        link = self._find(peer, other)
        if other is None:
            error = "there is no such peer"
        elif not other.controllable:
            error = "this peer takes no control requests"
        elif len(message.octets) > MAX_CONTROL:
            error = "a control message has %d octets at most" % MAX_CONTROL
        elif link is None and len(self._links) >= MAX_LINKS:
            error = "too many peers control devices"
        elif link and number in link.ids:
            error = "an id can't be used again before its reply"
        elif link and len(link.ids) >= _MOST_WAITING:
            error = "the device does not answer: %d requests wait for it" % _MOST_WAITING
        else:
            if link is None:
                link = Link(peer, other)
                self._links.append(link)
            link.ids.append(number)
            return self._relay(other, peer, message, "request")
        self._send(
            peer,
            '{"type":"control","peerId":%s,"id":%s,"reply":'
            '{"type":"ControlResponseMessage","id":%s,"error":%s}}'
            % (message.text("peerId"), number, number, json.dumps(error)),
        )
        return False

    def gone(self, peer):
        """A peer has left. After a MemoryError, call it again."""
        self.withdrawn(peer, "the device is gone")
        i = len(self._links)
        while i:
            i -= 1
            link = self._links[i]
            if link.asker is peer:
                self._end(link.device, peer, "null")
                del self._links[i]

    def withdrawn(self, device, why="the device takes no control requests any more"):
        """It advertises control no more. After a MemoryError, call it again."""
        i = len(self._links)
        while i:
            i -= 1
            link = self._links[i]
            if link.device is device:
                self._end(link.asker, device, json.dumps(why))
                del self._links[i]

    def _find(self, asker, device):
        for link in self._links:
            if link.asker is asker and link.device is device:
                return link
        return None

    def _reply(self, device, message, asker):
        link = self._find(asker, device)
        number = message.text("id")
        if link is None or number not in link.ids:
            return False  # to nobody who has asked
        relayed = self._relay(asker, device, message, "reply")
        link.ids.remove(number)
        return relayed

    def _relay(self, to, sender, message, name):
        start, end = message.span(name)
        octets = message.octets
        head = '{"type":"control","peerId":"%s","id":%s,"%s":' % (
            sender.id,
            message.text("id"),
            name,
        )
        return self._send(to, (head, memoryview(octets)[start:end], "}"), octets)

    def _release(self, device, message, asker):
        # The link stays: a request may be on its way, and its reply is waited for.
        if self._find(asker, device):
            self._end(asker, device, message.text("error"))

    def _end(self, to, sender, error):
        self._send(to, '{"type":"endControl","peerId":"%s","error":%s}' % (sender.id, error))
