"""What crashed last, kept across resets in a file, for who comes to look."""

import os

from .compat import exception_text

MAX_SIZE = 2048  # octets

_MOST = 4  # written at one start: flash wears


class CrashReport:
    """`last`: the text of the last crash, of this start or one before; None if there was none."""

    def __init__(self, path):
        self._path = path
        self._written = 0
        try:
            with open(path) as file:
                self.last = file.read(MAX_SIZE)
        except (OSError, ValueError):
            self.last = None

    def save(self, head, error):
        """Keep an exception. `head`: one line, of when and what. Never raises.

        The same one again is not written again: a board that crashes at each start must not wear
        out its flash.
        """
        try:
            # The end says most: where it happened, and what.
            text = exception_text(error)[-(MAX_SIZE - 256) :]
            same = self.last and self.last.partition("\n")[2] == text
            self.last = head[:200] + "\n" + text
            if not same and self._written < _MOST:
                self._written += 1
                self._write()
        except OSError as failure:
            print("the crash report can't be written: %r" % failure)
        except MemoryError:  # by itself: to name two takes memory
            pass

    def _write(self):
        # A rename is atomic: the old report is there, or the new one.
        with open(self._path + ".new", "w") as file:
            file.write(self.last)
        os.rename(self._path + ".new", self._path)
