"""The configuration: one JSON file, and what may be in it.

A section is a table with a row for each key: its name, its default (REQUIRED when there is none),
and a check of checks.py. The comment above a row, or behind it, is what the reference says of it:
`make reference`. The options of a driver are a table of its own.

Nobody needs this module once the configuration is loaded: start.py drops it.
"""

import os
import sys

from .checks import REQUIRED, boolean, choice, integer, items, pin, string
from .json_text import MAX_SIZE, JsonError, loads

_TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
_HOST = "abcdefghijklmnopqrstuvwxyz0123456789-"


class ConfigError(ValueError):
    """`errors`: a line for each thing that is wrong, which names the key and what is allowed."""

    def __init__(self, errors):
        super().__init__("\n".join(errors))
        self.errors = errors


class Section:
    """A check of an object with the keys of `table`."""

    allowed = "an object: {…}"

    def __init__(self, table):
        self._table = table

    def table(self, value, where, errors):
        """The rows for this value. None when there are none, and `errors` says why."""
        return self._table


class ModuleSection(Section):
    """A check of an object, one key of which names a module of signalbox.device. The others are
    those of that module's options().
    """

    def __init__(self, key, prefix):
        self.key = key
        self.prefix = prefix

    def table(self, value, where, errors):
        """As Section.table()."""
        name = value.get(self.key)
        row = (self.key, REQUIRED, string(1, 32))
        if name is None:
            return (row,)
        where = "%s.%s: " % (where, self.key)
        if not isinstance(name, str) or any(letter not in _HOST + "_" for letter in name):
            errors.append(where + "must be a name of a-z, 0-9 and _")
            return None
        try:
            return (row,) + tuple(_device_module(self.prefix + name).options())
        except (ImportError, AttributeError, RuntimeError) as error:
            known = _nearest(name, _names(self.prefix))
            hint = ' did you mean "%s"?' % known if known else " CONFIG.md lists them"
            errors.append(where + 'there is no "%s" (%s);' % (name, error) + hint)
            return None


class _Token:
    allowed = "16 to 128 of A-Z a-z 0-9 - . _ ~"

    def __call__(self, value):
        if not isinstance(value, str) or not 16 <= len(value) <= 128:
            raise ValueError(self.allowed)
        if any(letter not in _TOKEN for letter in value):
            raise ValueError(self.allowed)
        return value


class _Bearer:
    allowed = "1 to 512 printable ASCII characters, no spaces"

    def __call__(self, value):
        if not isinstance(value, str) or not 1 <= len(value) <= 512:
            raise ValueError(self.allowed)
        if any(not "!" <= letter <= "~" for letter in value):
            raise ValueError(self.allowed)
        return value


class _URL:
    allowed = "a WebSocket URL, such as ws://192.168.1.2:8443/ or wss://host/"

    def __call__(self, value):
        from .ws.handshake_client import URL  # a server needs none of it

        try:
            URL(value)
        except (ValueError, AttributeError):
            raise ValueError(self.allowed)
        return value


class _Password:
    allowed = 'text of 8 to 63 octets, 64 hexadecimal digits, or "" for an open network'
    _text = string(8, 63)

    def __call__(self, value):
        if value == "" or self._text.fits(value):
            return value
        if not isinstance(value, str) or len(value) != 64:
            raise ValueError(self.allowed)
        if any(digit not in "0123456789abcdefABCDEF" for digit in value):
            raise ValueError(self.allowed)
        return value


class _Address:
    allowed = 'an IPv4 address, such as "192.168.1.20"'

    def __call__(self, value):
        parts = value.split(".") if isinstance(value, str) else ()
        if len(parts) != 4:
            raise ValueError(self.allowed)
        for part in parts:
            if not part.isdigit() or len(part) > 3 or int(part) > 255:
                raise ValueError(self.allowed)
        return value


class _Hostname:
    allowed = "1 to 32 of a-z 0-9 -, no - at either end"

    def __call__(self, value):
        if not isinstance(value, str) or not 1 <= len(value) <= 32 or "-" in value[0] + value[-1]:
            raise ValueError(self.allowed)
        if any(letter not in _HOST for letter in value):
            raise ValueError(self.allowed)
        return value


class _Country:
    allowed = 'two letters, such as "CH" (ISO 3166)'

    def __call__(self, value):
        if not isinstance(value, str) or len(value) != 2 or not value.isalpha():
            raise ValueError(self.allowed)
        return value.upper()


class _Origin:
    allowed = 'an origin, such as "https://example.org", or "*"'

    def __call__(self, value):
        if value != "*":
            scheme, sep, host = value.partition("://") if isinstance(value, str) else ("", "", "")
            if not sep or scheme not in ("http", "https") or not host or "/" in host:
                raise ValueError(self.allowed)
        return value


class _PEM:
    allowed = "a file's path of 1 to 128 octets, or PEM text: -----BEGIN …"
    _path = string(1, 128)

    def __call__(self, value):
        if isinstance(value, str) and value[:11] == "-----BEGIN ":
            if "\n-----END " in value:
                return value.encode()
        elif self._path.fits(value):
            return value
        raise ValueError(self.allowed)


WIFI = (
    ("ssid", REQUIRED, string(1, 32)),  # the network's name
    ("password", "", _Password()),
    # A static address; without one the network gives one (DHCP). With it, `netmask` and `gateway`
    # are needed, too.
    ("address", None, _Address()),
    ("netmask", None, _Address()),
    ("gateway", None, _Address()),
    ("dns", None, _Address()),  # the name server; without one it is the gateway
)

SERVER = (
    ("url", REQUIRED, _URL()),  # wss:// needs `ca`, too
    ("token", None, _Bearer()),  # sent as `Authorization: Bearer`
    # The certificates of the authority that the server's is from: their PEM text, or a file on the
    # board, PEM or DER.
    ("ca", None, _PEM()),
)

LISTEN = (
    ("host", "0.0.0.0", _Address()),  # 0.0.0.0: whoever can reach the board; 127.0.0.1: itself
    ("port", 8443, integer(1, 65535)),
    # What clients must present. Either this, or `open`.
    ("token", None, _Token()),
    ("open", False, boolean),  # true lets everybody connect who can reach the board
    # Of web pages that may connect, beside the board's own; "*" for all.
    ("origins", (), items(_Origin(), 0, 8)),
    # Clients at the signalling server. A Pico W with MicroPython's own image has 5 TCP connections:
    # for these, `max_viewers`, one for pages, and one to the server that the board is a client of.
    ("max_peers", 2, integer(1, 32)),
    ("max_viewers", 2, integer(1, 32)),  # WebSockets for control and preview, together
    ("cert", None, _PEM()),  # the board's certificate, for wss:// and https://; as `ca`
    ("key", None, _PEM()),  # its private key; as `ca`
)

CONTROL = (
    # How long a speed is good for, in ms, unless it is sent again: then motion stops.
    ("deadman_ms", 750, integer(100, 10000)),
    # ms without a request, after which whoever asks next is in control.
    ("idle_ms", 10000, integer(1000, 3600000)),
    ("rate", 30, integer(5, 100)),  # requests of one controller in a second
)

STATUS_LED = (
    ("pin", REQUIRED, pin),
    ("inverted", False, boolean),  # true for a LED that a low level lights
)

OPTIONS = (
    ("name", REQUIRED, string(1, 63)),  # what people know the device by
    # "client": a peer at the signalling server `server`. "server": a signalling server of its own,
    # described by `listen`. "both": both.
    ("mode", REQUIRED, choice("client", "server", "both")),
    # Wi-Fi networks. Of those in reach, the strongest is joined, and the next one if that fails.
    # [] on what has no radio: a computer.
    ("wifi", REQUIRED, items(Section(WIFI), 0, 8)),
    ("country", None, _Country()),  # whose rules the radio is to follow
    # The board answers to this name with .local behind it. Without one it is made of `name`.
    ("hostname", None, _Hostname()),
    ("ntp_server", "pool.ntp.org", string(0, 253)),  # sets the clock, which wss:// needs; "": none
    ("server", None, Section(SERVER)),  # the signalling server for mode "client" or "both"
    # The board's own server, for mode "server" or "both". With "client" the board serves its page,
    # control, preview and health there, but no signalling; without it, nothing.
    ("listen", None, Section(LISTEN)),
    # How the device is found at the signalling server. "producer" only with a driver that brings
    # media; "none": by nobody but those who know its id.
    ("announce", "consumer", choice("producer", "consumer", "none")),
    ("device", None, ModuleSection("driver", "")),  # what the board is wired to
    ("control", {}, Section(CONTROL)),  # limits for those who control the device
    ("preview", None, ModuleSection("source", "preview_")),  # where pictures come from
    ("status_led", None, Section(STATUS_LED)),
    ("watchdog", True, boolean),  # resets a board that hangs
)


def load(path):
    """The configuration in a file, a dict with every key. OSError; ConfigError."""
    size = os.stat(path)[6]
    if size > MAX_SIZE:
        raise ConfigError(["the file must have %d octets at most" % MAX_SIZE])
    octets = bytearray(size)
    with open(path, "rb") as file:
        file.readinto(octets)
    try:
        value = loads(octets)
    except JsonError as error:
        raise ConfigError([str(error)])
    config = check(value)
    errors = []
    for part, names in (("server", ("ca",)), ("listen", ("cert", "key"))):
        for name in names if config[part] else ():
            _check_file(config[part][name], "%s.%s" % (part, name), errors)
    if errors:
        raise ConfigError(errors)
    return config


def check(value):
    """The same of what was read from JSON, but for whether files are there, anywhere.

    ConfigError names everything that is wrong.
    """
    errors = []
    config = _section(value, Section(OPTIONS), "", errors)
    # What belongs together makes sense once the parts do.
    if not errors:
        _check_together(config, errors)
    if errors:
        raise ConfigError(errors)
    return config


def _section(value, kind, where, errors):
    if not isinstance(value, dict):
        errors.append("%s: must be %s" % (where or "the file", kind.allowed))
        return None
    table = kind.table(value, where, errors)
    if table is None:
        return None
    prefix = where + "." if where else ""
    names = [row[0] for row in table]
    for key in value:
        if key not in names:
            known = _nearest(key, names)
            hint = ' did you mean "%s"?' % known if known else " known are " + ", ".join(names)
            errors.append("%s%s: unknown key;%s" % (prefix, key, hint))
    result = {}
    for name, default, check in table:
        given = value.get(name)
        if name in value and (given is not None or default is not None):
            result[name] = _value(given, check, prefix + name, errors)
        else:
            # A section that isn't there has its defaults.
            result[name] = _section({}, check, prefix + name, errors) if default == {} else default
            if default is REQUIRED:
                errors.append("%s%s: is missing; must be %s" % (prefix, name, check.allowed))
    return result


def _value(value, check, where, errors):
    if isinstance(check, Section):
        return _section(value, check, where, errors)
    if isinstance(check, items) and check.fits_length(value):
        each = enumerate(value)
        return [_value(item, check.check, "%s[%d]" % (where, i), errors) for i, item in each]
    try:
        return check(value)
    except ValueError:
        errors.append("%s: must be %s" % (where, check.allowed))
        return None


def _check_together(config, errors):
    mode = config["mode"]
    server = config["server"]
    listen = config["listen"]
    if mode != "server" and not server:
        errors.append('server: is missing; mode "%s" needs it: {"url": …}' % mode)
    if mode != "client" and not listen:
        errors.append('listen: is missing; mode "%s" needs it: {"token": …}' % mode)
    if server and server["url"].lower().startswith("wss:") and not server["ca"]:
        errors.append("server.ca: is missing; wss:// needs the authority's certificate")
    if listen:
        if not listen["token"] and not listen["open"]:
            errors.append("listen.token: is missing; or open must be true, to let everybody in")
        elif listen["token"] and listen["open"]:
            errors.append("listen.open: must be false when there is a token")
        for one, other in (("cert", "key"), ("key", "cert")):
            if listen[one] and not listen[other]:
                errors.append("listen.%s: is missing; %s needs it" % (other, one))
    for i, network in enumerate(config["wifi"]):
        for name in ("netmask", "gateway"):
            if network["address"] and not network[name]:
                errors.append("wifi[%d].%s: is missing; address needs it" % (i, name))
        for name in ("netmask", "gateway", "dns"):
            if network[name] and not network["address"]:
                errors.append("wifi[%d].address: is missing; %s needs it" % (i, name))


def _check_file(path, where, errors):
    if isinstance(path, str):
        try:
            open(path, "rb").close()
        except OSError as error:
            errors.append("%s: must be a file that can be read; %s: %s" % (where, path, error))


def _device_module(name):
    path = "signalbox.device." + name
    __import__(path)
    return sys.modules[path]


def _names(prefix):
    # The files are not there when the firmware is frozen.
    try:
        files = os.listdir(__file__.rpartition("/")[0] + "/device")
    except (OSError, NameError):
        return ()
    names = [file.partition(".")[0] for file in files if file.startswith(prefix)]
    return [name[len(prefix) :] for name in names]


def _nearest(name, names):
    # The one with the fewest letters to change, add or leave out: no more than a third of them.
    best = None
    least = len(name) // 3 + 1
    for known in names:
        distance = _distance(name.lower(), known)
        if distance <= least:
            best = known
            least = distance - 1
    return best


def _distance(one, other):
    row = list(range(len(other) + 1))
    for i in range(len(one)):
        corner = row[0]
        row[0] = i + 1
        for j in range(len(other)):
            cost = corner + (one[i] != other[j])
            corner = row[j + 1]
            row[j + 1] = min(cost, corner + 1, row[j] + 1)
    return row[-1]
