"""Pictures of the device for those who watch: each is made once, at its time, for all viewers.

Sans-IO; preview_server.py sends them. While nobody watches there are no pictures, and no memory is
taken for them. There are two buffers: while one is being sent, by however many viewers, the next
picture is made in the other. A viewer who is slow misses pictures; only when slow viewers hold both
buffers do the others have to wait, too, and not for longer than a viewer may take for one picture.
"""

import gc

from ..compat import const, ticks_diff

STALL = 10000  # ms in which a viewer must have taken a picture

_AFTER_FAULT = const(1000)  # ms until a source that failed is asked again


class Source:
    """Where pictures come from: a module preview_<name>.py with options(), and
    create(options, driver), which returns one of these. `driver`: of the device, or None.
    """

    size = 0  # octets of a buffer that holds any picture; 0: it brings memory of its own

    def capture(self, buf, now):
        """The picture of the moment, a JPEG: octets of their own, or a view of `buf`.

        Must not wait. OSError, ValueError or MemoryError when there is none.
        """
        raise NotImplementedError

    def close(self):
        """Let go of the hardware, until the next capture()."""


class _Frame:
    users = 0  # viewers who send it
    octets = None  # None: no picture

    def __init__(self, size):
        self.buf = bytearray(size)


class Viewer:
    """Who watches: take() a picture, send it, done()."""

    since = 0  # ms, when it was taken
    _frame = None
    _seen = 0  # number of the picture it had last

    def __init__(self, preview):
        self._preview = preview

    def take(self, now):
        """The newest picture, unchanged until done(); None when there is none that is new."""
        preview = self._preview
        frame = preview._newest
        if frame is None or preview.pictures == self._seen:
            return None
        self._seen = preview.pictures
        self._frame = frame
        self.since = now
        frame.users += 1
        return frame.octets

    def done(self):
        """The picture that was taken was sent, or never will be."""
        if self._frame:
            self._frame.users -= 1
            self._frame = None

    @property
    def holds(self):
        """Whether it has a picture that must not change."""
        return self._frame is not None

    def stalls(self, now):
        """Whether it has taken too long for a picture."""
        return self._frame is not None and ticks_diff(now, self.since) >= STALL


class Preview:
    """Pictures of a source for up to `max_viewers`.

    `pictures`: how many were made. `fault`: why there is none now, or None.
    """

    fault = None
    pictures = 0
    _newest = None
    _made = None  # ms, when the last picture was,
    _pause = 0  # and until the next one is due

    def __init__(self, source, fps, max_viewers):
        """`fps`: pictures in a second at most, 0.1 to 30."""
        self.viewers = []
        self._frames = []
        self._source = source
        self._interval = int(1000 / fps)
        self._max_viewers = max_viewers

    @property
    def full(self):
        """Whether nobody more may watch."""
        return len(self.viewers) >= self._max_viewers

    def join(self):
        """Somebody wants to watch. Returns the Viewer. MemoryError without room for pictures."""
        if not self._frames:
            gc.collect()  # so that they find room in one piece
            size = self._source.size
            self._frames = [_Frame(size), _Frame(size)]
        viewer = Viewer(self)
        self.viewers.append(viewer)
        return viewer

    def leave(self, viewer):
        """A Viewer has gone; after the last one everything is let go of."""
        viewer.done()
        self.viewers.remove(viewer)
        if not self.viewers:
            self._frames = []
            self._newest = self._made = None
            self._source.close()

    def tick(self, now):
        """Make a picture if it is time to. Returns the ms until the next call is due."""
        if self._made is not None:
            left = self._pause - ticks_diff(now, self._made)
            if left > 0:
                return left
        frame = self._free()
        if frame is None:
            return self._interval
        self._made = now
        self._pause = self._interval
        try:
            self._newest = None
            frame.octets = self._source.capture(frame.buf, now)
            self._newest = frame
            self.pictures += 1
            self.fault = None
        except (OSError, ValueError, MemoryError) as error:
            frame.octets = None
            self.fault = "out of memory" if isinstance(error, MemoryError) else str(error)
            self._pause = max(self._interval, _AFTER_FAULT)
        return self._pause

    def _free(self):
        # The one that is not the newest, if it can be had.
        found = None
        for frame in self._frames:
            if not frame.users and (found is None or found is self._newest):
                found = frame
        return found
