"""What a driver is given to reach the outside: pins, UARTs and UDP, on a board.

`hardware_host.py` has the same calls for computers. Nothing here waits: a driver is called from
the event loop, and its tick() looks for what has come.
"""

from machine import PWM, UART, Pin


def uart(number, baudrate, tx=None, rx=None, parity=None, stop=1, rxbuf=256):
    """A UART with 8 data bits.

    `readinto(buf)`: octets, or None when there are none. `write(octets)`: how many. `any()`,
    `deinit()`. `tx`, `rx`: pins, None for the port's own. `parity`: None, 0 (even), 1 (odd).
    `rxbuf`: octets that are kept until they are read. ValueError for what the board hasn't.
    """
    if tx is not None:
        tx = Pin(tx)
    if rx is not None:
        rx = Pin(rx)
    return UART(number, baudrate, 8, parity, stop, tx=tx, rx=rx, rxbuf=rxbuf, timeout=0)


def output(pin, value=0):
    """An output pin, set to `value` at once: `value(0 or 1)`."""
    return Pin(pin, Pin.OUT, value=value)


def pwm(pin, hz):
    """A PWM output, off: `duty_ns(ns)`, `duty_u16(65535 for on)`, `deinit()`."""
    return PWM(Pin(pin), freq=hz, duty_u16=0)


def udp(host, port):
    """A net.udp.UDP to a host's port."""
    from .net.udp import UDP  # most drivers need none of it

    return UDP(host, port)
