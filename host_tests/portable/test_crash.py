# crash.py: the last crash is kept in a file, bounded, and not written more often than it must be.

import os

from signalbox.crash import MAX_SIZE, CrashReport

PATH = "test_crash.txt"


def crash(text):
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


def content():
    with open(PATH) as file:
        return file.read()


def remove():
    try:
        os.remove(PATH)
    except OSError:
        pass


def test_it_is_there_at_the_next_start():
    remove()
    report = CrashReport(PATH)
    assert report.last is None
    report.save("device, 5 s after the start", crash("no answer"))
    again = CrashReport(PATH)
    assert again.last == report.last == content()
    assert again.last.startswith("device, 5 s after the start\nTraceback")
    assert "RuntimeError: no answer" in again.last
    remove()


def test_a_long_one_is_cut_in_front():
    remove()
    CrashReport(PATH).save("x" * 1000, crash("y" * 5000 + " end"))
    assert len(content()) <= MAX_SIZE
    assert content().startswith("x" * 200 + "\n") and content().strip().endswith(" end")
    remove()


def test_the_same_one_is_not_written_again():
    remove()
    error = crash("again and again")
    CrashReport(PATH).save("first", error)
    report = CrashReport(PATH)
    report.save("second", error)
    assert content().startswith("first\n") and report.last.startswith("second\n")
    report.save("third", crash("another"))
    assert content().startswith("third\n")
    remove()


def test_a_start_writes_a_few_at_most():
    remove()
    report = CrashReport(PATH)
    for i in range(20):
        report.save("head", crash(f"number {i}."))
    assert "number 3." in content() and "number 19." in report.last
    remove()


def test_without_a_place_to_write_it_is_still_told():
    report = CrashReport("/no/such/directory/crash.txt")
    report.save("head", crash("why"))
    assert "why" in report.last
