"""Control of a device: the forms of requests and replies, who may, how often, and how it ends."""

import json

from signalbox.device import simulated
from signalbox.device.control import DEADMAN, IDLE, RATE, Control, Controller
from signalbox.device.driver import CAPS, Driver, Refused
from signalbox.device.request import MAX_REQUEST

LARGEST_ID = 18446744073709551615


class Recorder(Driver):
    """Keeps the calls in `calls`. `fails`: {name of a call: what it raises}."""

    caps = CAPS
    presets = 10

    def __init__(self, caps=CAPS):
        self.caps = caps
        self.calls = []
        self.fails = {}
        self.moving = False

    def _call(self, name, *arguments):
        self.calls.append((name,) + arguments)
        if name in self.fails:
            raise self.fails[name]

    def move(self, pan, tilt, zoom):
        self._call("move", pan, tilt, zoom)

    def stop(self):
        self._call("stop")

    def position(self, pan, tilt, zoom):
        self._call("position", pan, tilt, zoom)

    def preset_store(self, n):
        self._call("preset_store", n)

    def preset_recall(self, n):
        self._call("preset_recall", n)

    def focus(self, speed):
        self._call("focus", speed)

    def power(self, on):
        self._call("power", on)

    def tally(self, state):
        self._call("tally", state)

    def light(self, on):
        self._call("light", on)

    def tick(self, now):
        if "tick" in self.fails:
            raise self.fails["tick"]

    def state(self):
        return {"moving": self.moving}


class Desk:
    """A Control, two Controllers, and a clock."""

    def __init__(self, driver=None, **settings):
        self.driver = driver or Recorder()
        self.control = Control(self.driver, **settings)
        self.one = Controller()
        self.two = Controller()
        self.lost = []
        self.one.lost = lambda why: self.lost.append(("one", why))
        self.two.lost = lambda why: self.lost.append(("two", why))
        self.now = 1000
        self.number = 0
        self.control.tick(self.now)
        self.calls()

    def calls(self):
        calls = getattr(self.driver, "calls", None)
        self.driver.calls = []
        return calls

    def hear(self, text, who=None):
        """Send the text of a request. Returns the reply."""
        reply = self.control.receive(who or self.one, bytearray(text.encode()), self.now)
        reply = json.loads(reply)
        assert reply["type"] == "ControlResponseMessage"
        return reply

    def send(self, request, who=None):
        """Send a request with the next id. Returns the reply's error."""
        self.number += 1
        reply = self.hear(json.dumps({"id": self.number, "request": request}), who)
        assert reply["id"] == self.number
        return reply["error"]

    def ask(self, verb, who=None, **structure):
        """Returns the reply's error."""
        return self.send(
            {"type": "customUpstreamEvent", "structureName": verb, "structure": structure}, who
        )

    def must(self, verb, who=None, **structure):
        """Returns the calls that the driver gets for it."""
        error = self.ask(verb, who, **structure)
        assert error is None, error
        return self.calls()

    def event(self, name, who=None, **members):
        """A navigation event. Returns the reply's error."""
        members["event"] = name
        return self.send({"type": "navigationEvent", "event": members}, who)

    def wait(self, ms, step=20):
        """Let time pass. Returns the calls that the driver gets then."""
        end = self.now + ms
        while self.now < end:
            self.now += min(step, end - self.now)
            self.control.tick(self.now)
        return self.calls()


def upstream(structure, number=7):
    return json.dumps(
        {
            "id": number,
            "mid": None,
            "request": {
                "type": "customUpstreamEvent",
                "structureName": "move",
                "structure": structure,
            },
        }
    )


# Forms


def test_a_request_as_webrtcsrc_writes_it():
    desk = Desk()
    assert desk.hear(upstream({"pan": 10})) == {
        "type": "ControlResponseMessage",
        "id": 7,
        "error": None,
    }
    assert desk.calls() == [("move", 10, 0, 0)]


def test_a_request_may_be_a_string_with_json_in_it():
    desk = Desk()
    inner = '{"type":"customUpstreamEvent","structureName":"m\\u006fve","structure":{"tilt":-7}}'
    assert desk.send(inner) is None
    assert desk.calls() == [("move", 0, -7, 0)]
    assert desk.send('{"type":') == "it ends too early"


def test_ids_are_those_of_upstream_and_come_back_as_they_are():
    desk = Desk()
    for number in (0, 1, LARGEST_ID):
        text = upstream({}).replace("7", str(number))
        reply = desk.control.receive(desk.one, bytearray(text.encode()), desk.now)
        assert reply == f'{{"type":"ControlResponseMessage","id":{number},"error":null}}'
    for number in ("-1", "1.5", "1e3", '"1"', "null", "true", "[1]", str(LARGEST_ID + 1), "9" * 60):
        reply = desk.hear(upstream({}).replace("7", number))
        assert reply["id"] is None
        assert reply["error"] == f"id: a whole number from 0 to {LARGEST_ID}"
    assert desk.hear('{"request":{}}')["id"] is None


def test_there_is_a_reply_to_whatever_comes():
    desk = Desk()
    form = '{"id":7,"request":%s}'
    for text in ("", "{", "[]", "null", "move", '{"id":7,"id":7}', '{"id":7,}', "\x00"):
        reply = desk.hear(text)
        assert reply["id"] is None and reply["error"], text
    for request in (
        "null",
        "1",
        "[]",
        "{}",
        '"null"',
        '"{}"',
        '{"type":"list"}',
        '{"type":1}',
        '{"type":"%s"}' % ("x" * 50),
        '{"type":"customUpstreamEvent"}',
        '{"type":"customUpstreamEvent","structureName":"stop"}',
        '{"type":"customUpstreamEvent","structureName":"stop","structure":null}',
        '{"type":"customUpstreamEvent","structureName":"stop","structure":[]}',
        '{"type":"customUpstreamEvent","structure":{}}',
        '{"type":"customUpstreamEvent","structureName":null,"structure":{}}',
        '{"type":"navigationEvent"}',
        '{"type":"navigationEvent","event":"KeyPress"}',
        '{"type":"navigationEvent","event":{}}',
        '{"type":"navigationEvent","event":{"event":"Nod"}}',
        '{"type":"navigationEvent","event":{"event":["KeyPress"]}}',
    ):
        desk.wait(1000)
        reply = desk.hear(form.replace("%s", request))
        assert reply["id"] == 7 and reply["error"], request
    reply = desk.hear('{"id":7,"mid":1,"request":{}}')
    assert reply["id"] == 7 and reply["error"]
    assert desk.calls() == []


def test_a_request_too_large_is_refused_unread():
    desk = Desk()
    text = upstream({})
    assert desk.hear(text + " " * (MAX_REQUEST - len(text)))["error"] is None
    reply = desk.hear(text + " " * (MAX_REQUEST - len(text) + 1))
    assert reply["error"] == f"a request has {MAX_REQUEST} octets at most"


def test_errors_say_what_is_allowed():
    desk = Desk()
    for verb, structure, error in (
        ("move", {"pan": 101}, "pan: a number from -100 to 100"),
        ("move", {"tilt": -100.5}, "tilt: a number from -100 to 100"),
        ("move", {"zoom": "1"}, "zoom: a number from -100 to 100"),
        ("move", {"zoom": True}, "zoom: a number from -100 to 100"),
        ("move", {"zoom": [1]}, "zoom: a number from -100 to 100"),
        ("move", {"zoom": 1e30}, "zoom: a number from -100 to 100"),
        ("move", {"pann": 1}, "only pan, tilt, zoom can be given"),
        ("stop", {"now": True}, "nothing can be given: {}"),
        ("zoom", {}, "speed: a number from -100 to 100"),
        ("focus", {}, "speed: a number from -100 to 100"),
        ("focus", {"auto": True, "speed": 1}, "auto: true, or else speed"),
        ("focus", {"auto": False}, "auto: true, or else speed"),
        ("focus", {"auto": 1}, "auto: true or false"),
        ("position", {}, "give pan, tilt or zoom"),
        ("position", {"pan": 361}, "pan: a number from -360 to 360"),
        ("position", {"tilt": -181}, "tilt: a number from -180 to 180"),
        ("position", {"zoom": -0.1}, "zoom: a number from 0 to 100"),
        ("preset-store", {}, "n: a whole number from 0 to 9"),
        ("preset-store", {"n": 10}, "n: a whole number from 0 to 9"),
        ("preset-recall", {"n": 1.0}, "n: a whole number from 0 to 9"),
        ("preset-recall", {"n": True}, "n: a whole number from 0 to 9"),
        ("preset-recall", {"n": -1}, "n: a whole number from 0 to 9"),
        ("power", {}, "on: true or false"),
        ("power", {"on": 1}, "on: true or false"),
        ("light", {"on": None}, "on: true or false"),
        ("tally", {"state": "red"}, "state: one of off, preview, program"),
        ("tally", {"state": {}}, "state: one of off, preview, program"),
        ("tally", {"state": "x" * 99}, "state: one of off, preview, program"),
        ("takeover", {"force": 1}, "force: true or false"),
        (
            "jump",
            {},
            "structureName: one of focus, light, move, position, power, preset-recall, "
            "preset-store, release, state, stop, takeover, tally, zoom",
        ),
        ("x" * 60, {}, None),
    ):
        desk.wait(100)
        said = desk.ask(verb, **structure)
        assert said and error in (said, None), (verb, structure, said)
    # More than a board's float holds: json.dumps() would not write it there.
    desk.wait(100)
    reply = desk.hear(
        '{"id":99,"request":{"type":"customUpstreamEvent","structureName":"move",'
        '"structure":{"zoom":1e60}}}'
    )
    assert (reply["id"], reply["error"]) == (99, "zoom: a number from -100 to 100")
    assert desk.calls() == [] and desk.control.owner is None


def test_a_verb_needs_what_it_is_about():
    desk = Desk(Recorder(("zoom", "tally")))
    assert desk.ask("focus", speed=1) == "this device has no focus; it has zoom, tally"
    assert desk.ask("move", pan=1) == "this device has no ptz; it has zoom, tally"
    assert desk.ask("stream", on=True) == "this device has no stream; it has zoom, tally"
    assert desk.must("move", zoom=1) == [("move", 0, 0, 1)]
    desk = Desk(Recorder(()))
    assert desk.ask("move", zoom=1) == "this device has no zoom; it has nothing"
    assert desk.ask("jump") == "structureName: one of move, release, state, stop, takeover"


# Verbs


def test_what_each_verb_does():
    desk = Desk()
    assert desk.must("move", pan=-100, tilt=100, zoom=3) == [("move", -100, 100, 3)]
    assert desk.must("move", pan=1.6) == [("move", 2, 0, 0)]
    assert desk.must("zoom", speed=-20) == [("move", 2, 0, -20)]
    assert desk.must("stop") == [("stop",)]
    assert desk.must("focus", speed=-5) == [("focus", -5)]
    assert desk.must("focus", speed=0) == [("focus", 0)]
    assert desk.must("focus", auto=True) == [("focus", "auto")]
    assert desk.must("position", pan=-30.5, zoom=0) == [("position", -30.5, None, 0)]
    assert desk.must("position", pan=0, tilt=1, zoom=2) == [("position", 0, 1, 2)]
    assert desk.must("preset-store", n=9) == [("preset_store", 9)]
    assert desk.must("preset-recall", n=0) == [("preset_recall", 0)]
    assert desk.must("power", on=False) == [("power", False)]
    assert desk.must("light", on=True) == [("light", True)]
    assert desk.must("tally", state="program") == [("tally", "program")]


def test_a_motion_that_ends_by_itself_ends_one_that_does_not():
    desk = Desk()
    desk.must("move", pan=1)
    assert desk.must("position", tilt=0) == [("stop",), ("position", None, 0, None)]
    desk.must("focus", speed=1)
    assert desk.must("preset-recall", n=1) == [("stop",), ("preset_recall", 1)]
    desk.must("move", pan=1)
    assert desk.must("power", on=False) == [("stop",), ("power", False)]


def test_the_stream_is_for_who_offers_it():
    switched = []

    def stream(on):
        if on and switched:
            raise Refused("no encoder")
        switched.append(on)

    desk = Desk(stream=stream)
    assert desk.control.advert()["caps"][-1] == "stream"
    desk.must("stream", on=True)
    assert switched == [True] and desk.control.streaming
    desk.must("stream", on=False)
    assert switched == [True, False] and not desk.control.streaming
    assert desk.ask("stream", on=True) == "no encoder"
    assert not desk.control.streaming


def test_the_advert_says_what_the_device_can_do_and_where():
    control = Control(Recorder(("ptz", "zoom")))
    assert control.advert() == {"v": 1, "caps": ["ptz", "zoom"]}
    url = "ws://cam-1.local:8443/control"
    assert control.advert(url) == {"v": 1, "caps": ["ptz", "zoom"], "url": url}


def test_the_state_is_for_everybody():
    desk = Desk(stream=lambda on: None)
    desk.must("move", pan=1)
    for who, control in ((desk.one, "you"), (desk.two, "other")):
        reply = desk.hear(
            '{"id":1,"request":{"type":"customUpstreamEvent",'
            '"structureName":"state","structure":{}}}',
            who,
        )
        assert reply["error"] is None
        assert reply["state"] == {"moving": False, "stream": False, "control": control}
    desk.control.gone(desk.one)
    assert json.loads(desk.control.state())["control"] == "none"


# The dead-man


def test_motion_ends_when_it_is_not_asked_for_again():
    desk = Desk()
    desk.must("move", pan=50)
    assert desk.wait(DEADMAN - 20) == []
    assert desk.must("move", pan=50) == [("move", 50, 0, 0)]
    assert desk.wait(DEADMAN - 20) == []
    assert desk.wait(20) == [("stop",)]
    assert desk.wait(5 * DEADMAN) == []
    assert desk.must("move", pan=50) == [("move", 50, 0, 0)]


def test_focusing_ends_too_and_positions_need_no_asking():
    desk = Desk()
    desk.must("focus", speed=-1)
    assert desk.wait(DEADMAN) == [("stop",)]
    desk.must("focus", auto=True)
    desk.must("position", pan=100)
    assert desk.wait(5 * DEADMAN) == []


def test_the_dead_man_has_its_own_clock_for_each_setting():
    desk = Desk(deadman=200)
    desk.must("zoom", speed=1)
    assert desk.wait(180) == []
    assert desk.wait(20) == [("stop",)]


def test_others_cannot_keep_a_motion_going():
    desk = Desk()
    desk.must("move", pan=50)
    for _ in range(DEADMAN // 50):
        assert desk.ask("move", desk.two, pan=50)
        desk.ask("state", desk.one)
        calls = desk.wait(50)
    assert calls == [("stop",)]


def test_nobody_knows_what_went_on_before_the_start():
    driver = Recorder()
    control = Control(driver)
    control.tick(0)
    control.tick(20)
    assert driver.calls == [("stop",)]


def test_a_stop_that_fails_is_tried_again_until_it_succeeds():
    desk = Desk()
    desk.must("move", pan=1)
    desk.driver.fails = {"stop": OSError(5)}
    assert desk.wait(DEADMAN + 40) == [("stop",)] * 3
    desk.driver.fails = {}
    assert desk.wait(100) == [("stop",)]


# What drivers may do


def test_a_driver_that_refuses_moves_on_with_nothing():
    desk = Desk()
    desk.must("move", pan=1)
    desk.driver.fails = {"move": Refused("the power is off")}
    assert desk.ask("move", pan=2) == "the power is off"
    assert desk.ask("move", pan=2) == "the power is off"
    desk.driver.fails = {}
    assert desk.wait(20) == [("move", 2, 0, 0)] * 2 + [("stop",)]


def test_a_focus_that_is_refused_ends_the_one_before_it():
    desk = Desk()
    desk.must("focus", speed=1)
    desk.driver.fails = {"focus": Refused("it does not keep up")}
    assert desk.ask("focus", speed=0) == "it does not keep up"
    desk.driver.fails = {}
    assert desk.wait(5 * DEADMAN) == [("focus", 0), ("stop",)]


def test_a_driver_that_breaks_stops():
    desk = Desk()
    desk.driver.fails = {"focus": OSError(5), "light": MemoryError()}
    assert desk.ask("focus", speed=1).startswith("the device failed: ")
    assert desk.wait(20) == [("focus", 1), ("stop",)]
    assert desk.ask("light", on=True) == "out of memory: ask again"
    assert desk.wait(20) == [("light", True), ("stop",)]


def test_a_driver_that_does_not_know_its_state_is_a_fault():
    desk = Desk()

    def state():
        raise OSError(5)

    desk.driver.state = state
    assert json.loads(desk.control.state()) == {"fault": "the driver failed", "control": "none"}


def test_a_driver_that_breaks_by_itself_is_a_fault():
    desk = Desk()
    desk.must("move", pan=1)
    desk.driver.fails = {"tick": ValueError("x")}
    assert desk.wait(DEADMAN) == [("stop",)]
    assert json.loads(desk.control.state())["fault"] == "the driver failed"
    desk.driver.fails = {}
    desk.wait(20)
    assert "fault" not in json.loads(desk.control.state())


# Who is in control


def test_whoever_comes_first_is_in_control_until_idle():
    desk = Desk()
    desk.must("move", pan=1)
    seconds = IDLE // 1000
    error = desk.ask("move", desk.two, pan=2)
    assert error == (
        "somebody else is in control: send takeover, or wait until they have been "
        f"idle for {seconds} s"
    )
    for verb, structure in (
        ("stop", {}),
        ("zoom", {"speed": 1}),
        ("focus", {"speed": 1}),
        ("position", {"pan": 1}),
        ("preset-store", {"n": 1}),
        ("preset-recall", {"n": 1}),
        ("power", {"on": True}),
        ("light", {"on": True}),
    ):
        assert desk.ask(verb, desk.two, **structure) == error
    assert desk.calls() == [] and desk.lost == []
    desk.wait(IDLE - 20)
    assert desk.ask("light", desk.two, on=True) == error
    desk.wait(20)
    assert desk.must("light", desk.two, on=True) == [("stop",), ("light", True)]
    assert desk.lost == [("one", "somebody else has taken over")]
    assert desk.ask("move", pan=1) == error


def test_whoever_is_idle_goes_on_if_nobody_else_came():
    desk = Desk()
    desk.must("move", pan=1)
    desk.wait(3 * IDLE)
    assert desk.must("move", pan=2) == [("move", 2, 0, 0)]
    assert desk.ask("move", desk.two, pan=2)
    assert desk.lost == []


def test_the_idle_owner_of_a_camera_that_still_moves_is_not_idle():
    desk = Desk()
    desk.must("preset-recall", n=1)
    desk.driver.moving = True
    desk.wait(2 * IDLE)
    assert desk.ask("move", desk.two, pan=2)
    desk.driver.moving = False
    assert desk.must("move", desk.two, pan=2) == [("stop",), ("move", 2, 0, 0)]


def test_takeover_is_asked_for_in_so_many_words():
    desk = Desk()
    desk.must("light", on=True)
    assert desk.must("takeover", desk.two) == [("stop",)]
    assert desk.lost == [("one", "somebody else has taken over")]
    desk.must("move", desk.two, pan=1)
    assert desk.ask("move", pan=1)
    assert desk.must("takeover", desk.two) == []  # it is in control already


def test_who_moves_is_not_taken_over_by_accident():
    desk = Desk()
    refusal = 'it is being moved: wait for the end, or give "force":true'
    desk.must("move", pan=1)
    assert desk.ask("takeover", desk.two) == refusal
    assert desk.ask("takeover", desk.two, force=False) == refusal
    assert desk.must("takeover", desk.two, force=True) == [("stop",)]
    assert desk.lost == [("one", "somebody else has taken over")]
    assert desk.wait(DEADMAN) == []
    desk.driver.moving = True
    assert desk.ask("takeover", desk.one) == refusal


def test_release_lets_the_next_one_in():
    desk = Desk()
    desk.must("move", pan=1)
    assert desk.must("release", desk.two) == []
    assert desk.must("release") == [("stop",)]
    assert desk.must("move", desk.two, pan=1) == [("move", 1, 0, 0)]
    assert desk.lost == []


def test_whoever_is_gone_leaves_a_device_at_rest():
    desk = Desk()
    desk.must("light", on=True)
    desk.must("move", pan=1)
    desk.control.gone(desk.two)
    assert desk.calls() == []
    desk.control.gone(desk.one)
    assert desk.calls() == [("stop",)]
    desk.control.gone(desk.one)
    assert desk.calls() == [] and desk.lost == []
    assert desk.must("move", desk.two, pan=2) == [("move", 2, 0, 0)]


def test_tally_comes_from_the_mixer_whoever_moves():
    desk = Desk()
    desk.must("move", pan=1)
    assert desk.must("tally", desk.two, state="program") == [("tally", "program")]
    assert desk.control.owner is desk.one


# How often


def test_requests_have_a_rate():
    desk = Desk()
    for _ in range(RATE):
        assert desk.ask("state") is None and not desk.one.limited
    assert desk.ask("state") == f"too many requests: {RATE} in a second at most"
    assert desk.one.limited
    assert desk.ask("move", desk.two, pan=1) is None
    desk.wait(1000 // RATE + 1)
    assert desk.ask("state") is None
    assert desk.ask("state")
    desk.wait(10000)
    assert [desk.ask("state") for _ in range(RATE + 1)].count(None) == RATE


def test_garbage_counts_too():
    desk = Desk()
    for _ in range(2 * RATE):
        assert desk.hear("{")["error"] == "it ends too early"
    assert desk.one.limited


def test_a_motion_can_always_be_ended():
    desk = Desk()
    desk.must("move", pan=1)
    desk.event("KeyPress", key="Left")
    while not desk.one.limited:
        desk.ask("state")
    desk.calls()
    assert desk.ask("move", pan=2)
    assert desk.event("KeyPress", key="Right")
    assert desk.event("KeyRelease", key="Left") is None
    assert desk.calls() == [("stop",)]
    desk.wait(50)
    desk.must("move", pan=1)
    while not desk.one.limited:
        desk.ask("state")
    assert desk.must("stop") == [("stop",)]
    assert desk.must("release") == [("stop",)]


# Navigation events


def test_keys_move_while_they_are_held():
    desk = Desk()
    for key, speeds in (
        ("Left", (-50, 0, 0)),
        ("Right", (50, 0, 0)),
        ("Up", (0, 50, 0)),
        ("Down", (0, -50, 0)),
        ("plus", (0, 0, 50)),
        ("minus", (0, 0, -50)),
        ("Page_Up", (0, 0, 50)),
        ("Page_Down", (0, 0, -50)),
    ):
        assert desk.event("KeyPress", key=key, modifier_state="") is None
        assert desk.event("KeyPress", key=key, modifier_state="") is None
        assert desk.calls() == [("move",) + speeds] * 2
        assert desk.event("KeyRelease", key=key, modifier_state="") is None
        assert desk.calls() == [("stop",)]
        desk.wait(200)
    assert desk.event("KeyPress", key="Left", modifier_state="control-mask+shift-mask") is None
    assert desk.calls() == [("move", -100, 0, 0)]


def test_two_keys_move_both_ways():
    desk = Desk()
    desk.event("KeyPress", key="Left")
    desk.event("KeyPress", key="Up")
    desk.event("KeyPress", key="plus")
    desk.event("KeyRelease", key="Left")
    desk.event("KeyPress", key="Down")
    desk.event("KeyRelease", key="Up")  # Down was pressed last, and is still held
    assert desk.calls() == [
        ("move", -50, 0, 0),
        ("move", -50, 50, 0),
        ("move", -50, 50, 50),
        ("move", 0, 50, 50),
        ("move", 0, -50, 50),
        ("move", 0, -50, 50),
    ]


def test_other_keys_and_events_have_no_effect():
    desk = Desk()
    for key in ("a", "Return", "Shift_L", "Unidentified", "", "é"):
        assert desk.event("KeyPress", key=key) is None
    for name in ("TouchFrame", "Command", "MouseDoubleClick"):
        assert desk.event(name) is None
    assert desk.event("MouseMove", x=1.5, y=2.5) is None
    assert desk.event("MouseButtonPress", x=1, y=2, button=2) is None
    assert desk.event("MouseButtonRelease", x=1, y=2, button=1) is None
    assert desk.calls() == [] and desk.control.owner is None


def test_dragging_is_a_joystick():
    desk = Desk()
    assert desk.event("MouseButtonPress", x=300.0, y=200.0, button=1, modifier_state="") is None
    assert desk.event("MouseMove", x=320.0, y=200.5) is None
    assert desk.event("MouseMove", x=900, y=180) is None
    assert desk.event("MouseButtonRelease", x=900, y=180, button=1) is None
    assert desk.event("MouseMove", x=0, y=0) is None
    assert desk.calls() == [("move", 10, 0, 0), ("move", 100, 10, 0), ("stop",)]


def test_one_finger_drags():
    desk = Desk()
    assert desk.event("TouchDown", identifier=4, x=0, y=0, pressure=0.5) is None
    assert desk.event("TouchDown", identifier=5, x=0, y=0) is None
    assert desk.event("TouchMotion", identifier=4, x=-100, y=0) is None
    assert desk.event("TouchMotion", identifier=5, x=100, y=100) is None
    assert desk.event("TouchUp", identifier=5, x=100, y=100) is None
    assert desk.event("TouchUp", identifier=4, x=-100, y=0) is None
    assert desk.calls() == [("move", -50, 0, 0), ("stop",)]
    assert desk.event("TouchDown", x=0, y=0) == "identifier: a whole number from 0 to 4294967295"


def test_the_wheel_zooms_for_a_moment():
    desk = Desk()
    assert desk.event("MouseScroll", x=1, y=1, delta_x=0, delta_y=120.0) is None
    assert desk.wait(DEADMAN) == [("move", 0, 0, 50), ("stop",)]
    assert desk.event("MouseScroll", x=1, y=1, delta_x=0, delta_y=-3) is None
    assert desk.calls() == [("move", 0, 0, -50)]
    assert desk.event("MouseScroll", x=1, y=1) == "delta_y: a number from -100000 to 100000"


def test_a_drag_that_rests_stops_and_goes_on_when_it_moves():
    desk = Desk()
    desk.event("MouseButtonPress", x=0, y=0, button=1)
    desk.event("MouseMove", x=100, y=0)
    assert desk.wait(DEADMAN)[-1] == ("stop",)
    desk.event("MouseMove", x=50, y=0)
    assert desk.calls() == [("move", 25, 0, 0)]


def test_navigation_is_control_like_any_other():
    desk = Desk(Recorder(("zoom",)))
    assert desk.event("KeyPress", key="Left") == "this device has no ptz; it has zoom"
    desk = Desk()
    desk.event("MouseButtonPress", x=0, y=0, button=1)
    assert "somebody else" in desk.event("KeyPress", desk.two, key="Left")
    desk.must("takeover", desk.two)
    assert desk.event("MouseMove", desk.two, x=50, y=0) is None  # it has pressed nothing
    assert desk.calls() == []


def test_with_a_real_driver():
    desk = Desk(simulated.create({}, None))
    assert desk.ask("move", pan=100) is None
    desk.wait(2000)
    state = json.loads(desk.control.state(desk.one))
    assert not state["moving"] and state["control"] == "you"
    assert 43 <= state["pan"] <= 46.2  # 60 degrees a second, for the dead-man's time
    assert desk.ask("power", on=False) is None
    assert desk.ask("move", pan=1) == "the power is off: switch it on first"
    assert desk.ask("preset-recall", n=1) == "the power is off: switch it on first"
