"""MicroPython's module of this name, for the unix port: a radio that does what a file says.

The file that AIR names has JSON: {ssid: password} of the networks that are in reach at the moment.
RADIO_FAULT: what the radio raises when it is switched on.
"""

import json
import os

STAT_IDLE = 0
STAT_CONNECTING = 1
STAT_GOT_IP = 3
STAT_WRONG_PASSWORD = -3
STAT_NO_AP_FOUND = -2
STAT_CONNECT_FAIL = -1


def country(code):
    """As there."""
    print("radio: country", code)


def hostname(name):
    """As there."""
    print("radio: hostname", name)


def ipconfig(dns):
    """As there."""
    print("radio: dns", dns)


def _air():
    with open(os.getenv("AIR")) as file:
        return json.load(file)


class WLAN:
    """As there."""

    IF_STA = 0
    PM_NONE = 16

    def __init__(self, interface):
        self._ssid = None
        self._status = STAT_IDLE  # what status() says,
        self._next = STAT_IDLE  # and from then on
        self._address = "192.0.2.7"

    def active(self, on):
        """As there."""
        print("radio: active", on)
        if os.getenv("RADIO_FAULT"):
            raise OSError(os.getenv("RADIO_FAULT"))

    def config(self, **settings):
        """As there."""

    def scan(self):
        """As there; in the order of the file, the first is the strongest."""
        names = sorted(_air())
        return [(names[i].encode(), b"bssid1", 1, -40 - i, 4, 1) for i in range(len(names))]

    def disconnect(self):
        """As there."""
        self._ssid = None

    def connect(self, ssid, password=""):
        """As there."""
        air = _air()
        self._status = STAT_CONNECTING
        if ssid not in air:
            self._next = STAT_NO_AP_FOUND
        elif air[ssid] != password:
            self._next = STAT_WRONG_PASSWORD
        else:
            self._next = STAT_GOT_IP
            self._ssid = ssid

    def isconnected(self):
        """As there. The radio doesn't come back by itself."""
        if self._ssid is not None and self._ssid not in _air():
            self._ssid = None
        return self._ssid is not None

    def status(self, what=None):
        """As there."""
        if what == "rssi":
            return -50
        status = self._status
        self._status = self._next
        return status

    def ipconfig(self, what=None, addr4=None, gw4=None, dhcp4=None):
        """As there."""
        if what:
            return (self._address, "255.255.255.0")
        if addr4:
            self._address = addr4[0]
        return None
