"""Boots main.py from a flash with slots, in every way. Run by runner.py on the unix port."""

import json
import os
import sys

from boots import FIRMWARE, Reset, boot
from flash import Flash, PowerCut

with open(FIRMWARE + "/signalbox/slots.py") as source:  # before a flash is the root
    SLOTS = source.read()

CONFIRMS = "from signalbox import slots\nstarts.append(NAME)\nslots.confirm()\n"
RUNS = "starts.append(NAME)\n"
RAISES = RUNS + "raise ValueError('broken')\n"
CUTS_ITSELF = RUNS + "raise Watchdog\n"
FAILS = RUNS + "status = 1\n"


class Watchdog(BaseException):
    """The watchdog's reset: nothing runs after it."""


class Started:
    """What the applications share with this program, as a module."""

    def __init__(self):
        self.starts = []
        self.Watchdog = Watchdog


started = sys.modules["started"] = Started()


def put(path, text):
    with open(path, "w") as file:
        file.write(text)


def get(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def state():
    return json.loads(get("/slots.json") or "null")


def install(slot, what, name=None):
    """Put an application into a slot. `what` is what it does when it is started."""
    root = "/slot_" + slot
    for directory in (root, root + "/signalbox"):
        os.mkdir(directory)
    lines = what.replace("NAME", repr(name or slot)).replace("\n", "\n    ")
    put(
        root + "/signalbox/start.py",
        "from started import starts, Watchdog\n"
        "def main(arguments):\n    status = 0\n    " + lines + "\n    return status\n",
    )
    put(root + "/signalbox/slots.py", SLOTS)
    put(root + "/version", "v-" + slot + "\n")


def prepared(a=None, b=None, slots=None):
    """A flash with these applications, and this text as the state."""
    flash = Flash(32, 256)
    flash.mount()
    for slot, what in (("a", a), ("b", b)):
        if what:
            install(slot, what)
    if slots:
        put("/slots.json", slots)
    return flash


def power_on(flash, times=1):
    """Start it so many times. Returns the names of the applications that ran."""
    started.starts.clear()
    for _ in range(times):
        try:
            boot(flash)
        except Watchdog:
            pass
    return "".join(started.starts)


def test_confirmed_one_starts_without_a_change():
    flash = prepared(CONFIRMS, CONFIRMS, '{"slot": "b"}')
    before = flash.changes
    assert power_on(flash, 5) == "bbbbb"
    assert flash.changes == before


def test_trial_is_confirmed():
    flash = prepared(RUNS, CONFIRMS, '{"slot": "b", "starts": 0}')
    assert power_on(flash, 1) == "b"
    assert state() == {"slot": "b"}


def test_trial_is_confirmed_at_the_last_start():
    flash = prepared(RUNS, CONFIRMS, '{"slot": "b", "starts": 2}')
    assert power_on(flash, 2) == "bb"
    assert state() == {"slot": "b"}


def check_back(what, crash):
    flash = prepared(CONFIRMS, what, '{"slot": "b", "starts": 0}')
    assert power_on(flash, 5) == "bbbaa"
    assert state() == {"slot": "a", "failed": "b"}
    assert (crash in get("/crash.txt")) if crash else get("/crash.txt") is None


def test_exception_three_times_leads_back():
    check_back(RAISES, "ValueError: broken")


def test_watchdog_three_times_leads_back():
    check_back(CUTS_ITSELF, None)


def test_never_confirmed_three_times_leads_back():
    check_back(RUNS, None)


def test_exit_status_three_times_leads_back():
    check_back(FAILS, None)


def test_import_error_three_times_leads_back():
    flash = prepared(CONFIRMS, CONFIRMS, '{"slot": "b", "starts": 0}')
    os.remove("/slot_b/signalbox/start.py")
    assert power_on(flash, 5) == "aa"
    assert "ImportError" in get("/crash.txt")


def test_syntax_error_three_times_leads_back():
    flash = prepared(CONFIRMS, CONFIRMS, '{"slot": "b", "starts": 0}')
    put("/slot_b/signalbox/start.py", "def (")
    assert power_on(flash, 5) == "aa"
    assert "SyntaxError" in get("/crash.txt")


def test_the_same_exception_again_and_again_is_written_once():
    for slots in ('{"slot": "a", "starts": 3}', None):
        flash = prepared(RAISES, None, slots)
        power_on(flash, 4)
        before = flash.changes
        assert power_on(flash, 5) == "aaaaa"
        assert flash.changes == before
        put("/slot_a/signalbox/start.py", "raise OSError('another one')\n")
        power_on(flash)
        assert "another one" in get("/crash.txt")


class FullHeap:
    """In the place of `io` and `time`: without an octet of memory while a report is made."""

    rest = None

    def StringIO(self):
        while True:  # a call that needs no memory, and so leaves none behind
            self.rest = (self.rest,)

    def sleep(self, seconds):
        self.rest = None


def test_no_memory_for_a_report_is_reset_all_the_same():
    flash = prepared(RAISES, None, '{"slot": "a"}')
    sys.modules["io"] = full = FullHeap()
    try:
        assert isinstance(boot(flash, full), Reset)
    finally:
        del sys.modules["io"]


def test_exception_is_reset():
    flash = prepared(RAISES, None, '{"slot": "a", "starts": 0}')
    assert isinstance(boot(flash), Reset)


def test_alone_it_is_started_for_ever():
    flash = prepared(None, RAISES, '{"slot": "b", "starts": 0}')
    assert power_on(flash, 8) == "b" * 8


def test_confirmed_one_that_fails_is_on_trial_again():
    flash = prepared(RAISES, CONFIRMS, '{"slot": "a"}')
    assert power_on(flash, 5) == "aaabb"
    assert state() == {"slot": "b", "failed": "a"}


def test_confirmed_one_that_fails_once_goes_on():
    flash = prepared(CONFIRMS, RUNS, '{"slot": "a", "starts": 1}')
    assert power_on(flash, 5) == "aaaaa"
    assert state() == {"slot": "a"}


def test_state_is_missing_or_damaged():
    for text in (
        None,
        "{",
        "null",
        "7",
        "[]",
        '"a"',
        "{}",
        '{"slot": "c"}',
        '{"slot": 1}',
        '{"slot": ["a"]}',
        '{"slot": "ab"}',
        '{"slot": "a", "starts": "x"}',
        '{"slot": "a", "starts": null}',
        '{"slot": "a", "starts": -7}',
        "\xff\xfe\x00",
    ):
        flash = prepared(CONFIRMS, CONFIRMS, text)
        assert power_on(flash, 2) == "aa", text
        assert state() == {"slot": "a"}
        flash = prepared(RAISES, CONFIRMS, text)
        assert power_on(flash, 5) == "aaabb", text


def test_state_names_a_slot_that_is_not_whole():
    flash = prepared(CONFIRMS, CONFIRMS, '{"slot": "a"}')
    os.remove("/slot_a/version")
    assert power_on(flash, 2) == "bb"
    assert state() == {"slot": "b"}


def test_without_slots_it_is_on_the_path():
    flash = Flash(32, 256)
    flash.mount()
    os.mkdir("/signalbox")
    put("/signalbox/start.py", "def main(arguments):\n    return 5\n")
    end = boot(flash)
    assert isinstance(end, SystemExit) and end.value == 5


def test_slot_comes_before_what_is_in_the_root():
    flash = prepared(CONFIRMS, None, '{"slot": "a"}')
    os.mkdir("/signalbox")
    put("/signalbox/start.py", "")
    assert power_on(flash) == "a"


def test_version_that_is_no_text_is_a_failed_start():
    flash = prepared(CONFIRMS, CONFIRMS, '{"slot": "b", "starts": 0}')
    with open("/slot_b/version", "wb") as file:
        file.write(b"\xff\xff\n")
    assert power_on(flash, 5) == "aa"
    assert "UnicodeError" in get("/crash.txt")


def test_full_flash_counts_and_confirms():
    flash = prepared(CONFIRMS, RAISES, '{"slot": "b", "starts": 0}')
    fill()
    assert power_on(flash, 5) == "bbbaa"
    flash = prepared(RAISES, CONFIRMS, '{"slot": "b", "starts": 0}')
    fill()
    assert power_on(flash, 5) == "bbbbb"
    assert state() == {"slot": "b"}


def fill():
    """Use up every block."""
    try:
        with open("/full", "wb") as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass
    try:
        for number in range(1000):
            put("/full%d" % number, "x" * 4096)
    except OSError:
        pass


def test_power_cut_at_every_change_of_every_start():
    """Whatever is cut, and then whatever comes next: a good version comes up in the end."""
    for what, confirmed in ((CONFIRMS, "b"), (RAISES, "a"), (CUTS_ITSELF, "a")):
        flash = prepared(CONFIRMS, what, '{"slot": "b", "starts": 0}')
        before = flash.changes
        power_on(flash, 5)
        changes = flash.changes - before
        assert changes > 3
        for cut_at in range(changes):
            flash = prepared(CONFIRMS, what, '{"slot": "b", "starts": 0}')
            flash.cut_at = flash.changes + cut_at
            try:
                power_on(flash, 5)
                raise AssertionError("the power was not cut")
            except PowerCut:
                pass
            flash = flash.copy()
            ran = power_on(flash, 6)
            assert len(ran) == 6 and ran[-1] == confirmed, (what, cut_at, ran)
            assert state()["slot"] == confirmed and "starts" not in state()
