"""A VISCA camera on a pty, which notes when it was told to move and to stop."""

import asyncio
import os
import pty
import select
import threading
import time

_MOVE = b"\x01\x06\x01"  # pan and tilt; behind it two speeds and two directions
_STILL = b"\x03\x03"
_INQUIRY = 0x09


class Camera:
    """Use it as `with Camera() as camera`: `camera.path` is the serial device."""

    def __enter__(self):
        self._leader, self._follower = pty.openpty()
        self.path = os.ttyname(self._follower)
        self.log = []  # (time.monotonic(), moving)
        self._changed = threading.Condition()
        self._end, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        os.write(self._wake, b"x")
        self._thread.join()
        for fd in (self._leader, self._follower, self._end, self._wake):
            os.close(fd)

    async def wait(self, moving, since, timeout_s=30):
        """Until it is told to move, or to stop, after `since`. Returns when that was."""
        return await asyncio.to_thread(self._wait, moving, since, timeout_s)

    def _wait(self, moving, since, timeout_s):
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for when, told in self.log:
                    if when > since and told == moving:
                        return when
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"not told moving={moving} since {since}: {self.log[-10:]}"
                self._changed.wait(left_s)

    def moves(self):
        """Whether it does now."""
        with self._changed:
            return bool(self.log) and self.log[-1][1]

    def _run(self):
        octets = b""
        while True:
            readable, _, _ = select.select([self._leader, self._end], [], [])
            if self._end in readable:
                return
            octets += os.read(self._leader, 256)
            while b"\xff" in octets:
                message, _, octets = octets.partition(b"\xff")
                if message[:1] == b"\x88":
                    os.write(self._leader, message + b"\xff")  # a broadcast comes round
                else:
                    self._receive(message[1:])

    def _receive(self, message):
        if message[:3] == _MOVE:
            with self._changed:
                self.log.append((time.monotonic(), message[5:7] != _STILL))
                self._changed.notify_all()
        if message[:1] == b"\x01":
            os.write(self._leader, b"\x90\x41\xff\x90\x51\xff")
        elif message[:1] == bytes((_INQUIRY,)):
            os.write(self._leader, b"\x90\x60\x41\xff")  # not executable
