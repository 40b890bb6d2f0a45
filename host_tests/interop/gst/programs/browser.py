"""Headless Chromium with page/index.html in it, driven by lines on standard input.

    browser.py PLAYWRIGHT API URL NAME      directory, file, of the signalling server, in the meta

| command | does |
| --- | --- |
| `consume ID` | opens a session with that producer |
| `produce` | becomes a producer of the browser's fake camera |
| `figures` | prints {"event":"figures",...}: what the browser says about the stream |
| `screenshot FILE` | takes one, and prints {"event":"screenshot"} |
| `close` | closes the session, by the API |
| `leave` | closes the page, as a person closes a tab |
| `quit` | ends the browser; so does the end of standard input |

What the page tells is printed as it comes: a JSON object to a line.
"""

import json
import queue
import sys
import threading
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "page"
CHROMIUM = "/usr/bin/chromium"
# A page on localhost may use a camera. Nothing listens there: the files come by interception.
ORIGIN = "http://localhost"
ARGUMENTS = (
    "--no-sandbox",  # there is none for root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nobody here resolves the names that stand for a host's addresses, and there is no public page
    # that reaches into a local network.
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
TURN_MS = 50


def tell(**event):
    print(json.dumps(event), flush=True)


def read_commands(commands):
    for line in sys.stdin:
        commands.put(line.split())
    commands.put(["quit"])


def serve(files, route):
    path = files.get(route.request.url.rpartition("/")[2])
    if path:
        route.fulfill(path=path)
    else:
        route.fulfill(status=404)


def main(playwright, api, url, name):
    sys.path.append(playwright)
    from playwright.sync_api import sync_playwright

    files = {
        "": PAGE / "index.html",
        "page.js": PAGE / "page.js",
        "gstwebrtc-api.js": api,
    }
    commands = queue.Queue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()
    with sync_playwright() as library:
        browser = library.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        # Chromium takes a private authority from nowhere but its user's own store.
        page = browser.new_page(
            viewport={"width": 520, "height": 520}, ignore_https_errors=url.startswith("wss:")
        )
        page.on("console", lambda message: print(message.text, flush=True))
        page.on("pageerror", lambda error: tell(event="pageerror", error=str(error)))
        page.route("**/*", lambda route: serve(files, route))
        page.goto(ORIGIN + "/")
        tell(event="browser", version=browser.version)
        page.evaluate("([url, name]) => open(url, name)", [url, name])
        while True:
            try:
                command, *rest = commands.get_nowait()
            except queue.Empty:
                if page.is_closed():
                    threading.Event().wait(TURN_MS / 1000)
                else:
                    page.wait_for_timeout(TURN_MS)  # the page's events come meanwhile
                continue
            if command == "quit":
                browser.close()
                return
            if command == "consume":
                page.evaluate("(id) => consume(id)", rest[0])
            elif command == "produce":
                page.evaluate("() => produce()")
            elif command == "figures":
                tell(event="figures", **page.evaluate("() => figures()"))
            elif command == "screenshot":
                page.screenshot(path=rest[0])
                tell(event="screenshot")
            elif command == "close":
                page.evaluate("() => session.close()")
            elif command == "leave":
                page.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
