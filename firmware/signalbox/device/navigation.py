"""GStreamer's navigation events as speeds: keys, and dragging with a mouse or a finger.

After gstreamer-rs, gstreamer-video/src/video_event.rs (NavigationEvent), and gstwebrtc-api's
remote-controller.js. A key moves as long as it is held. Dragging works like a joystick that begins
where the button went down: nobody tells how large the picture is. The wheel zooms, for a moment.
"""

from ..compat import const

_KEY_SPEED = const(50)
_SHIFTED_KEY_SPEED = const(100)
_PIXELS = const(200)  # of dragging, for full speed
_LARGEST = const(100000)  # that a coordinate may be
_LONGEST_MODIFIERS = const(256)  # octets of JSON

# X11's names of keys: (axis, direction). Axes: pan, tilt, zoom.
_KEYS = {
    "Left": (0, -1),
    "Right": (0, 1),
    "Up": (1, 1),
    "Down": (1, -1),
    "plus": (2, 1),
    "equal": (2, 1),  # plus, without Shift
    "minus": (2, -1),
    "Page_Up": (2, 1),
    "Page_Down": (2, -1),
}
_BEGIN = ("MouseButtonPress", "TouchDown")
_GO_ON = ("MouseMove", "TouchMotion")
_END = ("MouseButtonRelease", "TouchUp", "TouchCancel")
_OTHERS = ("KeyPress", "KeyRelease", "MouseScroll")
_WITHOUT_EFFECT = ("Command", "TouchFrame", "MouseDoubleClick")


def ends(event):
    """Whether it ends a motion, and must never be refused for coming too often."""
    name = event.value("event")
    return name == "KeyRelease" or name in _END


class Navigation:
    """What one controller holds down."""

    def __init__(self):
        self._start = None  # (x, y) where dragging began
        self._finger = None  # that drags; None: the mouse

    def speeds(self, event, speeds):
        """(pan, tilt, zoom) behind this event, a Structure, when they were `speeds` before; None
        when it has no effect. ValueError.
        """
        name = event.value("event")
        if name == "KeyPress" or name == "KeyRelease":
            return _key(event, name == "KeyPress", speeds)
        if name == "MouseScroll":
            way = event.number("delta_y", -_LARGEST, _LARGEST)
            return _with(speeds, 2, _KEY_SPEED * ((way > 0) - (way < 0)))
        if name in _BEGIN or name in _GO_ON or name in _END:
            return self._drag(event, name, speeds)
        if name not in _WITHOUT_EFFECT:
            raise ValueError("event: one of " + ", ".join(_OTHERS + _BEGIN + _GO_ON + _END))
        return None

    def _drag(self, event, name, speeds):
        finger = event.whole("identifier", 0, 0xFFFFFFFF) if name[0] == "T" else None
        if name in _BEGIN:
            if self._start or (finger is None and event.whole("button", 0, 99) != 1):
                return None
            self._start = _point(event)
            self._finger = finger
        elif self._start is None or finger != self._finger:
            return None
        if name in _GO_ON:
            x, y = _point(event)
            return (_joystick(x - self._start[0]), _joystick(self._start[1] - y), speeds[2])
        if name in _END:
            self._start = None
        return (0, 0, speeds[2])


def _key(event, down, speeds):
    name = event.value("key")
    if name not in _KEYS:
        return None
    axis, direction = _KEYS[name]
    speed = direction * (_SHIFTED_KEY_SPEED if _is_shifted(event) else _KEY_SPEED)
    if not down:
        # With both keys of an axis held down, the one pressed last counts.
        speed = 0 if speeds[axis] * direction > 0 else speeds[axis]
    return _with(speeds, axis, speed)


def _is_shifted(event):
    # Such as "shift-mask+button1-mask".
    return event.size("modifier_state") <= _LONGEST_MODIFIERS and "shift-mask" in event.text(
        "modifier_state"
    )


def _with(speeds, axis, speed):
    speeds = list(speeds)
    speeds[axis] = speed
    return tuple(speeds)


def _point(event):
    return (
        event.number("x", -_LARGEST, _LARGEST),
        event.number("y", -_LARGEST, _LARGEST),
    )


def _joystick(pixels):
    return max(-100, min(100, int(pixels * 100 / _PIXELS)))
