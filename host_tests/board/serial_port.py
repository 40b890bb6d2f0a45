"""An emulated Pico W on a pseudo-terminal, as tools see a board on USB; it runs in a thread."""

import asyncio
import contextlib
import os
import pty
import threading
import time
import tty

from emulator import Board

TIMEOUT_S = 300
PUMP_S = 0.001


class BoardOnPort:
    """A running board whose console is at `.port`. `.output` is all that it has printed."""

    def __init__(self, uf2, files):
        self._board = Board(uf2, files)
        self._tools, self._port = pty.openpty()
        tty.setraw(self._port)
        os.set_blocking(self._tools, False)
        self.port = os.ttyname(self._port)
        self.output = ""
        self._printed = b""
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(TIMEOUT_S)
        os.close(self._tools)
        os.close(self._port)

    def wait_for(self, text, start=0):
        """Wait until it has printed that, behind the first `start` characters of its output."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.output[start:]:
            assert self._error is None, self._error
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.output}"
            time.sleep(0.05)

    def _run(self):
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._error = error

    async def _serve(self):
        async with self._board as board:
            board.pace()
            board.on_output(self._print)
            waiting = b""
            while not self._stop.is_set():
                waiting += self._read(self._tools)
                waiting = waiting[board.send(waiting) :]
                self._write()
                await asyncio.sleep(PUMP_S)

    def _print(self, octets):
        self._printed += octets
        self.output += octets.decode(errors="replace").replace("\r\n", "\n")

    def _read(self, file):
        try:
            return os.read(file, 4096)
        except BlockingIOError:
            return b""

    def _write(self):
        # What no tool reads stays here, and the board goes on.
        with contextlib.suppress(BlockingIOError):
            self._printed = self._printed[os.write(self._tools, self._printed) :]
