"""What the tests of the on-board page need: Chromium, and the firmware on the unix port.

`make page` runs them; `make test` leaves this directory out, as Chromium is more than Python.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from actors import PATIENCE_MS, Firmware

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server")


def pytest_ignore_collect(config):
    return True if config.args_source is config.ArgsSource.TESTPATHS else None


# Not for the session: while it is there, no other test can run an event loop.
@pytest.fixture(scope="module")
def chromium():
    """The browser, Debian's; without one a skip that says so, and a failure in CI."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        why = "no Chromium on the PATH: install it, on Debian `apt-get install chromium`"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """A function: a page of the firmware at this URL, in a window of its own.

    It must ask nobody else for anything, and have nothing to complain about.
    """
    with contextlib.ExitStack() as opened:

        def open_one(url, width=1280, height=900, before="", **options):
            context = chromium.new_context(viewport={"width": width, "height": height}, **options)
            opened.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.faults = []
            page.add_init_script(before)
            page.on("pageerror", lambda error: page.faults.append(f"{error}"))
            page.on("request", lambda request: page.faults.extend(outside(request.url, url)))
            page.on("websocket", lambda ws: page.faults.extend(outside(ws.url, url)))
            page.on("console", lambda message: page.faults.extend(complaint(message)))
            page.goto(url)
            return page

        yield open_one


def outside(asked, url):
    host = url.split("/")[2]
    return [] if asked.split("/")[2] == host or asked.startswith(("data:", "blob:")) else [asked]


def complaint(message):
    # That a server is gone is what some of the tests are about.
    gone = "WebSocket connection to" in message.text or "Failed to load resource" in message.text
    return [message.text] if message.type in ("error", "warning") and not gone else []


@pytest.fixture
def start_firmware(micropython, tmp_path):
    """A function: a Firmware; it ends with the test."""
    started = []

    def start(token=None, **control):
        started.append(Firmware(micropython, tmp_path / "web", token, control))
        return started[-1]

    yield start
    for firmware in started:
        firmware.kill()


@pytest.fixture
def firmware(start_firmware):
    return start_firmware()
