"""An emulated Pico W: MicroPython's own image in rp2040py, driven over its USB console.

Works with any image of MicroPython for the Pico W. Everything runs in the caller's event loop, in
batches of a few milliseconds: whatever else runs in that loop must never block it.
"""

import asyncio
import contextlib
import dataclasses
import time
from pathlib import Path
from unittest import mock

from board_files import BLOCK, BLOCKS
from rp2040py._clock_batch_gate import clock_tick_batch_size
from rp2040py.boards import BOARDS, FlashLayout
from rp2040py.device import MicroPythonDevice, base_device
from rp2040py.execute_batch import execute_batch
from rp2040py.external.cyw43 import Cyw43439
from rp2040py.simulator import Simulator

FILES_AT = 0x12C000  # in flash: where MicroPython for the Pico W keeps its file system
LAYOUT = FlashLayout(fs_start=FILES_AT, fs_blockcount=BLOCKS, fs_blocksize=BLOCK)
BATCH_NS = 1_000_000
PUMP_NS = 1_000_000
START_TIMEOUT_S = 60
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"


class PacedSimulator(Simulator):
    """Keeps idle time on the board from running ahead of the wall clock, while `paced`.

    rp2040py skips time in which the processor only waits. On its own that is welcome, but with
    peers in the real world every timeout of the board would be over at once.
    """

    paced = False

    def stop(self):
        self._stop_wanted = True
        self.stopped = True

    async def execute(self):
        self._stop_wanted = False
        alarm = self.clock.create_alarm(self._end_batch)
        ahead_s = 0.0
        try:
            while not self._stop_wanted:
                self.stopped = False
                began_s, began_ns = time.monotonic(), self.clock.nanos
                if self.paced:
                    alarm.schedule(BATCH_NS)
                execute_batch(self, clock_tick_batch_size())
                if self.paced:
                    ahead_s += (self.clock.nanos - began_ns) / 1e9
                    ahead_s = max(0.0, ahead_s - (time.monotonic() - began_s))
                else:
                    ahead_s = 0.0
                slept_s = time.monotonic()
                await asyncio.sleep(ahead_s if ahead_s > 0.0005 else 0)
                ahead_s = max(0.0, ahead_s - (time.monotonic() - slept_s))
        except Exception as error:
            self.engine_room_error = error
            self._stop_wanted = True
            raise
        finally:
            self.stopped = True

    def _end_batch(self):
        self.stopped = True


class Board:
    """One emulated Pico W with `files`, a littlefs image, in its flash. Use it in `async with`.

    `bridge`: what to join its Wi-Fi to, an object with handle_outbound_ethernet_frame() and
    reset(); `send_to_board` is set on it.
    """

    def __init__(self, uf2, files, bridge=None):
        wifi = Cyw43439()
        others = tuple(extra for extra in BOARDS["pico_w"].extras if extra is not Cyw43439)
        spec = dataclasses.replace(
            BOARDS["pico_w"], image=Path(uf2), layout=LAYOUT, extras=(*others, lambda: wifi)
        )
        with mock.patch.object(base_device, "Simulator", PacedSimulator):
            self._device = MicroPythonDevice(board=spec)
        self._simulator = self._device.simulator
        self._cdc = self._device.cdc
        self._device.mcu.flash[FILES_AT : FILES_AT + len(files)] = files
        wifi.bus.nat_bridge = bridge
        if bridge:
            bridge.send_to_board = wifi.bus.queue_rx_ethernet_frame
        quieten(self._cdc)

    async def __aenter__(self):
        await self._device.astart(START_TIMEOUT_S)
        return self

    async def __aexit__(self, kind, error, traceback):
        self._device.stop()
        with contextlib.suppress(Exception):  # what ended it was raised where it was awaited
            await self._simulator._execute_task

    @property
    def clock_s(self):
        """Seconds that have passed on the board."""
        return self._simulator.clock.nanos / 1e9

    def pace(self, on=True):
        """Whether the board's clock may not run ahead of the wall clock."""
        self._simulator.paced = on

    async def wait_for_output(self, text, timeout_s):
        """Wait until what runs has printed `text`. Returns all of its output until then."""
        listener = Listener(self._cdc, self._simulator)
        try:
            return await listener.wait_for(text, timeout_s)
        finally:
            listener.close()

    def listen(self):
        """A Listener to what it prints from now on."""
        return Listener(self._cdc, self._simulator)

    def interrupt(self):
        """Ctrl-C on the console."""
        self._cdc.send_serial_byte(3)

    def on_output(self, function):
        """Have it called with all octets that the board prints from now on."""
        self._cdc.on_serial_data = function

    def send(self, octets):
        """Type some on the console. Returns how many of them it takes now."""
        return type_on(self._cdc, octets)

    async def run(self, source, timeout_s, on_output=None):
        """Run source text. Returns (what it printed, the traceback or ""); TimeoutError.

        Names persist from one run to the next. `on_output` is called with each piece of output.
        """
        console = Console(self._cdc, self._simulator.clock, source.encode(), on_output)
        try:
            await self._simulator.wait_for(console.done, timeout_s)
        except asyncio.TimeoutError:
            raise BoardTimeoutError(timeout_s, console.output) from None
        finally:
            console.close()
        return console.output, console.traceback


class Listener:
    """Keeps what the board prints on the USB console. Only the newest one hears something."""

    def __init__(self, cdc, simulator):
        self._cdc = cdc
        self._simulator = simulator
        self._output = bytearray()
        self._wanted = b""
        self._found = asyncio.Event()
        cdc.on_serial_data = self._receive

    @property
    def output(self):
        return self._output.decode(errors="replace").replace("\r\n", "\n")

    def close(self):
        self._cdc.on_serial_data = None

    async def wait_for(self, text, timeout_s):
        """Wait until `text` has been printed. Returns all the output. BoardTimeoutError."""
        self._wanted = text.replace("\n", "\r\n").encode()
        self._found.clear()
        self._receive(b"")
        try:
            await self._simulator.wait_for(self._found, timeout_s)
        except asyncio.TimeoutError:
            raise BoardTimeoutError(timeout_s, self.output) from None
        return self.output

    def _receive(self, octets):
        self._output += octets
        if self._wanted in self._output:
            self._found.set()


class BoardTimeoutError(Exception):
    """The board was not done in time. `output`: what it had printed until then."""

    def __init__(self, timeout_s, output):
        super().__init__(f"the board was not done within {timeout_s} s; it printed:\n{output}")
        self.output = output


class Console:
    """One program in MicroPython's raw REPL on the USB console, from prompt to end."""

    def __init__(self, cdc, clock, source, on_output):
        self.done = asyncio.Event()
        self._cdc = cdc
        self._on_output = on_output
        self._source = source
        self._to_send = b"\r\x03\x03\x01"
        self._received = bytearray()
        self._parts = [b"", b"", b""]  # before the answer, printed, traceback
        self._part = 0
        self._alarm = clock.create_alarm(self._pump)
        cdc.on_serial_data = self._receive
        self._alarm.schedule(1_000)

    @property
    def output(self):
        return self._parts[1].decode(errors="replace").replace("\r\n", "\n")

    @property
    def traceback(self):
        return self._parts[2].decode(errors="replace").replace("\r\n", "\n")

    def close(self):
        self.done.set()
        self._cdc.on_serial_data = None

    def _pump(self):
        if self.done.is_set():
            return
        self._to_send = self._to_send[type_on(self._cdc, self._to_send) :]
        self._alarm.schedule(PUMP_NS)

    def _receive(self, data):
        received = self._received
        received += data
        if self._source is not None:
            if RAW_PROMPT not in received:
                return
            del received[: received.index(RAW_PROMPT) + len(RAW_PROMPT)]
            self._to_send += self._source + b"\x04"
            self._source = None
        if self._part == 0:
            if b"OK" not in received:
                return
            del received[: received.index(b"OK") + 2]
            self._part = 1
        while received and self._part < 3:
            piece, end, rest = bytes(received).partition(b"\x04")
            self._parts[self._part] += piece
            if piece and self._part == 1 and self._on_output:
                self._on_output(piece.decode(errors="replace"))
            received[:] = rest
            if end:
                self._part += 1
        if self._part == 3:
            self.done.set()


def type_on(cdc, octets):
    """Send some to the console. Returns how many it takes: its FIFO drops what doesn't fit."""
    octets = octets[: cdc.tx_fifo.size - cdc.tx_fifo.item_count]
    for octet in octets:
        cdc.send_serial_byte(octet)
    return len(octets)


def quieten(cdc):
    """Make the USB host answer the board's polls for input only when there is some.

    rp2040py completes each of them at once, with no octets: an endless storm of interrupts that
    takes more than half of the board's time.
    """
    usb = cdc.usb
    read, reset, push = usb.on_endpoint_read, usb.on_reset, cdc.send_serial_byte
    waiting = []

    def on_read(endpoint, size):
        if endpoint == cdc._out_endpoint and endpoint > 0 and not cdc.tx_fifo.item_count:
            waiting.append((endpoint, size))
        else:
            read(endpoint, size)

    def on_reset():
        waiting.clear()
        reset()

    def send(octet):
        push(octet)
        if waiting:
            read(*waiting.pop())

    usb.on_endpoint_read, usb.on_reset, cdc.send_serial_byte = on_read, on_reset, send
