"""Pictures out of a folder, one after the other in the order of their names, again and again."""

import os

from .preview import Source


def options():
    """A row for each key, as config.py has them."""
    from ..checks import REQUIRED, integer, number, string

    return (
        ("folder", REQUIRED, string(1, 64)),  # in which the pictures are: *.jpg
        (
            "largest",
            16384,
            integer(1024, 131072),
        ),  # octets; two buffers of it are taken to show them
        ("fps", 1, number(0.1, 15)),  # pictures in a second at most
        ("viewers", 2, integer(1, 8)),  # who may watch at the same time
    )


def create(options, driver):
    """The Source."""
    return Files(options["folder"], options["largest"])


class Files(Source):
    """See above. Files may come and go."""

    def __init__(self, folder, largest):
        self.size = largest
        self._folder = folder.rstrip("/")
        self._last = ""

    def capture(self, buf, now):
        """The next picture; see Source."""
        name = self._next()
        with open(self._folder + "/" + name, "rb") as file:
            n = file.readinto(buf)
            if n == len(buf) and file.read(1):
                raise ValueError("%s has more than %d octets" % (name, len(buf)))
        if n < 4 or buf[0] != 0xFF or buf[1] != 0xD8:
            raise ValueError("%s is no JPEG" % name)
        return memoryview(buf)[:n]

    def _next(self):
        first = following = None
        for name in os.listdir(self._folder):
            if name[-4:].lower() == ".jpg":
                if first is None or name < first:
                    first = name
                if name > self._last and (following is None or name < following):
                    following = name
        if first is None:
            raise ValueError("no *.jpg in %s" % self._folder)
        self._last = following or first
        return self._last
