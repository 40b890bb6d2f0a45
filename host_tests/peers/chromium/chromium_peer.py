"""A peer around Chromium's own WebSocket: see ../README.md for its form. A client only.

A browser of its own for each process, in the same process group, so that what is done to the group
is done to the browser; it dies with this program. Its page is told what to do over the DevTools
protocol. The authority goes into the NSS database of the browser's home: nothing is ignored.
"""

import argparse
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from websockets.sync.client import connect

START_TIMEOUT_S = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
HOME_PREFIX = "signalbox-chromium-"
PR_SET_PDEATHSIG = 1
# What the page does. A command that the API refuses, or doesn't have, is unsupported.
PAGE = """
let socket, received = 0, highest = 0, sent = 0;
const say = (event) => tell(JSON.stringify(event));

function open(url) {
    socket = new WebSocket(url);
    socket.onopen = () => say({event: "open"});
    socket.onmessage = ({data}) => {
        received += 1;
        highest = Math.max(highest, parseInt(data) || 0);
        say({event: "received", count: received});
    };
    socket.onclose = ({code, reason, wasClean}) => {
        const lost = Math.max(0, highest - received);
        say({event: "closed", code, reason, clean: wasClean, received, lost, sent, error: null});
    };
}

function act(command, ...words) {
    try {
        commands[command](...words);
    } catch (error) {
        say({event: "unsupported", command});
    }
}

const commands = {
    send(count, size) {
        // When it is closing, send() takes nothing, and says nothing.
        for (let i = 0; i < count && socket.readyState == WebSocket.OPEN; i++) {
            const head = `${sent + 1} `;
            socket.send(head + "x".repeat(Math.max(0, size - head.length)));
            sent += 1;
        }
    },
    close(code, ...reason) {
        if (code === undefined) socket.close();
        else socket.close(Number(code), reason.join(" "));
    },
};
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("role", choices=["client"])
    parser.add_argument("url")
    parser.add_argument("--ca", type=Path)
    arguments = parser.parse_args()
    clear_up()
    with (
        tempfile.TemporaryDirectory(
            prefix=f"{HOME_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True
        ) as home,
        browser(Path(home), arguments.ca) as devtools,
        connect(devtools, max_size=None) as connection,
    ):
        page = Page(connection)
        listener = threading.Thread(target=page.listen)
        listener.start()
        page.ask("Log.enable")
        page.ask("Runtime.enable")
        page.ask("Runtime.addBinding", name="tell")
        page.ask("Runtime.evaluate", expression=PAGE)
        page.call("open", arguments.url)
        for line in sys.stdin:
            if line.split() == ["quit"]:
                break
            page.call("act", *line.split())
        page.is_ending = True
        connection.close()
        listener.join()


def clear_up():
    """Remove the browsers' homes of programs that were killed."""
    for home in Path(tempfile.gettempdir()).glob(f"{HOME_PREFIX}*-*"):
        pid = home.name.removeprefix(HOME_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(home, ignore_errors=True)


class Page:
    """The browser's page: what it is told, and what it tells."""

    def __init__(self, connection):
        self.connection = connection
        self.asked = 0
        self.error = None  # the last one in the console, where the API has no text
        self.is_ending = False

    def ask(self, method, **parameters):
        """Not waiting for the answer, as they are dealt with in order."""
        self.asked += 1
        question = {"id": self.asked, "method": method, "params": parameters}
        self.connection.send(json.dumps(question))

    def call(self, function, *arguments):
        words = ", ".join(json.dumps(argument) for argument in arguments)
        self.ask("Runtime.evaluate", expression=f"{function}({words})")

    def listen(self):
        """Until the connection with the browser ends."""
        for text in self.connection:
            message = json.loads(text)
            parameters = message.get("params", {})
            if message.get("method") == "Runtime.bindingCalled":
                self.tell(json.loads(parameters["payload"]))
            elif message.get("method") == "Log.entryAdded":
                self.error = parameters["entry"]["text"]
            elif "error" in message or "exceptionDetails" in message.get("result", {}):
                self.die(text)
        if not self.is_ending:
            self.die("The browser has gone")

    def die(self, text):
        """The main thread is reading."""
        print(text, file=sys.stderr)
        os._exit(1)

    def tell(self, event):
        if event["event"] == "closed":
            event["error"] = self.error
        print(json.dumps(event), flush=True)


@contextlib.contextmanager
def browser(home, ca):
    """Yields the address of a new browser's page, for DevTools."""
    if ca:
        trust(home, ca)
    profile = home / "profile"
    with open(home / "log", "w") as log:
        process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            env=dict(os.environ, HOME=str(home)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=die_with_us,
        )
    try:
        yield page_address(profile / "DevToolsActivePort", process)
    finally:
        process.kill()
        process.wait()


def trust(home, ca):
    """The authority in the database that Chromium looks into."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{database}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    subprocess.run([*certutil, "-A", "-t", "C,,", "-n", "tests", "-i", str(ca)], check=True)


def die_with_us():
    """In the browser's process, before it is one: also when this program is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def page_address(port_file, process):
    """Of a new page, as soon as the browser has said where it listens for DevTools."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (port_file.exists() and (lines := port_file.read_text().split())):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("Chromium does not start: " + (port_file.parent.parent / "log").read_text())
        time.sleep(0.02)
    connection = http.client.HTTPConnection("127.0.0.1", int(lines[0]), timeout=START_TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request("PUT", "/json/new?about:blank")
        return json.loads(connection.getresponse().read())["webSocketDebuggerUrl"]


if __name__ == "__main__":
    main()
