"""The device that the board is wired to: its driver, who controls it, and how peers find it."""

from .compat import sleep_ms, ticks_diff, ticks_ms
from .device.control import Control
from .device.control_peer import ControlPeer
from .signalling.peer import CONSUMER, PRODUCER, Delegate, SignallingPeer

TICK = 20  # ms

_PARTING = 600  # ms: a camera has 250 to answer what was sent before the stop
_LATE = 500  # ms without a tick, after which rescue() ticks


class Device:
    """`name` in signalling, with a driver if the configuration has one. `control`: None without."""

    control = None
    driver = None
    media = None  # the driver's

    def __init__(self, name, announce, url, beat):
        """`announce`: as in the configuration. `url`: of the board's own /control, or None.
        `beat(now_ms)` is called while it runs.
        """
        self._beat = beat
        self._name = name
        self._quiet = () if announce == "none" else (CONSUMER,)  # its roles without a stream
        self._roles = (PRODUCER,) if announce == "producer" else self._quiet
        self._url = url
        self._members = []
        self._ticked = ticks_ms()

    def drive(self, driver, limits):
        """Have it controlled. `driver`: a device.driver.Driver. `limits`: the configuration's."""
        self.driver = driver
        self.media = driver.media
        # What has media can be offered as a producer, or no more.
        stream = self._switch if self.media else None
        self.control = Control(
            driver, stream, limits["deadman_ms"], limits["idle_ms"], limits["rate"]
        )
        self.control.streaming = self._roles == (PRODUCER,)

    def peer(self, on_online=None):
        """A new SignallingPeer for it. Hand what sends its messages to connect(). `on_online()` is
        called when its server has registered it.
        """
        self._meta = meta = {"name": self._name}
        if self.control:
            meta["control"] = self.control.advert(self._url)
        kind = _MediaMember if self.media else _Member
        member = kind(self.control, on_online, self.media)
        self._members.append(member)
        return member.join(self._roles, meta)

    def connect(self, peer, deliver):
        """`deliver()`: sends what `peer` has to say."""
        for member in self._members:
            if member.peer is peer:
                member.connect(deliver)

    async def run(self):
        """Tick for ever."""
        while True:
            self._tick(ticks_ms())
            await sleep_ms(TICK)

    @property
    def faulty(self):
        """Whether something is wrong with it, as far as the driver knows."""
        return self.driver is not None and bool(self.driver.state().get("fault"))

    def rescue(self, now):
        """Tick if the event loop stands still. From a timer, inside whatever blocks: that may be
        a tick, when it looks up a name, but never a request.
        """
        if self.control and ticks_diff(now, self._ticked) >= _LATE:
            self.driver.in_timer = True
            try:
                self._tick(now)
            finally:
                self.driver.in_timer = False

    def safe(self):
        """The link is lost, say: whoever was in control isn't any more, and motion stops."""
        if self.control:
            self.control.gone(self.control.owner)

    async def close(self):
        """Stop motion, and let go of the hardware. The driver is given time to say so."""
        if self.control:
            self.safe()
            for _ in range(_PARTING // TICK):
                self._tick(ticks_ms())
                await sleep_ms(TICK)
            self.driver.close()

    def _tick(self, now):
        self._ticked = now
        self._beat(now)
        if self.control:
            self.control.tick(now)

    def _switch(self, on):
        self._roles = (PRODUCER,) if on else self._quiet
        for member in self._members:
            member.peer.set_status(self._roles, self._meta)
            if member.deliver:
                member.deliver()


class _Member(Delegate):
    # One for each server that the device is registered at. Sessions are refused.
    deliver = None
    _carrier = None

    def __init__(self, control, on_online, media):
        self._control = control
        self._on_online = on_online
        self._media = media

    def join(self, roles, meta):
        self.peer = SignallingPeer(self, roles, meta)
        if self._control:
            self._carrier = ControlPeer(self._control, self.peer)
        return self.peer

    def connect(self, deliver):
        self.deliver = deliver
        if self._carrier:
            self._carrier.deliver = deliver

    def registered(self, peer_id):
        print("registered as", peer_id)
        if self._on_online:
            self._on_online()

    def control(self, peer_id, octets):
        return self._carrier.request(peer_id, octets) if self._carrier else None

    def control_ended(self, peer_id):
        if self._carrier:
            self._carrier.ended(peer_id)

    def error(self, details):
        print("signalling server says:", details)


class _MediaMember(_Member):
    # Sessions are for the driver's `media`.

    def session_started(self, session, offer):
        return self._media.session_started(self, session, offer)

    def sdp(self, session, kind, sdp):
        self._media.sdp(self, session, kind, sdp)

    def ice(self, session, candidate, line_index):
        self._media.ice(self, session, candidate, line_index)

    def session_ended(self, session, error):
        self._media.session_ended(self, session, error)
