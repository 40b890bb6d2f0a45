"""The on-board page as the one file that the board serves: firmware/web/ put together and gzip'd.

    web.py DIRECTORY

Writes DIRECTORY/page.http, which firmware/signalbox/web.py looks for in sys.path: the header fields
of the response, an empty line, and the page. Equal sources give equal octets.
"""

import base64
import gzip
import hashlib
import re
import sys
import urllib.parse
from pathlib import Path

import env

WEB = Path(env.ROOT) / "firmware" / "web"
NAME = "page.http"
# In the order in which they run. All of them are one script: what one declares, the others see.
SCRIPTS = ("words", "connection", "devices", "preview", "control", "motion", "buttons", "app")
LARGEST = 24 * 1024  # octets, header fields included


class WebError(Exception):
    """The page can't be built; the text says why, and what to do."""


def build(directory):
    """Write the page into a directory, which is made if need be. Returns its path. WebError."""
    octets = page()
    if len(octets) > LARGEST:
        raise WebError(f"the page has {len(octets)} octets, {LARGEST} are allowed: shorten it")
    path = Path(directory) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
    return path


def page():
    """The octets of page.http."""
    scripts = [(WEB / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    script = '"use strict";{\n' + minified_script("\n".join(scripts)) + "\n}"
    style = minified_style((WEB / "style.css").read_text("utf-8"))
    icon = re.sub(r">\s+<", "><", (WEB / "icon.svg").read_text("utf-8").strip())
    text = minified_html((WEB / "index.html").read_text("utf-8"))
    for mark, replacement in (
        ("ICON", "data:image/svg+xml," + urllib.parse.quote(icon, safe="/:=' ")),
        ("STYLE", style),
        ("SCRIPT", script),
    ):
        mark = "{{" + mark + "}}"
        if text.count(mark) != 1:
            raise WebError(f"{WEB / 'index.html'}: {mark} must be there once")
        text = text.replace(mark, replacement)
    body = bytearray(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    body[9] = 255  # made on any system: Python versions differ in what they say there
    fields = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Encoding": "gzip",
        "Content-Length": str(len(body)),
        # Asked for again each time, and answered with 304 as long as it is the same.
        "Cache-Control": "no-cache",
        "ETag": '"' + hashlib.sha256(body).hexdigest()[:16] + '"',
        "Content-Security-Policy": "; ".join((
            "default-src 'none'",
            f"script-src {source_hash(script)}",
            f"style-src {source_hash(style)}",
            "img-src data: blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + body


def source_hash(text):
    """What names an inline script or style in a Content-Security-Policy."""
    digest = hashlib.sha256(text.encode()).digest()
    return "'sha256-" + base64.b64encode(digest).decode() + "'"


def minified_script(text):
    """Without comments that have lines of their own, and without indentation."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def minified_style(text):
    """Without comments and needless space."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,]) ?", r"\1", text).strip()


def minified_html(text):
    """Without comments and indentation."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


def main(directory):
    try:
        path = build(directory)
    except (WebError, OSError) as error:
        sys.exit(f"web.py: {error}")
    print(f"{path}: {path.stat().st_size} octets of {LARGEST}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
