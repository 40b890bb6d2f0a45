"""The firmware on MicroPython's unix port, in the foreground. Ctrl-C closes every peer and ends it.

    PORT=8444 run.py

It starts as on a board, with a configuration: a signalling server, a simulated camera, and its
page. PORT is 8443 if it isn't set. A second Ctrl-C ends the firmware at once.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import env
import web

FIRMWARE = Path(env.ROOT) / "firmware"
DEFAULT_PORT = "8443"
STOP_TIMEOUT_S = 10  # longer than the firmware's own

HELP = """\
Page: http://127.0.0.1:{port}/ (the simulated camera, its picture and its controls)
Signalling server: ws://127.0.0.1:{port}/ (the protocol of gst-webrtc-signalling-server)
Next: open the page; or in another terminal
    python3 tools/env.py exec python -m websockets ws://127.0.0.1:{port}/
and type {{"type": "list"}} there. Ctrl-C here ends it."""
TAKEN = """\
Next: end the program that has port {port}, or choose another one: make run PORT={other}"""


def main():
    if sys.argv[1:]:
        print(__doc__.rstrip(), file=sys.stderr)
        return 0 if sys.argv[1] in ("-h", "--help") else 2
    port = os.environ.get("PORT") or DEFAULT_PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        print(f"run.py: PORT={port} is not a port\nNext: a number from 1 to 65535", file=sys.stderr)
        return 2
    try:
        micropython = env.micropython()
    except env.EnvError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as directory:
        return run(micropython, int(port), Path(directory))


def configuration(port):
    """It listens where only this computer reaches it, so any page and program may connect."""
    return {
        "name": "signalbox",
        "mode": "server",
        "wifi": [],
        "listen": {
            "host": "127.0.0.1",
            "port": port,
            "open": True,
            "origins": ["*"],
            "max_peers": 16,
            "max_viewers": 8,
        },
        "device": {"driver": "simulated"},
        "preview": {"source": "pattern"},
    }


def run(micropython, port, directory):
    """Run the firmware to its end. Returns its exit status."""
    config = directory / "config.json"
    config.write_text(json.dumps(configuration(port)), encoding="utf-8")
    web.build(directory)
    environ = {name: v for name, v in os.environ.items() if not name.startswith("MICROPY")}
    environ["MICROPYPATH"] = f"{FIRMWARE}:{directory}:.frozen"
    # In a session of its own: a terminal sends Ctrl-C to all of ours, and an interrupt could hit
    # the firmware in the middle of closing a peer. It ends when its input does: also when we die.
    firmware = subprocess.Popen(
        [micropython, FIRMWARE / "main.py", config, "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environ,
        start_new_session=True,
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: end(firmware))
    signal.signal(signal.SIGALRM, lambda *_: firmware.kill())
    try:
        for line in firmware.stdout:
            print(line, end="", flush=True)
            if line.startswith("listening on "):
                print(HELP.format(port=port), flush=True)
            elif line.startswith("can't listen on "):
                other = port % 65535 + 1
                print(TAKEN.format(port=port, other=other), file=sys.stderr)
    finally:
        if not firmware.stdin.closed:
            end(firmware)
        status = firmware.wait()
    return status


def end(firmware):
    """Ask the firmware to end, and see to it that it does; the second time it ends at once."""
    if firmware.stdin.closed:
        firmware.kill()
    else:
        firmware.stdin.close()
        signal.alarm(STOP_TIMEOUT_S)


if __name__ == "__main__":
    sys.exit(main())
