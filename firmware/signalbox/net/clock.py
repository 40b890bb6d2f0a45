"""Sets the board's clock over the network (RFC 4330). TLS needs it, to believe a certificate."""

import time

from ..compat import const, sleep_ms
from .reconnect import Backoff

_FIRST_YEAR = const(2026)  # what an answer may say, at least: before it there was no Signalbox
_LAST_YEAR = const(2100)
_EVERY = const(86400)  # s between two settings: a board's clock goes wrong by seconds a day
_STEP = const(60)  # s


class Clock:
    """Asks `server` until it has answered, and then once a day. `right`: whether it has once."""

    right = False

    def __init__(self, server, on_set, ntptime=None, backoff=None):
        """`on_set()` is called the first time. `ntptime`: micropython-lib's module of that name,
        which boards have built in.
        """
        if ntptime is None:
            import ntptime
        ntptime.host = server
        self._on_set = on_set
        self._ntptime = ntptime
        self._backoff = backoff or Backoff(2000, 600000)

    async def run(self):
        """Keep it right, for ever. Each attempt blocks for a second at most, and as long as looking
        up the server's name does.
        """
        while True:
            why = self._set()
            if why:
                delay = self._backoff.next()
                print("clock: %s - again in %d ms" % (why, delay))
                await sleep_ms(delay)
                continue
            self._backoff.reset()
            if not self.right:
                self.right = True
                print("clock: set to %d-%02d-%02d %02d:%02d:%02d UTC" % time.gmtime()[:6])
                self._on_set()
            for _ in range(_EVERY // _STEP):  # sleep_ms() takes 2**29 ms at most
                await sleep_ms(_STEP * 1000)

    def _set(self):
        # Returns None, or why not.
        try:
            seconds = self._ntptime.time()
            year = time.gmtime(seconds)[0]
            if not _FIRST_YEAR <= year <= _LAST_YEAR:
                return "the server says that it is %d" % year
            self._ntptime.settime()
            return None
        except (OSError, OverflowError, IndexError, ValueError) as error:
            return "no answer from %s (%s)" % (self._ntptime.host, error)
