"""The app with all that a board has beside it: Wi-Fi, clock, watchdog, status LED, crash report."""

import asyncio
import sys

from . import status_led
from .app import App, Surroundings
from .compat import BOARD, const, print_exception, sleep_ms
from .net.endpoint import unwatch, watch
from .supervisor import Supervisor

_CLOCK_TIMEOUT = const(60000)  # ms that a wss:// server waits for the clock
_POLL = const(200)  # ms
_RP2_CONNECTIONS = const(4)  # and one more for pages, with MicroPython's own image


class Station(Surroundings):
    """Make it, run() it."""

    _wifi = None
    _clock = None
    _led = None
    _watchdog = None
    _works = False  # as far as the app knows

    def __init__(self, config, crash):
        """`config`: of config.load(). `crash`: a crash.CrashReport. ValueError or OSError when
        something that the configuration names can't be used.
        """
        hardware = _hardware()
        self._crash = crash
        self._armed = BOARD and config["watchdog"]
        self._confirmed = False
        self._supervisor = Supervisor()
        if config["status_led"]:
            output = hardware.output(config["status_led"]["pin"])
            self._led = status_led.StatusLed(output, config["status_led"]["inverted"])
        self._version = _version()
        self.app = App(config, hardware, self)
        if config["wifi"]:
            self._make_wifi(config)
        _warn(config)

    def _make_wifi(self, config):
        from .net.wifi import WiFi, hostname

        name = config["hostname"] or hostname(config["name"])
        self._wifi = WiFi(
            config["wifi"], name, config["country"], self._link_changed, self._wifi_beat
        )
        self.app.add("wifi", self._wifi.run)
        self.app.link_changed(False)
        if config["ntp_server"]:
            from .net.clock import Clock

            self._clock = Clock(config["ntp_server"], self._clock_set)
            self.app.add("clock", self._run_clock)
        server = config["server"] or {"url": ""}
        self._needs_clock = self._clock and server["url"].lower().startswith("wss:")

    async def run(self):
        """Run the app until stop(). As App.run()."""
        if self._armed:
            from .watchdog import Watchdog

            self._watchdog = Watchdog(self._supervisor, self.app.device.rescue)
        watch(self)
        try:
            await self.app.run()
        finally:
            unwatch(self)
            if self._led:
                self._led.show = status_led.OFF
                self._led.tick(0)

    def stop(self):
        """Have run() end."""
        self.app.stop()

    def disarm(self):
        """No watchdog any more."""
        if self._watchdog:
            self._watchdog.disarm()
            self._watchdog = None

    def tick(self, now):
        """Called by the clock."""
        if self._watchdog:
            self._watchdog.tick(now)
        if self._led:
            self._led.show = self._state()
            self._led.tick(now)

    def _state(self):
        if self.app.faulty:
            return status_led.FAULT
        if self._wifi and not self._wifi.joined:
            return status_led.JOINING
        return status_led.ONLINE if self.app.online else status_led.CONNECTING

    async def _run_clock(self):
        while not self._wifi.joined:
            await sleep_ms(_POLL)
        if self._needs_clock:
            # Without an answer it is tried all the same: the clock may run on a battery.
            self._late = asyncio.create_task(self._clock_late())
        await self._clock.run()

    async def _clock_late(self):
        await sleep_ms(_CLOCK_TIMEOUT)
        self._needs_clock = False
        self._link_changed()

    def _link_changed(self):
        up = self._wifi.joined
        if not up or not self._needs_clock:
            self.app.link_changed(up)
        self._confirm()

    def _clock_set(self):
        self._needs_clock = False
        self._link_changed()

    # Surroundings of the app

    def beat(self, name, now):
        """See Surroundings."""
        self._supervisor.beat(name, now)

    def online(self):
        """See Surroundings."""
        self._works = True
        self._confirm()

    def _confirm(self):
        # This version is good, if it is in reach for the next one.
        if self._works and not self._confirmed and (not self._wifi or self._wifi.joined):
            from . import slots

            try:
                slots.confirm()
                self._confirmed = True
            except OSError as error:
                print("the new version can't be confirmed: %s" % error)

    def crashed(self, part, error):
        """See Surroundings."""
        print_exception(error)
        head = "%s, version %s, %d s after the start" % (part, self._version, self.app.uptime)
        self._crash.save(head, error)

    def describe(self, health):
        """See Surroundings."""
        health["version"] = self._version
        if self._wifi:
            health["wifi"] = self._wifi.describe()
        if self._crash.last:
            health["crash"] = self._crash.last

    def _wifi_beat(self, now):
        self._supervisor.beat("wifi", now)


def _hardware():
    if BOARD:
        from . import hardware

        return hardware
    else:  # the type check takes no notice of what is here
        from . import hardware_host

        return hardware_host


def _version():
    for directory in sys.path:
        try:
            with open(directory + "/version") as file:
                return file.readline(64).strip()
        except OSError:
            pass
    return "unknown"


def _warn(config):
    listen = config["listen"]
    if sys.platform == "rp2" and listen:
        used = listen["max_viewers"]
        if config["mode"] != "client":
            used += listen["max_peers"]
        if config["mode"] != "server":
            used += 1
        if used > _RP2_CONNECTIONS:
            print(
                "listen: max_peers and max_viewers want %d TCP connections of %d"
                % (used, _RP2_CONNECTIONS)
            )
