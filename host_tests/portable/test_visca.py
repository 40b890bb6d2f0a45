"""VISCA over serial and over IP, octet by octet. Vectors from Sony's command lists.

The same commands are read by a model of a camera that independent controllers have proved:
host_tests/device/.
"""

from signalbox.device import visca_ip, visca_serial
from signalbox.device.driver import Refused
from visca_wires import Hardware, options_of
from wire import raises

REPLY = 250  # ms
TRIES = 3
AGAIN = 2000
POLL = 1000
DRIVE_STOP = "81010601010103 03ff"
ZOOM_STOP = "8101040700ff"
FOCUS_STOP = "8101040800ff"


def octets(text):
    return bytes.fromhex(text.replace(" ", ""))


class Serial:
    """A driver on a scripted UART, and the camera's end of it."""

    def __init__(self, greeted=True, **options):
        self.hardware = Hardware()
        given = dict(options_of(visca_serial, uart=1), **options)
        self.driver = visca_serial.create(given, self.hardware)
        self.port = self.hardware.port
        self.now = 1000
        if greeted:
            self.greet()

    def greet(self):
        self.tick()
        self.greet_again()

    def greet_again(self):
        """It has just been greeted, and answers."""
        address = f"{self.driver._to:02x}"
        assert self.hears("883001ff")
        self.says("883002ff")
        assert self.hears("88010001ff")
        self.says("88010001ff")
        for message in (DRIVE_STOP, ZOOM_STOP, FOCUS_STOP):
            assert self.hears(address + message[2:])
            self.acknowledges()

    def tick(self, ms=0):
        """Time passes; returns what the camera heard."""
        self.now += ms
        self.driver.tick(self.now)
        written = self.port.written
        self.port.written = []
        self.heard = written
        return [w.hex() for w in written]

    def wait(self, ms, step=20):
        heard = []
        end = self.now + ms
        while self.now < end:
            heard += self.tick(min(step, end - self.now))
        return heard

    def hears(self, text):
        """Whether the last tick sent this and nothing else."""
        assert [w.hex() for w in self.heard] == [octets(text).hex()], self.heard
        return True

    def says(self, text):
        self.port.incoming += octets(text)
        return self.tick(1)

    def acknowledges(self, socket=1, completes=True):
        source = f"{0x80 | (self.driver._to & 7) << 4:02x}"
        text = f"{source}4{socket}ff"
        if completes:
            text += f"{source}5{socket}ff"
        return self.says(text)


def sends(camera, call, *messages):
    """The camera hears these, one behind the acknowledgement of the other."""
    call()
    camera.tick(1)
    for message in messages:
        assert camera.hears(message)
        camera.acknowledges()
    assert camera.heard == []


def test_a_port_is_opened_as_the_camera_needs_it():
    camera = Serial(greeted=False, uart=2, tx=4, rx=5)
    assert camera.hardware.asked == (2, 9600, 4, 5, None, 1)
    camera.driver.close()
    assert camera.port.closed


def test_greetings():
    camera = Serial()
    assert camera.tick(POLL - 20) == []
    assert camera.driver.state() == {"moving": False, "focus": "auto"}


def test_pan_and_tilt():
    camera = Serial()
    move = camera.driver.move
    for speeds, message in (
        ((-100, 0, 0), "81010601 18 01 01 03 ff"),  # left
        ((100, 0, 0), "81010601 18 01 02 03 ff"),  # right
        ((0, 100, 0), "81010601 01 14 03 01 ff"),  # up
        ((0, -100, 0), "81010601 01 14 03 02 ff"),  # down
        ((-50, 50, 0), "81010601 0c 0a 01 01 ff"),
        ((50, -50, 0), "81010601 0c 0a 02 02 ff"),
        ((1, -1, 0), "81010601 01 01 02 02 ff"),
    ):
        sends(camera, lambda s=speeds: move(*s), message)
        assert camera.driver.state()["moving"]
    sends(camera, camera.driver.stop, DRIVE_STOP, ZOOM_STOP)
    assert not camera.driver.state()["moving"]


def test_the_fastest_is_the_cameras():
    camera = Serial(pan_speed=8, tilt_speed=24)
    sends(camera, lambda: camera.driver.move(100, 100, 0), "81010601 08 18 02 01 ff")


def test_zoom():
    camera = Serial()
    for speed, message in (
        (100, "8101040727ff"),
        (50, "8101040724ff"),
        (1, "8101040720ff"),
        (-1, "8101040730ff"),
        (-100, "8101040737ff"),
        (0, "8101040700ff"),
    ):
        sends(camera, lambda s=speed: camera.driver.move(0, 0, s), message)


def test_only_what_changes_is_sent():
    camera = Serial()
    sends(camera, lambda: camera.driver.move(10, 0, 10), "8101060102010203ff", "8101040721ff")
    sends(camera, lambda: camera.driver.move(10, 0, 10))
    sends(camera, lambda: camera.driver.move(10, 0, 100), "8101040727ff")
    sends(camera, lambda: camera.driver.move(0, 0, 100), "8101060101010303ff")


def test_positions():
    camera = Serial()
    place = "81010602 18 14 "
    sends(
        camera,
        lambda: camera.driver.position(100, -10, None),
        place + "00050a00 0f0f0700 ff",  # 1440 and -144
    )
    sends(camera, lambda: camera.driver.position(None, None, 100), "81010447 04000000 ff")
    sends(camera, lambda: camera.driver.position(None, None, 0), "81010447 00000000 ff")
    assert raises(Refused, camera.driver.position, 1, None, None)
    camera = Serial(units=100)
    sends(camera, lambda: camera.driver.position(327, -327, None), place + "070f0b0c 08000404 ff")
    for pan, tilt in ((328, 0), (-328, 0), (0, 328), (0, -328)):
        assert raises(Refused, camera.driver.position, pan, tilt, None)


def test_presets_power_and_focus():
    camera = Serial(presets=200)
    driver = camera.driver
    assert driver.presets == 200
    sends(camera, lambda: driver.preset_store(0), "8101043f0100ff")
    sends(camera, lambda: driver.preset_recall(199), "8101043f02c7ff")
    sends(camera, lambda: driver.power(True), "8101040002ff")
    sends(camera, lambda: driver.power(False), "8101040003ff")
    sends(camera, lambda: driver.focus(100), "8101043803ff", "8101040827ff")
    sends(camera, lambda: driver.focus(-100), "8101040837ff")
    sends(camera, driver.stop, DRIVE_STOP, ZOOM_STOP, FOCUS_STOP)
    sends(camera, lambda: driver.focus(0), FOCUS_STOP)
    sends(camera, lambda: driver.focus("auto"), "8101043802ff")
    assert driver.state()["focus"] == "auto"


def test_another_address_in_the_chain():
    camera = Serial(address=3)
    sends(camera, lambda: camera.driver.power(True), "8301040002ff")
    camera.driver.power(False)
    camera.tick(1)
    camera.says("90 41 ff a0 41 ff")  # replies of others
    assert len(camera.wait(REPLY)) == 1  # so it is sent again
    camera.says("b0 41 ff")
    assert camera.wait(REPLY) == []


# The course


def test_one_message_at_a_time_and_the_newest_speed():
    camera = Serial()
    camera.driver.move(10, 0, 0)
    camera.tick(1)
    for pan in range(20, 90):
        camera.driver.move(pan, 0, 0)
    assert camera.tick(20) == []
    assert camera.acknowledges() == ["8101060115010203ff"]
    assert camera.acknowledges() == []


def test_a_message_without_a_reply_is_sent_again():
    camera = Serial()
    camera.driver.power(True)
    assert camera.tick(1) == ["8101040002ff"]
    assert camera.wait(REPLY - 20) == []
    assert camera.wait(20) == ["8101040002ff"]
    assert camera.acknowledges() == []
    assert camera.wait(REPLY) == []


def test_a_camera_that_falls_silent_is_a_fault_and_is_greeted_again():
    camera = Serial()
    camera.driver.move(10, 0, 0)
    camera.driver.power(True)
    assert len(camera.wait(TRIES * (REPLY + 20))) == TRIES
    fault = camera.driver.state()["fault"]
    assert fault == "the camera does not answer: check its power, its address and the cable"
    assert raises(Refused, camera.driver.move, 1, 0, 0)
    assert raises(Refused, camera.driver.preset_recall, 1)
    camera.driver.stop()
    camera.port.written = []
    heard = camera.wait(20000)
    # A stop is sent all the same; then it is greeted, and told to stop.
    assert heard[0] == octets(DRIVE_STOP).hex()
    assert set(heard) == {heard[0], "883001ff", "88010001ff"}
    assert 6 <= len(heard) < 60
    while camera.tick(20) != ["883001ff"]:
        pass
    camera.says("883002ff")
    assert camera.hears("88010001ff")
    camera.says("88010001ff")
    assert camera.hears(DRIVE_STOP)
    camera.acknowledges()
    assert camera.hears(ZOOM_STOP)
    camera.acknowledges()
    assert camera.hears(FOCUS_STOP)
    camera.acknowledges()
    assert "fault" not in camera.driver.state()
    sends(camera, lambda: camera.driver.move(10, 0, 0), "8101060102010203ff")


def test_a_camera_need_not_answer_greetings():
    camera = Serial(greeted=False)
    while camera.tick(20) != [octets(DRIVE_STOP).hex()]:
        assert "fault" not in camera.driver.state()
    camera.acknowledges()
    assert camera.hears(ZOOM_STOP)
    camera.acknowledges()
    assert camera.hears(FOCUS_STOP)
    camera.acknowledges()
    sends(camera, lambda: camera.driver.power(True), "8101040002ff")
    assert camera.driver.state() == {"moving": False, "focus": "auto"}


def test_stop_goes_before_everything_and_waits_for_one_reply_at_most():
    camera = Serial()
    camera.driver.preset_store(1)
    camera.tick(1)
    camera.driver.power(True)
    camera.driver.move(10, 0, 10)
    camera.driver.position(0, 0, 0)
    camera.driver.preset_recall(1)
    camera.driver.focus(1)
    camera.driver.stop()
    heard = camera.wait(REPLY)
    assert heard == [octets(DRIVE_STOP).hex()]
    heard = [camera.acknowledges() for _ in range(6)]
    assert heard == [
        [octets(ZOOM_STOP).hex()],
        [octets(FOCUS_STOP).hex()],
        ["8101040002ff"],
        ["8101043803ff"],
        [],
        [],
    ]


def test_many_stops_are_one():
    camera = Serial()
    for _ in range(50):
        camera.driver.stop()
    assert len(camera.driver._waiting) == 2


def test_a_travel_is_running_until_it_is_complete_and_is_cancelled_by_its_socket():
    camera = Serial()
    camera.driver.preset_recall(3)
    camera.tick(1)
    camera.acknowledges(2, completes=False)
    assert camera.driver.state()["moving"]
    camera.says("90 52 ff")
    assert not camera.driver.state()["moving"]
    camera.driver.position(0, 0, None)
    camera.tick(1)
    camera.acknowledges(2, completes=False)
    camera.driver.stop()
    assert camera.tick(1) == ["8122ff"]
    assert camera.says("90 62 04 ff") == [octets(DRIVE_STOP).hex()]
    assert not camera.driver.state()["moving"]
    assert "fault" not in camera.driver.state()


def test_a_travel_ends_some_time_whatever_the_camera_says():
    camera = Serial()
    camera.driver.preset_recall(3)
    camera.tick(1)
    camera.acknowledges(1, completes=False)
    for _ in range(31):
        camera.driver._since = camera.now
        camera.tick(POLL - 1)
    assert not camera.driver.state()["moving"]


def test_the_end_of_an_earlier_command_is_no_reply_to_the_next():
    camera = Serial()
    camera.driver.preset_recall(3)
    camera.tick(1)
    camera.acknowledges(1, completes=False)
    camera.driver.power(True)
    camera.tick(1)
    camera.says("90 51 ff")
    assert camera.wait(REPLY) == ["8101040002ff"]


def test_a_lost_acknowledgement_is_made_up_for_by_the_completion():
    camera = Serial()
    camera.driver.power(True)
    camera.tick(1)
    camera.says("90 51 ff")
    assert camera.wait(2 * REPLY) == []


def test_errors():
    camera = Serial()
    camera.driver.power(True)
    camera.tick(1)
    camera.says("90 60 03 ff")  # the buffer is full: again
    assert "fault" not in camera.driver.state()
    assert camera.wait(REPLY) == ["8101040002ff"]
    camera.says("90 61 41 ff")
    assert camera.driver.state()["fault"] == "the camera has refused: not executable now"
    camera.driver.power(True)
    camera.tick(1)
    for _ in range(TRIES - 1):
        camera.says("90 60 02 ff")  # perhaps noise made that of it: again
        assert camera.wait(REPLY) == ["8101040002ff"]
    camera.says("90 60 02 ff")
    assert camera.driver.state()["fault"] == "the camera has refused: syntax error"
    sends(camera, lambda: camera.driver.power(True), "8101040002ff")
    assert "fault" not in camera.driver.state()
    camera.driver.preset_recall(1)
    camera.tick(1)
    camera.acknowledges(1, completes=False)
    camera.says("90 61 41 ff")
    assert camera.driver.state()["fault"] == "the camera has refused: not executable now"
    camera.driver.move(1, 0, 0)
    camera.tick(1)
    camera.says("90 60 77 ff")


def test_a_stop_that_noise_has_garbled_is_sent_again():
    camera = Serial()
    sends(camera, lambda: camera.driver.move(-100, 0, 0), "81010601 18 01 01 03 ff")
    camera.driver.stop()
    camera.tick(1)
    assert camera.hears(DRIVE_STOP)
    camera.says("90 60 02 ff")
    assert camera.wait(REPLY) == [octets(DRIVE_STOP).hex()]
    camera.acknowledges()
    assert camera.hears(ZOOM_STOP)


def test_a_stop_that_the_camera_has_no_room_for_is_sent_until_it_has():
    camera = Serial()
    sends(camera, lambda: camera.driver.move(-100, 0, 0), "81010601 18 01 01 03 ff")
    camera.driver.stop()
    camera.tick(1)
    for _ in range(TRIES - 1):
        assert camera.hears(DRIVE_STOP)
        camera.says("90 60 03 ff")
        camera.tick(REPLY)
    assert camera.hears(DRIVE_STOP)
    camera.says("90 60 03 ff")
    while camera.tick(20) != ["883001ff"]:
        assert camera.now < 20000
    assert "fault" in camera.driver.state()
    camera.greet_again()
    assert "fault" not in camera.driver.state()


def test_a_focus_stop_that_was_lost_or_refused_is_made_up_for():
    camera = Serial()
    focus = camera.driver.focus
    sends(camera, lambda: focus(50), "8101043803ff", "8101040824ff")
    for n in range(8):
        camera.driver.preset_store(n)
    assert raises(Refused, focus, 0)
    camera.driver.stop()
    assert camera.tick(1) == [octets(DRIVE_STOP).hex()]
    assert camera.acknowledges() == [octets(ZOOM_STOP).hex()]
    assert camera.acknowledges() == [octets(FOCUS_STOP).hex()]
    # Then silence, in which the stop of another one is lost.
    camera.driver._waiting = []
    camera.acknowledges()
    sends(camera, lambda: focus(50), "8101040824ff")
    camera.driver.stop()
    camera.wait(TRIES * (REPLY + 20))
    assert "fault" in camera.driver.state()
    while camera.tick(20) != ["883001ff"]:
        assert camera.now < 20000
    camera.greet_again()


def test_what_a_stop_overtakes_is_not_sent_again():
    camera = Serial()
    camera.driver.move(-100, 0, 0)
    camera.tick(1)
    camera.driver.stop()
    camera.says("90 60 02 ff")
    assert camera.hears(DRIVE_STOP)


def test_an_inquiry_that_the_camera_does_not_know_is_not_sent_again():
    camera = Serial()
    assert camera.wait(POLL + 40) == ["81090400ff"]
    camera.says("90 60 02 ff")
    assert camera.wait(2 * REPLY) == []
    assert "fault" not in camera.driver.state()


def test_what_waits_is_bounded():
    camera = Serial(presets=255)
    for n in range(8):
        camera.driver.preset_store(n)
    assert raises(Refused, camera.driver.preset_store, 9)
    assert raises(Refused, camera.driver.move, 1, 0, 0)
    camera.driver.stop()
    assert camera.tick(1) == [octets(DRIVE_STOP).hex()]


def test_noise():
    camera = Serial()
    for noise in ("ff" * 9, "00" * 300 + "ff", "90 ff", "12 41 ff", "90 00 ff", "90"):
        camera.driver.power(True)
        assert camera.tick(1) == ["8101040002ff"]
        camera.says(noise)
        camera.says("ff 90 41 ff 90 51 ff")
        assert camera.driver.sent is None, noise


def test_a_camera_that_was_switched_on_again_is_greeted():
    camera = Serial()
    camera.driver.preset_recall(1)
    camera.tick(1)
    camera.acknowledges(1, completes=False)
    camera.says("90 38 ff")
    camera.now += 1
    assert not camera.driver.state()["moving"]
    assert camera.hears("883001ff")


def test_inquiries():
    camera = Serial()
    assert camera.wait(POLL + 20) == ["81090400ff"]
    camera.says("90 50 03 ff")
    assert camera.driver.state()["power"] is False
    assert camera.wait(POLL + 40) == ["81090400ff"]
    camera.says("90 50 02 ff")
    assert camera.driver.state()["power"] is True
    assert camera.wait(POLL + 40) == ["81090612ff"]
    camera.says("90 50 00 05 0a 00 0f 0f 07 00 ff")
    assert camera.wait(POLL + 40) == ["81090447ff"]
    camera.says("90 50 02 00 00 00 ff")
    state = camera.driver.state()
    assert (state["pan"], state["tilt"], state["zoom"]) == (100.0, -10.0, 50.0)
    sends(
        camera,
        lambda: camera.driver.position(None, 20, None),
        "81010602 18 14 00050a00 00010200 ff",
    )
    camera.driver.move(1, 0, 0)
    camera.tick(1)
    camera.acknowledges()
    assert len(camera.wait(300)) == 1  # more often while it moves
    camera.says("90 60 41 ff")
    assert "fault" not in camera.driver.state()


# Over IP


class Net(Serial):
    """A driver on scripted datagrams; messages are heard and said with their headers."""

    def __init__(self, greeted=True, **options):
        self.hardware = Hardware()
        given = options_of(visca_ip, host="192.0.2.7", **options)
        self.driver = visca_ip.create(given, self.hardware)
        self.port = self.hardware.datagrams
        self.now = 1000
        if greeted:
            self.tick()
            assert self.hears("0200 0001 00000000 01")
            assert self.says("0201 0001 00000000 01") == ["010000050000000181010001ff"]
            assert self.says("0111 0003 00000001 9050ff") == [
                "010000090000000281010601010103 03ff".replace(" ", "")
            ]
            assert self.says("0111 0003 00000002 9041ff") == ["01000006000000038101040700ff"]
            assert self.says("0111 0003 00000003 9041ff") == ["01000006000000048101040800ff"]
            assert self.says("0111 0003 00000004 9041ff") == []

    def says(self, text):
        self.port.incoming.append(octets(text))
        return self.tick(1)


def test_ip_is_greeted():
    camera = Net()
    assert camera.hardware.asked == ("192.0.2.7", 52381)
    camera.driver.close()
    assert camera.port.closed


def test_ip_commands_and_inquiries():
    camera = Net()
    camera.driver.move(-100, 0, 0)
    assert camera.tick(1) == ["0100000900000005" + "8101060118010103ff"]
    assert camera.says("0111 0003 00000005 9042ff 00") == []  # a wrong length
    assert camera.driver.sent is not None
    camera.says("0111 0003 00000005 9042ff")
    assert camera.driver.sent is None
    camera.says("0111 0003 00000005 9052ff")
    assert camera.wait(300) == ["0110000500000006" + "81090400ff"]
    camera.says("0111 0004 00000006 905002ff")
    assert camera.driver.state()["power"] is True


def test_ip_a_message_sent_again_keeps_its_number():
    camera = Net()
    camera.driver.power(True)
    assert camera.tick(1) == ["0100000600000005" + "8101040002ff"]
    assert camera.wait(REPLY) == ["0100000600000005" + "8101040002ff"]
    camera.says("0201 0002 00000005 0f01")  # it has come before
    assert camera.driver.sent is None and "fault" not in camera.driver.state()
    camera.driver.power(False)
    assert camera.tick(1) == ["0100000600000006" + "8101040003ff"]


def test_ip_a_number_out_of_order_begins_anew():
    for error in ("0f01", "0f02"):
        camera = Net()
        camera.driver.power(True)
        camera.tick(1)
        assert camera.says("0201 0002 00000005" + error) == ["020000010000000001"]


def test_ip_replies_to_earlier_messages():
    camera = Net()
    camera.driver.preset_recall(1)
    camera.tick(1)
    camera.says("0111 0003 00000005 9041ff")
    camera.driver.power(True)
    camera.tick(1)
    assert camera.says("0111 0003 00000005 9042ff") == []
    assert camera.driver.sent is not None
    camera.says("0111 0003 00000005 9051ff")  # the preset is reached
    assert camera.driver.sent is not None and not camera.driver.state()["moving"]
    camera.says("0111 0003 00000006 9041ff")
    assert camera.driver.sent is None


def test_ip_noise():
    camera = Net()
    camera.driver.power(True)
    camera.tick(1)
    for noise in (
        "",
        "01",
        "0111",
        "0111000300000005",
        "01110001 00000005 ff",
        "01110002 00000005 90ff",
        "01110003 00000005 904100",
        "01110003 00000005 a041ff",
        "01000003 00000005 9041ff",
        "02010001 00000005 01",
        "02010002 00000003 0f01",
        "ffff0003 00000005 9041ff",
        "0111" + "00ff" + "00000005" + "90" * 255,
    ):
        camera.says(noise)
        assert camera.driver.sent is not None, noise
    camera.says("0111 0003 00000005 9041ff")
    assert camera.driver.sent is None


def test_ip_numbers_come_round():
    camera = Net()
    camera.driver._number = 0xFFFFFFFF
    camera.driver.power(True)
    assert camera.tick(1) == ["0100000600000000" + "8101040002ff"]


def test_ip_a_camera_that_is_not_there():
    camera = Net(greeted=False)
    heard = camera.wait(10000)
    assert heard[:3] == ["020000010000000001"] * 3 and 6 <= len(heard) <= 30
    assert camera.driver.state()["fault"].startswith("the camera does not answer")
    assert raises(Refused, camera.driver.power, True)


def test_ip_the_name_of_a_camera_that_fell_silent_is_looked_up_again():
    camera = Net()
    camera.driver.power(True)
    camera.wait(REPLY * TRIES)
    assert not camera.port.closed  # which has it looked up with what is sent next
    greeting = camera.wait(AGAIN)
    assert greeting[-1] == "020000010000000001" and camera.port.closed
    camera.port.closed = False
    assert camera.wait(REPLY) == ["020000010000000001"] and not camera.port.closed


def test_ip_a_camera_that_sends_without_end_lets_the_rest_go_on():
    camera = Net()
    camera.port.incoming = [octets("0111 0003 00000001 9041ff")] * 100
    camera.driver.power(True)
    assert camera.tick(1) == ["0100000600000005" + "8101040002ff"]
    assert len(camera.port.incoming) > 50


def test_ip_no_name_is_looked_up_in_a_timer():
    camera = Net(greeted=False)
    camera.driver.in_timer = True
    camera.tick()
    assert not camera.port.looked_up
    camera.driver.in_timer = False
    camera.tick(AGAIN)
    assert camera.port.looked_up
