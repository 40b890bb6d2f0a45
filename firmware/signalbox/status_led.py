"""A LED that shows how the board is doing."""

# Ten steps of 100 ms each, from the lowest bit on.
OFF = 0b0000000000
JOINING = 0b0101010101  # quick: joins Wi-Fi
CONNECTING = 0b0000011111  # slow: joined, on the way to the signalling server
ONLINE = 0b1111111111  # steady
FAULT = 0b0000000101  # two blinks, and a pause


class StatusLed:
    """Set `show` to one of the above. tick() is called about every 100 ms."""

    show = OFF

    def __init__(self, output, inverted=False):
        """`output`: of hardware.output()."""
        self._output = output
        self._inverted = inverted
        self._step = 0

    def tick(self, now):
        """Called by the clock."""
        self._step = (self._step + 1) % 10
        self._output.value((self.show >> self._step & 1) ^ self._inverted)
