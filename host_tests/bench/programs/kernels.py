"""Masking and UTF-8 checking on MicroPython. Prints one line: `result ` and JSON, in µs per call.

The least of many short trials, which take turns, is what the code costs on a busy machine.
Argument: the number of trials.
"""

import io
import json
import sys
import time

import websocket
from signalbox.ws import mask_portable, utf8_portable
from signalbox.ws.mask import xor
from signalbox.ws.utf8 import validate

SIZES = (1024, 16384, 65536)
LARGEST_C = 65535  # the module reads no longer frame
TRIAL_US = 2000
KEY = b"\x37\xfa\x21\x3d"


def elapsed(act, count):
    start = time.ticks_us()
    for _ in range(count):
        act()
    return time.ticks_diff(time.ticks_us(), start)


def least(acts, trials):
    """{name: µs per call} of {name: function}."""
    counts = {}
    best = {}
    for name, act in acts.items():
        once = max(1, elapsed(act, 1))
        counts[name] = max(1, TRIAL_US // once)
        best[name] = once
    for _ in range(trials):
        for name, act in acts.items():
            best[name] = min(best[name], elapsed(act, counts[name]) / counts[name])
    return best


def c_module(size):
    """Reading a masked frame with the C module, and reading as many octets without it."""
    n = min(size, LARGEST_C)
    buf = bytearray(n)
    stream = io.BytesIO(b"\x82\xfe" + bytes((n >> 8, n & 0xFF)) + KEY + bytes(n))
    ws = websocket.websocket(stream)

    def with_mask():
        stream.seek(0)
        ws.readinto(buf)

    def plain():
        stream.seek(8)
        stream.readinto(buf)

    return with_mask, plain


def masking(trials):
    rows = {"signalbox": [], "C module": [], "portable": []}
    for size in SIZES:
        buf = bytearray(size)
        with_mask, plain = c_module(size)
        best = least(
            {
                "signalbox": lambda buf=buf, size=size: xor(buf, 0, size, KEY, 0),
                "portable": lambda buf=buf, size=size: mask_portable.xor(buf, 0, size, KEY, 0),
                "C module": with_mask,
                "plain": plain,
            },
            trials,
        )
        best["C module"] -= best["plain"]
        for name, row in rows.items():
            row.append(best[name])
    return rows


def utf8(trials):
    rows = {"signalbox": [], "portable": [], "str()": []}
    texts = (b"ascii only, ", "grün, 信号, 📷, ".encode())
    for text in texts:
        for size in SIZES:
            buf = bytearray((text * (size // len(text) + 1))[:size])
            best = least(
                {
                    "signalbox": lambda buf=buf: validate(buf, 0, len(buf), 0),
                    "portable": lambda buf=buf: utf8_portable.validate(buf, 0, len(buf), 0),
                },
                trials,
            )
            # Cut at a border, which str() insists on; it also makes the str.
            whole = buf[: size // len(text) * len(text)]
            best.update(least({"str()": lambda whole=whole: str(whole, "utf-8")}, trials))
            for name, row in rows.items():
                row.append(best[name])
    return rows


trials = int(sys.argv[1])
native = {
    "masking": xor is not mask_portable.xor,
    "utf8": validate is not utf8_portable.validate,
}
print("result", json.dumps({"masking": masking(trials), "utf8": utf8(trials), "native": native}))
