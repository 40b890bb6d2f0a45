"""Control over WebSockets of the board's own: path /control, subprotocol signalbox.control.v1."""

from ..compat import const, sleep_ms, ticks_diff, ticks_ms
from ..net.endpoint import unwatch, watch
from ..net.outbox import Outbox
from .control import Controller

PATH = "/control"
SUBPROTOCOL = "signalbox.control.v1"
MAX_VIEWERS = 4

_EVERY = const(200)  # ms between two messages of the state to one viewer, at least
# ms that a viewer isn't read from, who has sent too much. A mouse that sends 240 moves in a second
# must not get ahead of this, or the stop behind them would be late.
_PAUSE = const(4)
_UNSUPPORTED_DATA = const(1003)  # RFC 6455 section 7.4.1


class ControlSocket:
    """A route of the web server's: requests in, replies and the state out.

    The state goes to every viewer when it has changed, but not while an earlier message waits: who
    reads slowly gets it less often.
    """

    def __init__(self, control, max_viewers=MAX_VIEWERS):
        """`control`: a Control."""
        self._control = control
        self._max_viewers = max_viewers
        self._viewers = []

    @property
    def full(self):
        """Whether it takes no more viewers."""
        return len(self._viewers) >= self._max_viewers

    async def serve(self, ws):
        """The handler of one WebSocket. When that ends, the device is left in its safe state."""
        viewer = _Viewer(ws)
        self._viewers.append(viewer)
        try:
            if len(self._viewers) == 1:
                watch(self)
            self._show(viewer, ticks_ms())
            async for message in ws:
                self._receive(viewer, message)
                await sleep_ms(_PAUSE if viewer.limited else 0)
        finally:
            self._viewers.remove(viewer)
            if not self._viewers:
                unwatch(self)
            self._control.gone(viewer)

    def tick(self, now):
        """Called by the clock."""
        for viewer in self._viewers:
            if viewer.outbox.empty and ticks_diff(now, viewer.shown) >= _EVERY:
                self._show(viewer, now)

    def _receive(self, viewer, message):
        if isinstance(message, str):
            octets = bytearray(message.encode())
            viewer.outbox.put(self._control.receive(viewer, octets, ticks_ms()))
        else:
            viewer.outbox.close(_UNSUPPORTED_DATA)

    def _show(self, viewer, now):
        state = self._control.state(viewer)
        viewer.shown = now
        if state != viewer.state:
            viewer.state = state
            viewer.outbox.put('{"type":"InfoMessage","info":{"state":%s}}' % state)


class _Viewer(Controller):
    state = None  # that it was sent last
    shown = 0

    def __init__(self, ws):
        self.outbox = Outbox(ws)

    def lost(self, why):
        self.outbox.put('{"type":"InfoMessage","info":{"controlLost":"%s"}}' % why)
