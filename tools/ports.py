"""Where the board is: serial ports by their USB ids, and what to say when it isn't clear."""

from faults import NoBoard
from serial.tools import list_ports

# What to do where a port may not be opened.
PERMISSION = "on Linux: sudo usermod -a -G dialout $USER, and log in again"


def find(board, chosen=None, attached=None):
    """The serial port of a Board: `chosen` if it is given, else the only one with its USB ids.

    `attached`: what pySerial lists, if not what it lists now. NoBoard: there is none, or several.
    """
    if chosen:
        return chosen
    attached = list_ports.comports() if attached is None else attached
    fitting = [port for port in attached if (port.vid, port.pid) in board.usb_ids]
    if len(fitting) == 1:
        return fitting[0].device
    if fitting:
        raise NoBoard(
            f"there are {len(fitting)} ports that can be {board.name}: {describe(fitting)}",
            f"choose one: PORT={fitting[0].device}",
        )
    usb = [port for port in attached if port.vid is not None]
    seen = f"; attached: {describe(usb)}" if usb else ""
    raise NoBoard(
        f"no serial port has the USB ids of {board.name}{seen}",
        "connect the board with a cable that carries data, or name its port: PORT=",
    )


def describe(attached):
    """One line of what pySerial knows of each port."""
    return ", ".join(
        f"{port.device} ({port.vid:04X}:{port.pid:04X} {port.description})" for port in attached
    )
