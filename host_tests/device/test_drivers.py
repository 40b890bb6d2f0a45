"""Our drivers on MicroPython, behind Control, against the camera that test_camera.py has proved."""

import json
from pathlib import Path

import pytest
from visca_camera import TRAVEL_S, SerialCamera, UDPCamera

PROGRAM = Path(__file__).parent / "programs" / "drive.py"
DEADMAN_S = 0.75
WAIT = [700, None, {}]


class Wired:
    """A camera, and how a driver finds it."""

    def __init__(self, name, directory):
        self.name = name
        self._file = directory / "steps.json"
        self.shell = SerialCamera() if name == "visca_serial" else UDPCamera()
        if name == "visca_serial":
            self.options = {"uart": self.shell.path}
        else:
            self.options = {"host": "127.0.0.1", "port": self.shell.port}

    def arguments(self, steps):
        # MicroPython's argv takes no more than 255 octets each.
        self._file.write_text(json.dumps(steps))
        return PROGRAM, self.name, json.dumps(self.options), self._file


@pytest.fixture(params=["visca_serial", "visca_ip"])
def wired(request, tmp_path):
    wired = Wired(request.param, tmp_path)
    with wired.shell:
        yield wired


def state(program, step):
    return json.loads(program.wait_for_line(f"state {step} "))


def test_the_verbs_reach_the_camera(wired, micropython):
    steps = [
        WAIT,
        [1500, "move", {"pan": 50, "tilt": -100, "zoom": 100}],
        [700, "stop", {}],
        [500 + int(1000 * TRAVEL_S), "position", {"pan": 100, "tilt": -10}],
        [500, "preset-store", {"n": 5}],
        [500, "focus", {"speed": 40}],
        [500, "focus", {"auto": True}],
        [5000, None, {}],
        [1000, "power", {"on": False}],
    ]
    with micropython.start(*wired.arguments(steps)) as program:
        wired.shell.wait_for(lambda c: c.has_heard("810106010c140202"), "it pans and tilts")
        wired.shell.wait_for(lambda c: c.has_heard("8101040727"), "it zooms")
        wired.shell.wait_for(lambda c: not c.moves, "it stops")
        wired.shell.wait_for(lambda c: (c.pan, c.tilt) == (1440, -144), "it arrives")
        wired.shell.wait_for(lambda c: 5 in c.presets, "it has stored a preset")
        wired.shell.wait_for(lambda c: c.has_heard("8101040823"), "it focuses")
        wired.shell.wait_for(lambda c: c.has_heard("8101043802"), "it focuses by itself")
        known = state(program, 7)
        assert (known["pan"], known["tilt"], known["power"]) == (100, -10, True)
        assert not known["moving"] and "fault" not in known
        wired.shell.wait_for(lambda c: not c.power, "it is off")
        assert program.wait(20) == 0, program.output
        assert "Traceback" not in program.output


def test_the_dead_man_stops_it(wired, micropython):
    with micropython.start(*wired.arguments([WAIT, [100, "move", {"pan": 50}], [9000, None, {}]])):
        wired.shell.wait_for(lambda c: c.has_heard("810106010c010203"), "it moves")
        wired.shell.wait_for(lambda c: not c.moves, "it stops by itself")
        heard = wired.shell.camera.heard
        start = next(when for when, m in heard if m[1:4] == b"\x01\x06\x01" and m[6:] != b"\3\3")
        stop = next(
            when
            for when, m in heard
            if m[1:4] == b"\x01\x06\x01" and m[6:] == b"\3\3" and when > start
        )
        assert stop - start >= DEADMAN_S - 0.1


def test_what_is_lost_is_sent_again(wired, micropython):
    count = [0]

    def lose(octets):
        count[0] += 1
        return count[0] % 5 == 0  # of five messages or replies one

    steps = [
        WAIT,
        [2500, "move", {"pan": 30}],
        [2000, "stop", {}],
        [2000, "preset-store", {"n": 1}],
    ]
    wired.shell.lose = lose
    with micropython.start(*wired.arguments(steps)) as program:
        wired.shell.wait_for(lambda c: c.has_heard("8101060107010203"), "it moves")
        wired.shell.wait_for(lambda c: not c.moves, "it stops")
        wired.shell.wait_for(lambda c: 1 in c.presets, "it has stored a preset")
        assert program.wait(20) == 0, program.output
        assert "Traceback" not in program.output


def test_a_camera_that_goes_and_comes_is_stopped_and_driven_again(wired, micropython):
    steps = [
        WAIT,
        [1000, "move", {"pan": 30}],
        [60000, "move", {"pan": 40}],
    ]
    shell = wired.shell
    with micropython.start(*wired.arguments(steps)) as program:
        shell.wait_for(lambda c: c.pan_tilt == (2, 3), "it moves")
        shell.silent = True
        program.wait_for_line("state 1 ")
        # Somebody else's motion, while nobody can reach it.
        shell.camera.drive((9, 9), (1, 1))
        before = len(shell.camera.heard)
        shell.silent = False
        shell.wait_for(lambda c: c.pan_tilt == (2, 3), "it is driven again")
        stops = [m.hex() for _, m in shell.camera.heard[before:]]
        assert "8101060101010303" in stops


def test_noise_on_the_line_is_passed_over(micropython, tmp_path):
    wired = Wired("visca_serial", tmp_path)
    with wired.shell as shell:
        answer = shell.send

        def noisy(reply):
            shell.write(b"\x00\x90\x41\xa5" * 9)
            shell.write(b"\xff")
            answer(reply)

        shell.send = noisy
        steps = [WAIT, [1000, "move", {"tilt": 30}], [1000, "stop", {}]]
        with micropython.start(*wired.arguments(steps)) as program:
            shell.wait_for(lambda c: c.has_heard("8101060101060301"), "it moves")
            shell.wait_for(lambda c: not c.moves, "it stops")
            assert "fault" not in state(program, 2)


def test_a_network_change_is_a_camera_that_was_switched_on_again(micropython, tmp_path):
    wired = Wired("visca_serial", tmp_path)
    with wired.shell as shell, micropython.start(*wired.arguments([[20000, None, {}]])):
        shell.wait_for(lambda c: len(c.heard) >= 2, "it was greeted")
        shell.camera.drive((9, 9), (1, 1))
        shell.write(b"\x90\x38\xff")
        shell.wait_for(lambda c: not c.moves, "it was stopped")


def test_ip_numbers_that_the_camera_does_not_take(micropython, tmp_path):
    wired = Wired("visca_ip", tmp_path)
    with wired.shell as shell:
        steps = [[1500, None, {}], [20000, "move", {"pan": 30}]]
        with micropython.start(*wired.arguments(steps)):
            shell.wait_for(lambda c: len(c.heard) >= 2, "it was greeted")
            before = shell.resets
            shell._number = 5000000  # as if another controller had been there
            shell.wait_for(lambda c: shell.resets > before, "it was reset")
            shell.wait_for(lambda c: c.pan_tilt == (2, 3), "it moves")
