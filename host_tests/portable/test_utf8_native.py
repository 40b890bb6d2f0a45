"""The viper twins of the UTF-8 check; CPython can't import them."""

from signalbox.ws import utf8, utf8_native, utf8_portable
from test_utf8 import (
    TEXTS,
    check_all_pairs,
    check_ascii_is_passed_whole_words_at_a_time,
    check_is_ascii,
    check_long_sequences,
    check_texts,
)


def test_they_are_in_use():
    assert utf8.validate is utf8_native.validate
    assert utf8.is_ascii is utf8_native.is_ascii


def test_all_pairs():
    check_all_pairs(utf8_native.validate)


def test_long_sequences():
    check_long_sequences(utf8_native.validate)


def test_texts():
    check_texts(utf8_native.validate)


def test_ascii():
    check_ascii_is_passed_whole_words_at_a_time(utf8_native.validate)


def test_is_ascii():
    check_is_ascii(utf8_native.is_ascii)


def test_states_are_the_same():
    for octets in TEXTS:
        for n in range(len(octets) + 1):
            state = utf8_portable.validate(octets, 0, n, 0)
            assert utf8_native.validate(octets, 0, n, 0) == state
            for octet in (b"\x00", b"\x7f", b"\x80", b"\x90", b"\xa0", b"\xbf", b"\xc3", b"\xf4"):
                if state >= 0:
                    expected = utf8_portable.validate(octet, 0, 1, state)
                    assert utf8_native.validate(octet, 0, 1, state) == expected
