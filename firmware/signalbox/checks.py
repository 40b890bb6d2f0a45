"""What a value of the configuration may be.

A check is called with a value, and returns it, or raises ValueError(check.allowed). `allowed`
completes "must be …": the configuration's errors and its reference say it.
"""

REQUIRED = object()  # in the place of a default: there is none


class _Check:
    allowed = ""

    def __call__(self, value):
        """Return `value`. ValueError(allowed) when it isn't."""
        if not self.fits(value):
            raise ValueError(self.allowed)
        return value

    def fits(self, value):
        """Whether it is."""
        return False


class _Boolean(_Check):
    allowed = "true or false"

    def fits(self, value):
        return value is True or value is False


class integer(_Check):
    """A whole number from `lo` to `hi`."""

    def __init__(self, lo, hi):
        self._lo = lo
        self._hi = hi
        self.allowed = "a whole number from %d to %d" % (lo, hi)

    def fits(self, value):
        """Whether it is; true is no number."""
        return isinstance(value, int) and not isinstance(value, bool) and self._in_range(value)

    def _in_range(self, value):
        return self._lo <= value <= self._hi


class number(integer):
    """A number from `lo` to `hi`, whole or not."""

    def __init__(self, lo, hi):
        self._lo = lo
        self._hi = hi
        self.allowed = "a number from %s to %s" % (lo, hi)

    def fits(self, value):
        """Whether it is."""
        if isinstance(value, float):
            return self._in_range(value)  # which NaN is not
        return super().fits(value)


class string(_Check):
    """Text of `lo` to `hi` octets of UTF-8, without control characters."""

    def __init__(self, lo, hi):
        self._lo = lo
        self._hi = hi
        self.allowed = "text of %d to %d octets" % (lo, hi)

    def fits(self, value):
        """Whether it is."""
        if not isinstance(value, str) or any(letter < " " for letter in value):
            return False
        try:
            return self._lo <= len(value.encode()) <= self._hi
        except UnicodeError:
            return False  # half a surrogate pair


class choice(_Check):
    """One of `values`: text or numbers."""

    def __init__(self, *values):
        self.values = values
        shown = ['"%s"' % v if isinstance(v, str) else str(v) for v in values]
        self.allowed = ", ".join(shown[:-1]) + " or " + shown[-1] if shown[1:] else shown[0]

    def fits(self, value):
        """Whether it is."""
        return value in self.values and not isinstance(value, bool)


class items(_Check):
    """A list of `lo` to `hi` items, to each of which `check` applies."""

    def __init__(self, check, lo, hi):
        self.check = check
        self.lo = lo
        self.hi = hi
        self.allowed = "a list of %d to %d, each %s" % (lo, hi, check.allowed)

    def fits_length(self, value):
        """Whether it is a list of such a length."""
        return isinstance(value, (list, tuple)) and self.lo <= len(value) <= self.hi

    def fits(self, value):
        """Whether it is."""
        return self.fits_length(value) and all(self.check.fits(item) for item in value)


class _Pin(_Check):
    allowed = 'a pin: its number from 0 to 48, or its name, such as "LED"'
    _number = integer(0, 48)
    _name = string(1, 16)

    def fits(self, value):
        return self._number.fits(value) or self._name.fits(value)


class _Serial(_Check):
    allowed = "a UART's number from 0 to 3; on a computer the path of a serial device"
    _number = integer(0, 3)

    def fits(self, value):
        return self._number.fits(value) or (isinstance(value, str) and value[:1] == "/")


boolean = _Boolean()
pin = _Pin()
serial = _Serial()
