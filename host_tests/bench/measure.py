"""The measurements. All that is compared takes turns, since no machine is quiet for long."""

import contextlib
import json
import statistics

import light
from contenders import MICRODOT, RAW, can, free_port, start

SIZES = (16, 125, 1024, 16384, 65536)
IN_FLIGHT = 32
KERNEL_TIMEOUT_S = 120

BURSTS = 20  # one measurement of allocations
TRIES = 3  # the least counts: the clock's task may come between
BURST_SIZES = (1, 4, 16, 64)  # frames


class Cell:
    """One contender at one size: its rounds."""

    def __init__(self):
        self.cpu_us = []
        self.per_s = []

    def add(self, messages, cpu_ns, seconds):
        self.cpu_us.append(cpu_ns / 1000 / messages)
        self.per_s.append(messages / seconds)

    @property
    def cpu(self):
        return statistics.median(self.cpu_us)

    @property
    def rate(self):
        """Of the best round: on a busy machine, a round trip is mostly waiting for a turn."""
        return max(self.per_s)

    @property
    def spread(self):
        """How far apart the middle half of the rounds is, as a part of the median."""
        if len(self.cpu_us) < 3:
            return 0.0
        low, _, high = statistics.quantiles(self.cpu_us, n=4, method="inclusive")
        return (high - low) / self.cpu


def payload(opcode, size):
    """Binary that is not ASCII, text that is: the usual case of each."""
    octets = b"Signalbox " if opcode == light.TEXT else bytes(range(249, 0, -1))
    return (octets * (size // len(octets) + 1))[:size]


def echo(contender, opcode, size, window, duration_s):
    """One round. Returns (messages, CPU ns of the contender, seconds)."""
    exchange = light.Exchange(
        opcode, payload(opcode, size), contender.masked, not contender.websocket
    )
    sock = contender.open(opcode, size)
    try:
        light.echo_once(sock, exchange)
        pump = light.Pump(sock, exchange, window)
        pump.run(duration_s / 10)
        before = contender.cpu_ns()
        messages, seconds = pump.run(duration_s)
        spent = contender.cpu_ns() - before
    finally:
        light.close(sock, contender.masked, contender.websocket)
    return messages, spent, seconds


def table(contenders, opcode, sizes, window, rounds, duration_s, say):
    """{contender's name: {size: Cell}} with `window` messages in flight."""
    cells = {contender.name: {} for contender in contenders}
    for size in sizes:
        able = [contender for contender in contenders if can(contender.name, opcode, size)]
        for contender in able:
            cells[contender.name][size] = Cell()
        for number in range(rounds):
            say(f"{size} octets, round {number + 1} of {rounds}")
            for contender in able:
                try:
                    figures = echo(contender, opcode, size, window, duration_s)
                except (OSError, light.PeerError) as error:
                    raise light.PeerError(
                        f"{contender.name}, {size} octets: {error}\n{contender.program.output}"
                    ) from None
                cells[contender.name][size].add(*figures)
    return cells


def result_of(micropython, script, *arguments):
    """Run a program to its end; what its line `result ` holds."""
    with start(micropython, script, *arguments) as program:
        try:
            return json.loads(program.wait_for_line("result ", KERNEL_TIMEOUT_S))
        except AssertionError as error:
            raise light.PeerError(f"{script}: {error}") from None


class _Metered:
    """A connection to a program with a meter (programs/meter.py)."""

    def __init__(self, sock, masked, websocket=True):
        self._sock = sock
        self._masked = masked
        self._websocket = websocket

    def _ask(self, text):
        octets = light.frame(light.TEXT, text, self._masked) if self._websocket else text
        self._sock.sendall(octets)
        return light.receive_frame(self._sock) if self._websocket else self._sock.recv(64)

    def spent(self, exchange, frames, bursts):
        """Octets allocated for `bursts` times `frames` frames, each burst written at once."""
        self._ask(b"begin")
        for _ in range(bursts):
            self._sock.sendall(exchange.octets * frames)
            light.receive(self._sock, exchange.reply_size * frames)
        octets, waits = self._ask(b"end").split()
        self._waits = int(waits)
        return int(octets)

    def per_burst(self, size, frames):
        """Octets per burst, the messages included, and how often a task was woken for it."""
        exchange = light.Exchange(
            light.BINARY, payload(light.BINARY, size), self._masked, not self._websocket
        )
        self.spent(exchange, frames, 3)
        nothing = min(self.spent(exchange, frames, 0) for _ in range(TRIES))
        spent = []
        for _ in range(TRIES):
            octets = self.spent(exchange, frames, BURSTS) - nothing
            spent.append((octets / BURSTS, self._waits / BURSTS))
        return min(spent)

    def close(self):
        light.close(self._sock, self._masked, self._websocket)


def allocation(micropython, size, say):
    """What is allocated for messages of `size` octets, which are counted in.

    Returns ({(role, way): (octets, wake-ups) per burst, for each of BURST_SIZES}, {who: octets per
    message}), the latter of others.
    """
    ours = {}
    port = free_port()
    with start(micropython, "signalbox_allocation.py", "server", port) as program:
        program.wait_for_line("listening on ")
        for way in ("nowait", "iterate"):
            say(f"server, {way}")
            metered = _Metered(light.connect(port, path="/" + way), True)
            ours["server", way] = [metered.per_burst(size, n) for n in BURST_SIZES]
            metered.close()
    with (
        contextlib.closing(light.Listener()) as listener,
        start(micropython, "signalbox_allocation.py", "client", listener.port),
    ):
        for way in ("nowait", "iterate"):
            say(f"client, {way}")
            metered = _Metered(listener.accept(), False)
            ours["client", way] = [metered.per_burst(size, n) for n in BURST_SIZES]
            metered.close()
    others = {}
    for name, script in ((MICRODOT, "microdot_allocation.py"), (RAW, "raw_allocation.py")):
        say(name)
        port = free_port()
        with start(micropython, script, port) as program:
            program.wait_for_line("listening on ")
            metered = _Metered(light.connect(port, name != RAW), True, name != RAW)
            others[name] = metered.per_burst(size, 1)[0]
            metered.close()
    return ours, others
