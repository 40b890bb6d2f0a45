"""Prints one line of JSON: which board this is, and what is on it. Changes nothing."""

import json
import os
import sys

import vfs


def read(path, size=-1):
    try:
        with open(path) as file:
            return file.read(size)
    except (OSError, ValueError):
        return None


def exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def first_line(path):
    return (read(path, 200) or "").split("\n")[0] or None


def has_wifi():
    try:
        import network

        return hasattr(network, "WLAN")
    except ImportError:
        return False


def file_system():
    for device, path in vfs.mount():
        if path == "/":
            return type(device).__name__


block, _, blocks, free = os.statvfs("/")[:4]
state = read("/slots.json")
print(
    json.dumps(
        {
            "platform": sys.platform,
            "version": list(sys.implementation.version[:3]),
            "machine": getattr(sys.implementation, "_machine", ""),
            "mpy": getattr(sys.implementation, "_mpy", 0),
            "wifi": has_wifi(),
            "file_system": file_system(),
            "block_bytes": block,
            "blocks": blocks,
            "free_blocks": free,
            "state": state,
            "slots": {slot: first_line("/slot_%s/version" % slot) for slot in "ab"},
            "configured": exists("/config.json"),
        }
    )
)
