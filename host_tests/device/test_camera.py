"""The model of a camera, proved by controllers that others have written: visca_over_ip, pyvisca."""

import pytest
from pyvisca.visca import PTZ
from visca_camera import SerialCamera, UDPCamera
from visca_over_ip import Camera as Controller
from visca_over_ip.exceptions import ViscaException


@pytest.fixture
def camera():
    # The controller binds the same port of all addresses; this one is the model's.
    with UDPCamera("127.0.0.77") as camera:
        yield camera


@pytest.fixture
def controller(camera):
    controller = Controller("127.0.0.77", camera.port)
    yield controller
    controller.close_connection()


def test_visca_over_ip_drives_it(camera, controller):
    assert camera.resets == 1
    controller.pantilt(-12, 0)
    assert camera.camera.pan_tilt == (1, 3) and camera.camera.speeds == (12, 0)
    controller.pantilt(0, 5)
    assert camera.camera.pan_tilt == (3, 2)
    controller.pantilt(0, 0)
    assert not camera.camera.moves
    controller.zoom(7)
    assert camera.camera.zooming == 8
    controller.zoom(0)
    controller.manual_focus(3)
    assert camera.camera.focusing == -4


def test_visca_over_ip_takes_it_to_places(camera, controller):
    controller.pantilt(10, 10, 1440, -144)
    camera.wait_for(lambda c: (c.pan, c.tilt) == (1440, -144), "it arrives")
    assert controller.get_pantilt_position() == (1440, -144)
    controller.zoom_to(0.5)
    camera.wait_for(lambda c: c.zoom == 8192, "it zooms")
    assert controller.get_zoom_position() == 8192
    controller.save_preset(3)
    controller.pantilt_home()
    camera.wait_for(lambda c: c.pan == 0, "it is at home")
    controller.recall_preset(3)
    camera.wait_for(lambda c: c.pan == 1440, "it is at the preset")


def test_visca_over_ip_asks_and_is_refused(camera, controller):
    assert controller.get_focus_mode() == "auto"
    controller.set_focus_mode("manual")
    assert controller.get_focus_mode() == "manual"
    controller.set_power(False)
    assert not camera.camera.power
    with pytest.raises(ViscaException) as refused:
        controller.zoom(1)
    assert refused.value.status_code == 0x41
    controller.set_power(True)
    with pytest.raises(ViscaException) as refused:
        controller.increase_iris()  # it knows of none
    assert refused.value.status_code == 2


def test_visca_over_ip_loses_what_comes_and_what_goes(camera, controller):
    lost = []

    def lose(octets):
        lost.append(octets)
        return len(lost) in (1, 3)

    camera.lose = lose
    camera.camera.zoom = 77
    assert controller.get_zoom_position() == 77
    assert controller.num_missed_responses >= 2 and len(lost) >= 5


def test_pyvisca_over_a_pty():
    with SerialCamera() as camera:
        controller = PTZ(camera.path)
        try:
            assert controller.get_power() == 1
            controller.left(10)
            camera.wait_for(lambda c: c.pan_tilt == (1, 3), "it pans left")
            controller.right(10)
            camera.wait_for(lambda c: c.pan_tilt == (2, 3), "it pans right")
            controller.up(7)
            camera.wait_for(lambda c: c.pan_tilt == (3, 1), "it tilts up")
            controller.stop()
            camera.wait_for(lambda c: not c.moves, "it stops")
            camera.camera.pan, camera.camera.tilt, camera.camera.zoom = 0x123, 0x45, 0x2000
            assert controller.get_pan() == 0x123
            assert controller.get_tilt() == 0x45
            assert controller.get_zoom() == 0x2000
            controller.home()
            camera.wait_for(lambda c: c.pan == 0, "it is at home")
        finally:
            controller.close()
