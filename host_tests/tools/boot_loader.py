"""A double of the volume as which an RP2's boot loader in ROM shows itself."""

import threading

INFO = {
    "RP2040": "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n",
    "RP2350": "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n",
}


class BootLoader:
    """A directory that is a boot loader's volume: it vanishes when it has the whole file.

    `received`: that file's octets; None if there was none. `stays`: it does not vanish.
    """

    def __init__(self, path, chip, size, stays=False):
        self.path = path
        self.chip = chip
        self.received = None
        self._size = size
        self._stays = stays
        path.mkdir()
        (path / "INFO_UF2.TXT").write_text(INFO[chip])
        (path / "INDEX.HTM").write_text("")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()

    def _watch(self):
        while not self._stopped.wait(0.005):
            for file in self.path.glob("*.uf2"):
                if file.stat().st_size == self._size():
                    self.received = file.read_bytes()
                    if not self._stays:
                        (self.path / "INFO_UF2.TXT").unlink()
                    return
