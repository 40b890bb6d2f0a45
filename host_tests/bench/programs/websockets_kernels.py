"""Masking and UTF-8 checking as `websockets` does it on CPython; see kernels.py."""

import json
import sys
import time

from websockets.speedups import apply_mask

SIZES = (1024, 16384, 65536)
TRIAL_S = 0.002
KEY = b"\x37\xfa\x21\x3d"


def least(act, trials):
    start = time.perf_counter()
    act()
    count = max(1, int(TRIAL_S / (time.perf_counter() - start)))
    best = TRIAL_S
    for _ in range(trials):
        start = time.perf_counter()
        for _ in range(count):
            act()
        best = min(best, (time.perf_counter() - start) / count)
    return best * 1e6


trials = int(sys.argv[1])
mask_row = []
for size in SIZES:
    data = bytes(size)
    mask_row.append(least(lambda data=data: apply_mask(data, KEY), trials))
text_row = []
for text in (b"ascii only, ", "grün, 信号, 📷, ".encode()):
    for size in SIZES:
        data = text * (size // len(text))
        text_row.append(least(lambda data=data: data.decode(), trials))
print("result", json.dumps({"masking": mask_row, "utf8": text_row}))
