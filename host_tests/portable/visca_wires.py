"""What a VISCA camera is wired to in tests: a UART and UDP that keep what was sent."""


class Port:
    """As hardware.uart() returns it. `replies`: {message in hexadecimal: what comes back}."""

    def __init__(self):
        self.written = []
        self.incoming = b""
        self.closed = False

    def any(self):
        return len(self.incoming)

    def readinto(self, buf):
        n = min(len(buf), len(self.incoming))
        buf[:n] = self.incoming[:n]
        self.incoming = self.incoming[n:]
        return n or None

    def write(self, octets):
        self.written.append(bytes(octets))
        return len(octets)

    def deinit(self):
        self.closed = True


class Datagrams:
    """As hardware.udp() returns it."""

    def __init__(self):
        self.written = []
        self.incoming = []
        self.closed = False
        self.looked_up = True  # whether the last one might have looked up the host

    def send(self, octets, may_look_up=True):
        self.written.append(bytes(octets))
        self.looked_up = may_look_up
        return True

    def receive(self, n):
        return self.incoming.pop(0)[:n] if self.incoming else None

    def close(self):
        self.closed = True


class Hardware:
    """Gives out one of each, and keeps what it was asked for."""

    def __init__(self):
        self.asked = None
        self.port = Port()
        self.datagrams = Datagrams()

    def uart(self, number, baudrate, tx=None, rx=None, parity=None, stop=1, rxbuf=256):
        self.asked = (number, baudrate, tx, rx, parity, stop)
        return self.port

    def udp(self, host, port):
        self.asked = (host, port)
        return self.datagrams


def options_of(module, **given):
    """The options of a driver's module: its defaults, and these."""
    rows = module.options()
    options = {name: default for name, default, _ in rows}
    options.update(given)
    for name, default, check in rows:
        if options[name] is not default:
            check(options[name])
    return options
