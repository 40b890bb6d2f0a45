"""The program that drives Chromium, as the tests use it."""

import json
import sys
import time
from pathlib import Path

from systems import TIMEOUT_S, eventually

PROGRAM = Path(__file__).parent / "programs" / "browser.py"


class Browser:
    """Chromium on a host of the network, with gstwebrtc-api in its page: connected."""

    def __init__(self, gst, host, name):
        built = gst.built
        # A page can't set a header, so the token goes into the query.
        url = f"{gst.url}/?token={gst.token}" if gst.token else gst.url
        command = [sys.executable, PROGRAM, built.python, built.api, url, name]
        self.program = gst.start(host, *command)
        self.version = self.wait_for("browser")["version"]
        self.id = self.wait_for("connected")["id"]
        gst.wait_for_peer(self.id)

    def do(self, *words):
        self.program.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.program.process.stdin.flush()

    def events(self, name):
        """All that were told so far."""
        found = []
        for line in self.program.output.splitlines():
            if line.startswith('{"event"'):
                event = json.loads(line)
                if event["event"] == name:
                    found.append(event)
        return found

    def wait_for(self, name, n=1, timeout_s=TIMEOUT_S):
        """The event of this name, the `n`th."""
        eventually(lambda: len(self.events(name)) >= n, self.program, timeout_s=timeout_s)
        return self.events(name)[n - 1]

    def wait_for_frames(self, n):
        """What the browser says about the stream when it has decoded and painted so many frames."""
        deadline = time.monotonic() + TIMEOUT_S
        asked = len(self.events("figures"))
        while True:
            self.do("figures")
            asked += 1
            figures = self.wait_for("figures", asked)
            if figures.get("decoded", 0) >= n and figures["painted"] >= n:
                return figures
            assert time.monotonic() < deadline, self.program.output
            time.sleep(0.2)
