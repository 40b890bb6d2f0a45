"""Sends the pictures of a device.preview.Preview to those who watch: the WebSocket path /preview.

Each picture is a binary message, a JPEG. What a viewer says is not listened to.
"""

import asyncio
import gc
import sys

from .compat import IN_FLIGHT, const, sleep_ms, ticks_ms
from .device.preview import Preview
from .net.endpoint import unwatch, watch
from .ws.close import ConnectionClosed

_POLICY_VIOLATION = const(1008)  # close.POLICY_VIOLATION
_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR
_TRY_AGAIN_LATER = const(1013)
_LOOK = const(500)  # ms between two looks whether viewers are gone
_RECEIVING = const(0)  # close._RECEIVING
_RETRY = const(100)  # ms until there may be memory again


def create(options, driver):
    """The PreviewServer that the configuration's `preview` asks for.

    `driver`: of the device, or None. ValueError when its source is not to be had.
    """
    name = "signalbox.device.preview_" + options["source"]
    __import__(name)
    source = sys.modules[name].create(options, driver)
    return PreviewServer(Preview(source, options["fps"], options["viewers"]))


class PreviewServer:
    """A route of web.Site."""

    def __init__(self, preview, in_flight=IN_FLIGHT):
        """`in_flight`: see compat.IN_FLIGHT; 0: a picture is handed to TCP as a whole, else in
        pieces, each when the one before it has arrived.
        """
        self._preview = preview
        self._pieces = None
        if in_flight:
            from .net.pace import Pieces  # other boards need none of it

            self._pieces = Pieces
        self._changed = asyncio.Event()
        self._task = None
        self._sending = {}  # Viewer: WebSocket
        self._fault = None

    @property
    def full(self):
        """Whether nobody more may watch."""
        return self._preview.full

    async def serve(self, ws):
        """The handler of a viewer's WebSocket."""
        try:
            viewer = self._preview.join()
        except MemoryError:
            gc.collect()
            ws.close(_TRY_AGAIN_LATER, "no memory for pictures")
            return
        try:
            self._sending[viewer] = ws
            if self._task is None:
                self._task = asyncio.create_task(self._make())
                watch(self)
            while not ws.asked and ws.connection.incoming == _RECEIVING:
                # Unread messages would hide the Close behind them.
                while ws.recv_nowait() is not None:
                    pass
                picture = viewer.take(ticks_ms())
                if picture is None:
                    await self._changed.wait()
                else:
                    await ws.send(self._pieces(ws, picture) if self._pieces else picture)
                    viewer.done()
        except ConnectionClosed:
            pass
        except Exception:
            ws.close(_INTERNAL_ERROR)  # else it holds a picture for as long as the viewer stays
            raise
        finally:
            self._sending.pop(viewer, None)
            try:
                if viewer.holds:
                    await _wait_closed(ws)
            finally:
                self._preview.leave(viewer)

    async def _make(self):
        try:
            while self._preview.viewers:
                wait = self._tick()
                self._wake()
                await sleep_ms(min(wait, _LOOK))
        except Exception:
            for ws in self._sending.values():
                ws.close(_INTERNAL_ERROR)
            raise
        finally:
            unwatch(self)
            self._task = None
            self._wake()

    def _wake(self):
        # Also without a picture: a viewer may be gone.
        self._changed.set()
        self._changed.clear()

    def _tick(self):
        preview = self._preview
        wait = preview.tick(ticks_ms())
        if preview.fault != self._fault:
            self._fault = preview.fault
            if self._fault:
                print("preview:", self._fault)
        return wait

    def tick(self, now):
        """Called by the clock."""
        for viewer, ws in self._sending.items():
            if viewer.stalls(now) and not ws.asked:
                ws.close(_POLICY_VIOLATION, "pictures are not taken")


async def _wait_closed(ws):
    # What was begun refers to a buffer until TCP is down.
    while ws.outcome is None:
        try:
            await ws.wait_closed()
        except MemoryError:
            ws.close_now()
            await sleep_ms(_RETRY)
