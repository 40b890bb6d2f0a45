"""What importing modules costs: `imports.py MODULE...`, each after those that it imports.

Prints `result ` and JSON: {module: [octets of heap, µs]}.
"""

import asyncio  # noqa: F401  these are in the firmware of the board, not of the modules' account
import binascii  # noqa: F401
import errno  # noqa: F401
import gc
import hashlib  # noqa: F401
import json
import os  # noqa: F401
import socket  # noqa: F401
import sys
import time

result = {name: [0, 0] for name in sys.argv[1:]}
for name in sys.argv[1:]:
    gc.collect()
    before = gc.mem_alloc()
    start = time.ticks_us()
    __import__(name)
    elapsed = time.ticks_diff(time.ticks_us(), start)
    gc.collect()
    result[name] = [gc.mem_alloc() - before, elapsed]
print("result", json.dumps(result))
