"""Datagrams to one host and back, for devices that are controlled over IP."""

import socket

from ..compat import const, ticks_diff, ticks_ms

_AGAIN = const(5000)  # ms until a host that wasn't found is looked up again, at least
_SHARE = const(9)  # as many times as long as that took: meanwhile nothing else went on


class UDP:
    """Sends to a host's port, and receives from there alone. Nothing waits, nothing raises OSError:
    a datagram may be lost anyway.
    """

    def __init__(self, host, port):
        """`host`: a name or an address, which needn't be there yet."""
        self._host = host
        self._port = port
        self._sock = None
        self._found = None  # of getaddrinfo()
        self._tried = None  # when it was last looked up in vain
        self._pause = _AGAIN

    def send(self, octets, may_look_up=True):
        """Send a datagram. Returns whether it has gone out.

        `may_look_up`: whether the host may be looked up now, which blocks while no name server
        answers: 7 s for each with lwIP.
        """
        if self._sock is None and not (may_look_up and self._open()):
            return False
        try:
            self._sock.sendto(octets, self._found[-1])
            return True
        except OSError:
            self.close()  # the network has gone, and its addresses with it
            return False

    def receive(self, n):
        """The next datagram, its first `n` octets at most; None: there is none, or a stranger's."""
        if self._sock is not None:
            try:
                octets, sender = self._sock.recvfrom(n)
                if sender == self._found[-1]:
                    return octets
            except OSError:
                pass  # none is there, or a router said that the last one didn't get there
        return None

    def close(self):
        """Release the socket; send() opens another one, to where the host is by then."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _open(self):
        now = ticks_ms()
        try:
            if self._tried is None or not 0 <= ticks_diff(now, self._tried) < self._pause:
                self._look_up(now)
            if self._found is None:
                return False
            self._sock = socket.socket(self._found[0], socket.SOCK_DGRAM)
            self._sock.setblocking(False)
            return True
        except OSError:
            self.close()
            return False

    def _look_up(self, now):
        try:
            self._found = socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_DGRAM)[0]
            self._tried = None
        except OSError:
            # Where it was is the best that there is.
            self._tried = ticks_ms()
            self._pause = max(_AGAIN, _SHARE * ticks_diff(self._tried, now))
