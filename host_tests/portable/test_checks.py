# checks.py: what values are taken, and that the error says what is allowed.

from signalbox.checks import boolean, choice, integer, items, number, pin, serial, string


def refuses(check, *values):
    for value in values:
        try:
            check(value)
        except ValueError as error:
            assert str(error) == check.allowed
        else:
            raise AssertionError(value)


def takes(check, *values):
    for value in values:
        assert check(value) is value


def test_integer():
    check = integer(-1, 5)
    takes(check, -1, 0, 5)
    refuses(check, -2, 6, True, False, 1.0, "1", None, [], {})
    assert check.allowed == "a whole number from -1 to 5"


def test_number():
    check = number(-1.5, 5)
    takes(check, -1.5, -1, 0.25, 5)
    refuses(check, -1.6, 5.5, True, float("nan"), float("inf"), -float("inf"), "1", None)
    assert check.allowed == "a number from -1.5 to 5"


def test_string_counts_octets():
    check = string(1, 4)
    takes(check, "a", "abcd", "üü", "😀")
    refuses(check, "", "abcde", "üüa", "a\n", "\x00", b"ab", 1, None, ["a"])
    assert check.allowed == "text of 1 to 4 octets"


def test_boolean():
    takes(boolean, True, False)
    refuses(boolean, 0, 1, "true", None)


def test_choice():
    check = choice("producer", "consumer", "none")
    takes(check, "producer", "none")
    refuses(check, "Producer", "", None, 0, [])
    assert check.allowed == '"producer", "consumer" or "none"'
    takes(choice(0, 1), 0, 1)
    refuses(choice(0, 1), True, False, 2, "1")
    assert choice(1200).allowed == "1200"


def test_items():
    check = items(integer(0, 9), 1, 3)
    takes(check, [0], [1, 2, 3])
    refuses(check, [], [1, 2, 3, 4], [10], ["1"], "123", None, {1: 2})
    assert check.allowed == "a list of 1 to 3, each a whole number from 0 to 9"


def test_pin():
    takes(pin, 0, 48, "LED", "GP2")
    refuses(pin, -1, 49, "", True, None, 1.5)


def test_serial():
    takes(serial, 0, 3, "/dev/ttyUSB0")
    refuses(serial, 4, -1, "ttyUSB0", "", True, None)
