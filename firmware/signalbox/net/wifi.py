"""Keeps a board on a Wi-Fi network, whatever happens to it.

Written for the `network` module of the ESP32 and RP2 ports; a test may bring another one. An
ESP32's raises OSError for what it has a name for, and RuntimeError else.
"""

from ..compat import const, sleep_ms, ticks_diff, ticks_ms
from .reconnect import Backoff

JOIN_TIMEOUT = 20000  # ms for one network, with the address it gives

_POLL = const(100)  # ms between two looks at a network that is being joined
_LOOK = const(500)  # ms between two looks at one that was
_GRACE = const(3000)  # ms for the radio to find back by itself
_LONGEST_WAIT = const(30000)  # ms between two rounds

# What status() says when joining has failed. The ports name and number these differently.
_FAILURES = (
    ("STAT_WRONG_PASSWORD", "the password is wrong"),
    ("STAT_NO_AP_FOUND", "no such network in reach"),
    ("STAT_HANDSHAKE_TIMEOUT", "WPA handshake timed out: is the password right?"),
    ("STAT_ASSOC_FAIL", "the access point refuses this board"),
    ("STAT_CONNECT_FAIL", "the access point refuses this board"),
    ("STAT_BEACON_TIMEOUT", "the access point is too far away"),
)


class WiFi:
    """Joins a network, and again after each loss. `joined`: whether the board has an address."""

    joined = False

    def __init__(
        self,
        networks,
        hostname,
        country,
        on_change,
        beat=None,
        network=None,
        backoff=None,
        timeout=JOIN_TIMEOUT,
    ):
        """`networks`: as the configuration's `wifi`. `hostname`: with .local behind it, the name
        that the board answers to. `country`: None, or two letters. `on_change()` is called when
        `joined` has changed, `beat(now_ms)` while it runs. `network`: the module of that name.
        `timeout`: ms for one network. ValueError where there is no radio.
        """
        if network is None:
            try:
                import network
            except ImportError:
                raise ValueError("wifi: must be []: there is no radio here") from None
        self._module = network
        self._networks = networks
        self._hostname = hostname
        self._country = country
        self._backoff = backoff or Backoff(1000, _LONGEST_WAIT)
        self._timeout = timeout
        self._on_change = on_change
        self._beat = beat
        self._wlan = None
        self._ssid = None  # of the network that is joined, or being joined

    async def run(self):
        """Join, and stay, for ever."""
        self._begin()
        while True:
            await self._join()
            self._change(True)
            await self._stay()
            self._change(False)

    def describe(self):
        """Where the board is, in words."""
        if not self.joined:
            return 'joining "%s"' % self._ssid if self._ssid else "no network in reach"
        return '"%s", %s, %s' % (self._ssid, self._address(), self._strength())

    def _begin(self):
        module = self._module
        if self._country:
            module.country(self._country)
        module.hostname(self._hostname)
        self._wlan = wlan = module.WLAN(module.WLAN.IF_STA)
        wlan.active(True)
        # Power-save costs a server half a second per answer. Reconnecting is done here, where it
        # is seen; the radio's own would hide why it fails.
        for setting in ({"pm": getattr(wlan, "PM_NONE", 0xA11140)}, {"reconnects": 0}):
            try:
                wlan.config(**setting)
            except (ValueError, OSError, TypeError):
                pass  # not every port has it

    async def _join(self):
        while True:
            for network in self._in_reach():
                self._ssid = network["ssid"]
                why = await self._try(network)
                if why is None:
                    self._backoff.reset()
                    print('Wi-Fi: joined "%s" as %s' % (self._ssid, self._address()))
                    return
                print('Wi-Fi: "%s": %s' % (self._ssid, why))
            self._ssid = None
            delay = self._backoff.next()
            print("Wi-Fi: again in %d ms" % delay)
            await self._wait(delay)

    def _in_reach(self):
        # The strongest first; behind them, as listed, those that aren't seen: they may be hidden.
        networks = self._networks
        if len(networks) == 1:
            return networks
        strengths = {}
        try:
            for found in self._wlan.scan():
                ssid = bytes(found[0])
                strengths[ssid] = max(found[3], strengths.get(ssid, -1000))
        except (OSError, RuntimeError) as error:
            print("Wi-Fi: can't scan: %s" % error)
        order = []
        for i in range(len(networks)):
            order.append((-strengths.get(networks[i]["ssid"].encode(), -1000), i))
        order.sort()
        return [networks[i] for _, i in order]

    async def _try(self, network):
        # Returns None, or why not.
        wlan = self._wlan
        try:
            wlan.disconnect()
        except (OSError, RuntimeError):
            pass  # there was nothing
        # An ESP32 tells why the last attempt failed until this one has an address, or fails
        # for another reason.
        before = self._failure(wlan.status())
        try:
            if network["address"]:
                wlan.ipconfig(addr4=(network["address"], network["netmask"]))
                wlan.ipconfig(gw4=network["gateway"])
                self._module.ipconfig(dns=network["dns"] or network["gateway"])
            else:
                wlan.ipconfig(dhcp4=True)
            if network["password"]:
                wlan.connect(network["ssid"], network["password"])
            else:
                wlan.connect(network["ssid"])
        except (OSError, RuntimeError) as error:
            return str(error)
        began = ticks_ms()
        while not wlan.isconnected():
            why = self._failure(wlan.status())
            passed = ticks_diff(ticks_ms(), began)
            if why is None:
                before = None
            elif why != before or passed >= self._timeout // 2:
                return why
            if passed >= self._timeout:
                return "no answer, or no address, in %d s" % (self._timeout // 1000)
            await self._wait(_POLL)
        return None

    def _failure(self, status):
        for name, words in _FAILURES:
            if status == getattr(self._module, name, None):
                return words
        return None

    async def _stay(self):
        while True:
            while self._wlan.isconnected():
                await self._wait(_LOOK)
            print('Wi-Fi: lost "%s"' % self._ssid)
            self._change(False)
            began = ticks_ms()
            while not self._wlan.isconnected():
                if ticks_diff(ticks_ms(), began) >= _GRACE:
                    return
                await self._wait(_POLL)
            print('Wi-Fi: back on "%s"' % self._ssid)
            self._change(True)

    async def _wait(self, delay):
        # In steps: who watches over this wants to hear of it.
        began = ticks_ms()
        while True:
            if self._beat:
                self._beat(ticks_ms())
            left = delay - ticks_diff(ticks_ms(), began)
            if left <= 0:
                return
            await sleep_ms(min(left, 1000))

    def _change(self, joined):
        if joined != self.joined:
            self.joined = joined
            self._on_change()

    def _address(self):
        return self._wlan.ipconfig("addr4")[0]

    def _strength(self):
        try:
            return "%d dBm" % self._wlan.status("rssi")
        except (OSError, RuntimeError, ValueError, TypeError):
            return "strength unknown"


def hostname(name):
    """A host name made of a name for people: of a-z 0-9 -, 32 at most."""
    letters = ""
    for letter in name.lower():
        plain = "a" <= letter <= "z" or "0" <= letter <= "9"
        if plain or (letters and letters[-1] != "-"):
            letters += letter if plain else "-"
    return letters[:32].rstrip("-") or "signalbox"
