"""The MicroPython that a board gets: FIRMWARE=file, or the pinned release, downloaded once.

A download is kept in the cache, with its SHA-256 beside it. The site publishes none, so the first
download is what later ones are held against.
"""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

import env
from faults import Refused, Unavailable, WrongInput
from progress import bar, say

SITE = "https://micropython.org/resources/firmware/"
TIMEOUT_S = 30
LARGEST = 16 << 20  # octets; the largest of the releases has 2.5 MB
CHUNK = 1 << 16


def get(board, chosen=None, check=None, site=SITE):
    """The path of the board's MicroPython: `chosen`, or the release from the cache or `site`.

    `check`: called with a path before what was downloaded is believed; raises what is wrong.
    WrongInput: no such file. Refused: it is not what it was. Unavailable: it can't be downloaded.
    """
    if chosen:
        path = Path(chosen)
        if not path.is_file():
            raise WrongInput(f"FIRMWARE={chosen} is no file", "name a MicroPython for the board")
        return path
    path = Path(env.cache_dir()) / "firmware" / board.release
    record = path.with_name(path.name + ".sha256")
    expected = recorded(record)
    if path.is_file() and expected:
        if digest(path) != expected:
            raise Refused(
                f"{path} has changed since it was downloaded: its SHA-256 was {expected}",
                f"delete it to download it again, and {record.name}, too, if you trust the site "
                "to have a new one",
            )
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        download(site + board.release, part)
        if check:
            check(part)
        found = digest(part)
        # Deleted by hand, but once there: the same file is expected again.
        if expected and expected != found:
            raise Refused(
                f"{site + board.release} is not what was downloaded before: its SHA-256 was "
                f"{expected}, and is {found}",
                f"find out why; delete {record} to accept it",
            )
        os.replace(part, path)
        record.write_text(f"{found}  {path.name}\n")
    finally:
        part.unlink(missing_ok=True)
    say(f"Downloaded {path.name}, SHA-256 {found}")
    return path


def recorded(record):
    """The SHA-256 of a first download; None if there is none: writing it may have broken off."""
    words = record.read_text().split() if record.is_file() else []
    return words[0] if words else None


def download(url, path):
    """Fetch a URL into a file. Unavailable: no network, or no such file there."""
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer,
            open(path, "wb") as file,
            bar() as progress,
        ):
            size = int(answer.headers.get("Content-Length") or 0) or None
            task = progress.add_task("download", total=size)
            done = 0
            while piece := answer.read(CHUNK):
                done += len(piece)
                if done > LARGEST:
                    raise Unavailable(
                        f"{url} has more than {LARGEST} octets",
                        "download it by hand and name it: FIRMWARE=file",
                    )
                file.write(piece)
                progress.update(task, completed=done)
            if size and done != size:
                raise Unavailable(f"{url} ended after {done} of {size} octets", "try again")
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        why = getattr(error, "reason", None) or error
        raise Unavailable(
            f"{url} can't be downloaded: {why}",
            "connect this computer to the internet and try again, or download the file elsewhere "
            "and name it: FIRMWARE=file",
        ) from None


def digest(path):
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
