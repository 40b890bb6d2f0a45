"""Control through a signalling server: the requests that other peers send to a SignallingPeer."""

from ..compat import const, ticks_ms
from .control import Controller

_MOST = const(8)  # peers that are remembered


class ControlPeer:
    """What a peer's Delegate hands its control() and control_ended() to.

    Set `deliver` to what sends what the peer has to say: SignallingClient.deliver, or what
    SignallingServer.attach() returned.
    """

    def __init__(self, control, peer, clock=ticks_ms):
        """`control`: a Control. `peer`: the SignallingPeer. `clock()`: milliseconds."""
        self.deliver = None
        self._control = control
        self._peer = peer
        self._clock = clock
        self._controllers = {}

    def request(self, peer_id, octets):
        """As Delegate.control()."""
        controller = self._controllers.get(peer_id)
        if controller is None:
            controller = self._add(peer_id)
        return self._control.receive(controller, octets, self._clock())

    def ended(self, peer_id):
        """As Delegate.control_ended()."""
        if peer_id is None:
            for controller in self._controllers.values():
                self._control.gone(controller)
            self._controllers = {}
        elif peer_id in self._controllers:
            self._control.gone(self._controllers.pop(peer_id))

    def _add(self, peer_id):
        if len(self._controllers) >= _MOST:
            # Whoever is not in control loses nothing when it is forgotten.
            for known in self._controllers:
                if self._controllers[known] is not self._control.owner:
                    del self._controllers[known]
                    break
        controller = self._controllers[peer_id] = _Remote(self, peer_id)
        return controller

    def tell(self, peer_id, why):
        """The peer has lost control."""
        self._controllers.pop(peer_id, None)
        self._peer.end_control(peer_id, why)
        if self.deliver:
            self.deliver()


class _Remote(Controller):
    def __init__(self, carrier, peer_id):
        self._carrier = carrier
        self._peer_id = peer_id

    def lost(self, why):
        self._carrier.tell(self._peer_id, why)
