"""A board with an encoder on a cable, and the member of signalling that its sessions are with."""

import json

from signalbox.device import encoder
from signalbox.device.line_link import MAX_LINE, LineLink, escaped
from signalbox.signalling.peer import PRODUCER, Delegate, SignallingPeer
from visca_wires import Hardware, Port, options_of

SDP = "v=0\r\n" + "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n" * 300
BIG = SDP[: encoder.MAX_SDP]


class Cable:
    """Two ports, and what happens between them. `lose(octets)`: what comes of these."""

    def __init__(self):
        self.ends = (Port(), Port())
        self.lose = lambda octets: octets

    def carry(self):
        for one, other in (self.ends, (self.ends[1], self.ends[0])):
            written = b"".join(one.written)
            one.written = []
            if written:
                assert all(len(line) < MAX_LINE for line in written.split(b"\n"))
                other.incoming += self.lose(written)


class Encoder:
    """The encoder's side, as a maker of one would write it. `told`: [body]."""

    def __init__(self, port):
        self.told = []
        self.changes = []
        self.room = True
        self.link = LineLink(port, self._heard, self.changes.append, random=counting())
        self.out = []

    def _heard(self, body):
        if not self.room:
            return False
        self.told.append(bytes(body))
        return True

    def tick(self, now):
        self.link.tick(now)
        while self.out and self.link.ready:
            body = next(self.out[0], None)
            if body is None:
                self.out.pop(0)
            else:
                self.link.send(body)

    def say(self, *bodies):
        self.out.append(iter(bodies))

    def sends(self, number, kind, text):
        self.out.append(lines(number, kind, text.encode()))


def lines(number, kind, octets):
    # One at a time: a board has no room for all of them.
    for at in range(0, len(octets), 100):
        more = b" + " if at + 100 < len(octets) else b" . "
        yield b"SDP %d %s" % (number, kind.encode()) + more + escaped(octets[at : at + 100])


def counting():
    count = [0]

    def random(n):
        count[0] += 1
        return count[0].to_bytes(n, "big")

    return random


class Member(Delegate):
    """As the application joins a peer and the media."""

    def __init__(self, media):
        self.media = media
        self.delivered = 0
        self.peer = SignallingPeer(self, (PRODUCER,))
        self.peer.connected()
        self.hears(type="welcome", peerId="me")
        self.peer.take()

    def deliver(self):
        self.delivered += 1

    def hears(self, **message):
        self.peer.receive(bytearray(json.dumps(message).encode()))

    def sent(self):
        return [json.loads(m if isinstance(m, str) else "".join(m)) for m in self.peer.take()]

    def session_started(self, session, offer):
        return self.media.session_started(self, session, offer)

    def sdp(self, session, kind, sdp):
        self.media.sdp(self, session, kind, sdp)

    def ice(self, session, candidate, line_index):
        self.media.ice(self, session, candidate, line_index)

    def session_ended(self, session, error):
        self.media.session_ended(self, session, error)


class Board:
    """A driver, a cable, an encoder, and a peer at a signalling server."""

    def __init__(self, up=True, **options):
        hardware = Hardware()
        self.cable = Cable()
        hardware.port = self.cable.ends[0]
        encoder.print = lambda *words: None
        self.driver = encoder.create(options_of(encoder, uart=1, **options), hardware)
        self.encoder = Encoder(self.cable.ends[1])
        self.member = Member(self.driver.media)
        self.now = 1000
        if up:
            self.wait(200)
            assert self.driver._link.up and self.encoder.link.up

    def wait(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now += 20
            self.driver.tick(self.now)
            self.cable.carry()
            self.encoder.tick(self.now)
            self.cable.carry()

    def told(self):
        told = self.encoder.told
        self.encoder.told = []
        return told

    def session(self, name="s", offer=None):
        self.member.hears(type="startSession", peerId="other", sessionId=name, offer=offer)


# Lines
