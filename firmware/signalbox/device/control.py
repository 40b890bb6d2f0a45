"""Control of the device: who may, at what rate, and that motion ends when nobody asks for more.

Sans-IO: requests in, replies out, whatever carries them. See README.md for the verbs and rules.
"""

import gc
import json

from ..compat import const, print_exception, ticks_diff
from .driver import TALLY, Refused, Unsupported
from .request import Request, reply

DEADMAN = 750  # ms that a speed is good for: longer than a keyboard waits before it repeats
IDLE = 10000  # ms without a request, after which whoever asks next is in control
RATE = 30  # requests of one controller in a second, and at once

_SECOND = const(1000)
_STILL = (0, 0, 0)
_STREAM = ("stream",)


class Controller:
    """Someone who asks, for as long as its connection lasts."""

    limited = False  # its last request was one too many
    credit = _SECOND  # ms; a request costs its part of a second
    since = 0

    def lost(self, why):
        """Called when control is taken from it; for a subclass. `why`: str."""


class Control:
    """One device's. Call receive(), gone(), and tick() about every 20 ms.

    `owner`: the Controller that is in control, or None. `streaming`: whether the device is offered
    as a producer, as far as stream() was told; to be set by who knows. `deadman`: ms that a speed
    is good for.
    """

    streaming = False

    def __init__(self, driver, stream=None, deadman=DEADMAN, idle=IDLE, rate=RATE):
        """`stream(on)`: offer the device as a producer, or no more; it may raise Refused."""
        self.driver = driver
        self.owner = None
        self._stream = stream
        self.deadman = deadman
        self._idle = idle
        self._rate = rate
        self._speeds = _STILL
        self._focusing = False
        self._refreshed = 0
        self._used = 0  # when the owner asked last
        self._lapsed = False  # the owner has been idle for too long
        self._unstopped = True  # stop() is due: nobody knows what went on before the start
        self._navigation = None
        self._failing = False

    def advert(self, url=None):
        """What stands as `control` in a device's meta. `url`: of its /control, if it has one."""
        advert = {"v": 1, "caps": list(self._caps())}
        if url:
            advert["url"] = url
        return advert

    def state(self, controller=None):
        """The device's state as JSON text; `control` tells who is in control."""
        try:
            state = self.driver.state()
        except Exception as failure:
            self._fail(failure)
            state = {}
        if self._failing:
            state["fault"] = "the driver failed"
        if self._stream:
            state["stream"] = self.streaming
        owner = self.owner
        state["control"] = "none" if owner is None else "you" if owner is controller else "other"
        return json.dumps(state)

    def receive(self, controller, octets, now):
        """A request came from `controller`, a bytearray, which may be changed. Returns the reply.

        There is one, whatever came; if only not to MemoryError.
        """
        request = Request()
        more = ""
        try:
            self._charge(controller, now)
            request.read(octets)
            more = self._obey(controller, request, now) or ""
            error = None
        except (Refused, ValueError) as refusal:
            error = str(refusal)
        except MemoryError:
            gc.collect()
            self._unstopped = True
            error = "out of memory: ask again"
        except Exception as failure:
            print_exception(failure)
            self._unstopped = True
            error = "the device failed: %r" % failure
        return reply(request.id, error, more)

    def gone(self, controller):
        """It has left, or its connection is lost: safe state, if it was in control."""
        if controller is self.owner:
            self.owner = None
            self._safe()

    def tick(self, now):
        """See to what time brings: here, and in the driver."""
        expired = self._is_driven() and ticks_diff(now, self._refreshed) >= self.deadman
        if expired or self._unstopped:
            self._stop()
        if self.owner and not self._lapsed and ticks_diff(now, self._used) >= self._idle:
            self._lapsed = True  # once: the clock's numbers come round again
        try:
            self.driver.tick(now)
            self._failing = self._unstopped
        except Exception as failure:
            self._fail(failure)

    # Requests

    def _obey(self, controller, request, now):
        name = request.verb
        if name is None:
            return self._navigate(controller, request.structure, now)
        if name not in _NEVER_LIMITED:
            self._limit(controller)
        if name not in _VERBS:
            caps = self._caps()
            names = [n for n in sorted(_VERBS) if _VERBS[n][1] is None or _VERBS[n][1] in caps]
            raise ValueError("structureName: one of " + ", ".join(names))
        verb, cap = _VERBS[name]
        if cap:
            self._need(cap)
        return verb(self, controller, request.structure, now)

    def _caps(self):
        return self.driver.caps + _STREAM if self._stream else self.driver.caps

    def _need(self, cap):
        caps = self._caps()
        if cap not in caps:
            raise Refused("this device has no %s; it has %s" % (cap, ", ".join(caps) or "nothing"))

    def _charge(self, controller, now):
        # A token bucket, counted in the milliseconds that its tokens take to come.
        passed = ticks_diff(now, controller.since)
        if not 0 <= passed < _SECOND:
            passed = _SECOND
        cost = _SECOND // self._rate
        credit = min(_SECOND, controller.credit + passed)
        controller.limited = credit < cost
        controller.credit = credit if controller.limited else credit - cost
        controller.since = now

    def _limit(self, controller):
        if controller.limited:
            raise Refused("too many requests: %d in a second at most" % self._rate)

    # Who is in control

    def _claim(self, controller, now):
        if self.owner is not controller:
            if self.owner and not (self._lapsed and not self._moves()):
                raise Refused(
                    "somebody else is in control: send takeover, or wait until they have been "
                    "idle for %d s" % (self._idle // _SECOND)
                )
            self._hand_over(controller)
        self._used = now
        self._lapsed = False

    def _hand_over(self, controller):
        before = self.owner
        self.owner = controller
        if before:
            self._safe()
            before.lost("somebody else has taken over")

    def _moves(self):
        return self._is_driven() or self.driver.state().get("moving", False)

    def _take_over(self, controller, given, now):
        given.only("force")
        force = given.has("force") and given.flag("force")
        if self.owner not in (None, controller):
            if self._moves() and not force:
                raise Refused('it is being moved: wait for the end, or give "force":true')
            self._hand_over(controller)
        self._claim(controller, now)

    def _release(self, controller, given, now):
        given.only()
        self.gone(controller)

    def _tell(self, controller, given, now):
        given.only()
        return ',"state":' + self.state(controller)

    # Motion

    def _is_driven(self):
        # By speeds that are good for the dead-man's time.
        return self._focusing or self._speeds != _STILL

    def _safe(self):
        # What moves is stopped. A lamp, the power and the stream stay: others may rely on them.
        self._navigation = None
        self._stop()

    def _stop(self):
        # If the driver can't, it is told again with each tick.
        self._speeds = _STILL
        self._focusing = False
        self._unstopped = True
        try:
            self.driver.stop()
            self._unstopped = False
        except Unsupported:
            self._unstopped = False
        except Exception as failure:
            self._fail(failure)

    def _fail(self, failure):
        if not self._failing:
            print_exception(failure)
        self._failing = True

    def _drive(self, controller, speeds, now):
        # Move at these speeds, for the dead-man's time.
        if speeds[0] or speeds[1]:
            self._need("ptz")
        if speeds[2]:
            self._need("zoom")
        self._claim(controller, now)
        self._refreshed = now
        if speeds == _STILL and not self._focusing:
            if self._speeds != _STILL:
                self._stop()
            return
        self._speeds = speeds
        try:
            self.driver.move(*speeds)
        except Exception:
            self._unstopped = True  # what went on before would go on
            self._speeds = _STILL
            raise

    def _move(self, controller, given, now):
        given.only("pan", "tilt", "zoom")
        speeds = (given.speed("pan", 0), given.speed("tilt", 0), given.speed("zoom", 0))
        self._navigation = None
        self._drive(controller, speeds, now)

    def _zoom(self, controller, given, now):
        given.only("speed")
        pan, tilt, _ = self._speeds
        self._drive(controller, (pan, tilt, given.speed("speed")), now)

    def _halt(self, controller, given, now):
        given.only()
        self._claim(controller, now)
        self._safe()

    def _navigate(self, controller, event, now):
        from .navigation import Navigation, ends  # most controllers send none of these

        if not ends(event):
            self._limit(controller)
        navigation = self._navigation if self.owner is controller else None
        if navigation is None:
            navigation = Navigation()
        speeds = navigation.speeds(event, self._speeds)
        if speeds:
            self._drive(controller, speeds, now)
            self._navigation = navigation

    def _focus(self, controller, given, now):
        given.only("speed", "auto")
        if given.has("auto"):
            if given.has("speed") or not given.flag("auto"):
                raise ValueError("auto: true, or else speed")
            speed = "auto"
        else:
            speed = given.speed("speed")
        self._claim(controller, now)
        self._refreshed = now
        self._focusing = speed != "auto" and speed != 0
        try:
            self.driver.focus(speed)
        except Exception:
            self._unstopped = True  # what went on before would go on
            self._focusing = False
            raise

    def _position(self, controller, given, now):
        given.only("pan", "tilt", "zoom")
        place = [
            given.number(name, low, high) if given.has(name) else None
            for name, low, high in (("pan", -360, 360), ("tilt", -180, 180), ("zoom", 0, 100))
        ]
        if place == [None, None, None]:
            raise ValueError("give pan, tilt or zoom")
        self._claim(controller, now)
        self._begin()
        self.driver.position(*place)

    def _preset(self, controller, given, now):
        given.only("n")
        n = given.whole("n", 0, self.driver.presets - 1)
        self._claim(controller, now)
        return n

    def _store(self, controller, given, now):
        self.driver.preset_store(self._preset(controller, given, now))

    def _recall(self, controller, given, now):
        n = self._preset(controller, given, now)
        self._begin()
        self.driver.preset_recall(n)

    def _begin(self):
        # A motion that ends by itself takes the place of one that doesn't.
        if self._is_driven():
            self._safe()

    # What doesn't move

    def _power(self, controller, given, now):
        given.only("on")
        on = given.flag("on")
        self._claim(controller, now)
        if not on:
            self._begin()
        self.driver.power(on)

    def _light(self, controller, given, now):
        given.only("on")
        on = given.flag("on")
        self._claim(controller, now)
        self.driver.light(on)

    def _switch_stream(self, controller, given, now):
        given.only("on")
        on = given.flag("on")
        self._claim(controller, now)
        self._stream(on)
        self.streaming = on

    def _show_tally(self, controller, given, now):
        # From the vision mixer, mostly, while somebody else has the camera in hand.
        given.only("state")
        self.driver.tally(given.choice("state", TALLY))


# verb: (what it does, what the device must have)
_VERBS = {
    "move": (Control._move, None),
    "stop": (Control._halt, None),
    "position": (Control._position, "position"),
    "zoom": (Control._zoom, "zoom"),
    "focus": (Control._focus, "focus"),
    "preset-store": (Control._store, "preset"),
    "preset-recall": (Control._recall, "preset"),
    "power": (Control._power, "power"),
    "tally": (Control._show_tally, "tally"),
    "light": (Control._light, "light"),
    "stream": (Control._switch_stream, "stream"),
    "takeover": (Control._take_over, None),
    "release": (Control._release, None),
    "state": (Control._tell, None),
}
_NEVER_LIMITED = ("stop", "release")
