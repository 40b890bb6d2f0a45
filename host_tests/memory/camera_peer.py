"""The whole firmware as a client peer with one VISCA camera, in a small heap.

It boots from its configuration, registers, drives the camera by a request through signalling, is
sent an SDP of 16 KB in a session that it refuses, as it has no media, and ends with a clean close.
"""

import contextlib
import json
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "device"))

import signalling
import visca_camera
from signalling import light

PROGRAM = signalling.DIRECTORY / "camera_client.py"
MOVE = {"type": "customUpstreamEvent", "structureName": "move", "structure": {"pan": 50}}
NOT_LOADED_FOR_LONG = ("signalbox.config", "signalbox.json_text", "signalbox.checks")


def loaded(unix, heap_kb):
    """The modules of Signalbox that all of that loaded; None if it did not fit into the heap."""
    with (
        visca_camera.SerialCamera() as camera,
        contextlib.closing(light.Listener()) as listener,
        contextlib.ExitStack() as stack,
    ):
        config = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "config.json"
        config.write_text(json.dumps(configuration(listener.port, camera.path)))
        process = subprocess.Popen(
            [unix.path, "-X", f"heapsize={heap_kb}k", "-m", PROGRAM.stem, config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=unix.env,
            text=True,
        )
        stack.callback(process.communicate)
        stack.callback(process.kill)
        deadline = time.monotonic() + signalling.TIMEOUT_S
        while not select.select([listener], [], [], 0.05)[0]:
            if process.poll() is not None or time.monotonic() > deadline:
                return None
        try:
            meet(signalling.Link(listener.accept(), False), camera, process)
            output, _ = process.communicate(timeout=signalling.TIMEOUT_S)
        except (OSError, light.PeerError, subprocess.TimeoutExpired, AssertionError):
            return None
    last = output.rstrip().rpartition("\n")[2].split()
    if process.returncode or last[:1] != ["loaded"] or "MemoryError" in output:
        return None
    return {*NOT_LOADED_FOR_LONG, *(name for name in last if name.startswith("signalbox"))}


def configuration(port, path):
    return {
        "name": "stage left",
        "mode": "client",
        "wifi": [],
        "server": {"url": f"ws://127.0.0.1:{port}/"},
        "device": {"driver": "visca_serial", "uart": path},
    }


def meet(link, camera, process):
    """The server's and the camera's part."""
    link.send(type="welcome", peerId="a")
    link.receive("setPeerStatus")
    link.send(type="control", peerId="b", id=1, request=MOVE)
    reply = link.receive("control")
    assert reply["reply"]["id"] == 1 and reply["reply"]["error"] is None, reply
    camera.wait_for(lambda it: it.pan_tilt[0] == 2, "a pan to the right", signalling.TIMEOUT_S)
    link.send(type="startSession", peerId="b", sessionId="c", offer=signalling.SDP)
    link.receive("endSession")
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(light.PeerError):
        link.receive("nothing but its Close")
    link.close()
