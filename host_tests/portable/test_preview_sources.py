"""Where pictures come from: files in a folder, and a camera module as ESP32s have it."""

import io

from signalbox.device import preview_camera, preview_files
from wire import raises

JPEG = b"\xff\xd8 a picture \xff\xd9"


class Folder:
    """In the place of a file system."""

    def __init__(self, **files):
        self.files = {name + ".jpg": octets for name, octets in files.items()}
        self.opened = []
        preview_files.os = self
        preview_files.open = self.open

    def listdir(self, path):
        assert path == "/pictures"
        return list(self.files)

    def open(self, path, mode):
        assert mode == "rb"
        folder, _, name = path.rpartition("/")
        assert folder == "/pictures"
        self.opened.append(name)
        return io.BytesIO(self.files[name])


def files(largest=1024):
    options = {"folder": "/pictures/", "largest": largest}
    return preview_files.create(options, None)


def test_files_in_the_order_of_their_names_again_and_again():
    folder = Folder(b=JPEG + b"b", a=JPEG + b"a", c=JPEG + b"c")
    folder.files["notes.txt"] = b"no picture"
    folder.files["D.JPG"] = JPEG + b"D"
    source = files()
    assert source.size == 1024
    buf = bytearray(source.size)
    shown = [bytes(source.capture(buf, 0))[-1:] for _ in range(6)]
    assert shown == [b"D", b"a", b"b", b"c", b"D", b"a"]


def test_files_may_come_and_go():
    folder = Folder(a=JPEG, b=JPEG)
    source = files()
    buf = bytearray(source.size)
    source.capture(buf, 0)
    del folder.files["b.jpg"]
    folder.files["aa.jpg"] = JPEG + b"new"
    assert bytes(source.capture(buf, 0)) == JPEG + b"new"
    source.capture(buf, 0)
    assert folder.opened == ["a.jpg", "aa.jpg", "a.jpg"]


def test_files_that_can_not_be_shown_and_the_one_behind_is():
    Folder(a=JPEG, b=b"GIF89a", c=b"", d=JPEG + bytes(1024), e=JPEG)
    source = files()
    buf = bytearray(source.size)

    def error():
        try:
            source.capture(buf, 0)
        except ValueError as error:
            return str(error)
        return None

    said = [error() for _ in range(5)]
    assert said == [
        None,
        "b.jpg is no JPEG",
        "c.jpg is no JPEG",
        "d.jpg has more than 1024 octets",
        None,
    ]


def test_a_file_as_large_as_the_buffer():
    Folder(a=JPEG + bytes(1024 - len(JPEG)))
    source = files()
    assert len(source.capture(bytearray(source.size), 0)) == 1024


def test_a_folder_without_pictures():
    Folder()
    raises(ValueError, files().capture, bytearray(1024), 0)


class Names:
    """Every attribute is its own name."""

    def __init__(self, kind):
        self._kind = kind

    def __getattr__(self, name):
        return self._kind + "." + name


class CameraModule:
    """What a MicroPython with micropython-camera-API has as `camera`."""

    FrameSize = Names("FrameSize")
    PixelFormat = Names("PixelFormat")
    GrabMode = Names("GrabMode")

    def __init__(self):
        self.made = []
        self.picture = JPEG
        self.on = 0

    def Camera(self, **arguments):
        self.made.append(arguments)
        self.on += 1
        return self

    def capture(self):
        return self.picture

    def deinit(self):
        self.on -= 1


def test_camera_is_on_while_somebody_watches():
    module = CameraModule()
    source = preview_camera.Camera(module, "VGA", 70)
    assert source.size == 0 and module.on == 0
    assert source.capture(bytearray(0), 0) == JPEG
    assert source.capture(bytearray(0), 100) == JPEG
    assert module.made == [
        {
            "frame_size": "FrameSize.VGA",
            "pixel_format": "PixelFormat.JPEG",
            "jpeg_quality": 70,
            "fb_count": 2,
            "grab_mode": "GrabMode.LATEST",
        }
    ]
    source.close()
    source.close()
    assert module.on == 0
    source.capture(bytearray(0), 200)
    assert module.on == 1 and len(module.made) == 2


def test_camera_a_picture_stays_as_it_is_while_the_next_one_is_taken():
    # The module lends the driver's buffer, and the driver has it back with the next capture().
    module = CameraModule()
    lent = bytearray(JPEG)
    module.picture = memoryview(lent)
    source = preview_camera.Camera(module, "VGA", 70)
    picture = source.capture(bytearray(0), 0)
    lent[2:] = bytes(len(lent) - 2)
    source.capture(bytearray(0), 100)
    assert picture == JPEG


def test_camera_without_a_picture():
    module = CameraModule()
    module.picture = None
    raises(OSError, preview_camera.Camera(module, "VGA", 70).capture, bytearray(0), 0)


def test_no_camera_module():
    try:
        preview_camera.create({"frame_size": "VGA", "quality": 80}, None)
    except ValueError as error:
        assert "no `camera` module" in str(error)
    else:
        raise AssertionError("there is none here")
