"""A life of the firmware in minutes: `make soak`, or run.py [--seconds N] [--seed N].

See README.md. Exit status 1, with all that the firmware printed, when something was wrong with it.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("host_tests", "tools")]
sys.path[:0] = [str(ROOT / "host_tests" / "device"), str(HERE)]

import crowd  # noqa: E402
import env  # noqa: E402
import mpy  # noqa: E402
import visca_camera  # noqa: E402
import web  # noqa: E402
from contenders import free_port  # noqa: E402
from crowd import light  # noqa: E402
from unix_port import UnixPort  # noqa: E402

AMPLE_KB = 384  # for everybody
SCARCE_KB = 284  # 34 more than it takes by itself: for a few at a time, and not for pictures
ROUND_S = 15
SETTLE_S = 150  # two of the longest pauses between two connections to a server, and more
PAUSE_S = 0.3  # for the last connections to end
GROWTH = 3072  # octets; what a connection takes is more
CROWD = (crowd.Peer,) * 5 + (crowd.Viewer,) * 3 + (crowd.Controller,) * 2 + (crowd.Browser,) * 2
BAD_WORDS = ("Traceback", "crashed", "MemoryError", "Task exception")


class Soak:
    """One run. `faults`: a list of str."""

    def __init__(self, seed, heap_kb):
        self.heap_kb = heap_kb
        self.rng = random.Random(seed)
        self.port = free_port()
        self.faults = []
        self.first = None  # octets of heap in use before the first round

    def run(self, seconds):
        unix = UnixPort(env.micropython())
        with (
            tempfile.TemporaryDirectory() as scratch,
            visca_camera.SerialCamera() as self.camera,
            contextlib.closing(light.Listener()) as self.upstream,
        ):
            directory = Path(scratch)
            mpy.deployed(mpy.HOST, directory)
            shutil.copy(ROOT / "firmware" / "main.py", directory)
            web.build(directory)
            config = directory / "config.json"
            config.write_text(json.dumps(self.configuration()))
            unix.env["MICROPYPATH"] = f"{directory}:.frozen"
            command = ("-X", f"heapsize={self.heap_kb}k", directory / "main.py", config)
            with unix.start(*command) as self.program:
                self.program.wait_for_line("listening on ")
                end = time.monotonic() + seconds
                self.settle(0, {})
                number = 0
                while not self.faults and (number < 2 or time.monotonic() < end):
                    number += 1
                    self.round(number)
                output = self.program.output
        words = BAD_WORDS if self.heap_kb == AMPLE_KB else ("crashed",)
        self.faults += [f"it printed {word!r}" for word in words if word in output]
        return output

    def configuration(self):
        return {
            "name": "soak",
            "mode": "both",
            "wifi": [],
            "server": {"url": f"ws://127.0.0.1:{self.upstream.port}/"},
            "listen": {
                "host": "127.0.0.1",
                "port": self.port,
                "open": True,
                "max_peers": 4,
                "max_viewers": 3,
            },
            "device": {"driver": "visca_serial", "uart": self.camera.path},
            "preview": {"source": "pattern"},
        }

    def round(self, number):
        until = time.monotonic() + ROUND_S
        visitors = [kind(self.chance(), self.port) for kind in CROWD]
        visitors.append(crowd.Upstream(self.chance(), self.upstream))
        with concurrent.futures.ThreadPoolExecutor(len(visitors) + 1) as pool:
            ends = [pool.submit(visit, each, until) for each in visitors]
            ends.append(pool.submit(trouble, self.chance(), self.camera, until))
        for end in ends:
            end.result()
        heard = {}
        for each in visitors:
            name = type(each).__name__
            heard[name] = heard.get(name, 0) + each.heard
        self.settle(number, heard)

    def chance(self):
        return random.Random(self.rng.getrandbits(64))

    def settle(self, number, heard):
        """Wait until all is as it was before, and say how long that took."""
        began = time.monotonic()
        quiet = threading.Event()
        serving = threading.Thread(target=self.serve_well, args=(quiet,))
        serving.start()
        try:
            why, used = self.look()
            while why and self.program.process.poll() is None:
                if time.monotonic() - began > SETTLE_S:
                    break
                time.sleep(PAUSE_S)
                why, used = self.look()
        finally:
            quiet.set()
            serving.join()
        seconds = time.monotonic() - began
        if why:
            self.faults.append(f"round {number}: after {seconds:.0f} s of quiet: {why}")
            return
        print(f"round {number}: {heard}, quiet after {seconds:.1f} s, {used} octets", flush=True)
        if number == 0:
            self.first = used  # all that is imported when it is needed has been
        if used - self.first > GROWTH:
            self.faults.append(f"round {number}: {used - self.first} octets of heap are lost")
        # A client waits for up to a minute between two connections to a server that fails.
        missed = [name for name, count in heard.items() if not count and name != "Upstream"]
        if missed and self.heap_kb == AMPLE_KB:
            self.faults.append(f"round {number}: nobody was served of {', '.join(missed)}")

    def look(self):
        """(What is wrong, or None; octets of heap in use)."""
        if self.program.process.poll() is not None:
            return f"it ended with status {self.program.process.returncode}", 0
        why, used = self.examine()
        if not why:
            why = self.ill()
            time.sleep(PAUSE_S)
        if not why:
            why, used = self.examine()
        return why, used

    def examine(self):
        try:
            health = json.loads(crowd.get(self.port, "/health"))
        except crowd.TROUBLES as error:
            return f"/health: {error!r}", 0
        return self.unsettled(health), health["heap"]["used"]

    def ill(self):
        """What it doesn't do for somebody who comes alone, or None."""
        kinds = (crowd.Guest, crowd.Remote, crowd.Operator, crowd.Reader)
        if self.heap_kb == AMPLE_KB:
            kinds += (crowd.Watcher,)
        for kind in kinds:
            try:
                kind(self.port).act()
            except crowd.TROUBLES as error:
                return f"{kind.__name__}: {error!r}"
        return None

    def unsettled(self, health):
        """What is not as it was before, or None."""
        if len(health["peers"]) != 1:  # its own
            return f"peers: {health['peers']}"
        if health["sessions"]:
            return f"sessions: {health['sessions']}"
        if health["registered"] != "quiet":
            return f"registered as {health['registered']}"
        if self.camera.camera.moves:
            return f"the camera moves: {self.camera.tail()}"
        sockets = self.sockets()
        if sockets > 2:  # it listens, and has its server
            return f"{sockets} sockets are open"
        return None

    def sockets(self):
        """The program's open sockets; 0 where the system doesn't tell."""
        try:
            fds = list(Path(f"/proc/{self.program.pid}/fd").iterdir())
        except OSError:
            return 0
        links = []
        for fd in fds:
            with contextlib.suppress(OSError):
                links.append(os.readlink(fd))
        return sum(link.startswith("socket:") for link in links)

    def serve_well(self, quiet):
        while not quiet.is_set():
            with contextlib.suppress(*crowd.TROUBLES), crowd.next_client(self.upstream) as sock:
                link = crowd.Link(sock, False)
                sock.settimeout(0.5)
                link.send(type="welcome", peerId="quiet")
                link.receive("setPeerStatus")
                while not quiet.is_set():
                    with contextlib.suppress(TimeoutError):
                        link.receive("nothing, but Pings that are answered")
                light.close(sock, False)


def visit(visitor, until):
    while time.monotonic() < until:
        try:
            visitor.act()
        except crowd.TROUBLES:
            time.sleep(visitor.rng.random() * 0.2)


def trouble(rng, camera, until):
    """The camera loses messages, or is switched off, now and then."""
    while time.monotonic() < until:
        camera.silent = rng.randrange(3) == 0
        share = rng.choice((0, 0.3))
        camera.lose = lambda octets, share=share: rng.random() < share
        time.sleep(rng.random() * 3)
    camera.silent = False
    camera.lose = lambda octets: False


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    for heap_kb in (AMPLE_KB, SCARCE_KB):
        print(f"a heap of {heap_kb} KB", flush=True)
        soak = Soak(options.seed, heap_kb)
        output = soak.run(options.seconds / 2)
        if soak.faults:
            print(output)
            print("\n".join(soak.faults))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
