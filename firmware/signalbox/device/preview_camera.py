"""Pictures of a camera on the board: an ESP32 whose MicroPython has a `camera` module.

That of micropython-camera-API (https://github.com/cnadler86/micropython-camera-API), which is built
into MicroPython together with Espressif's driver; its builds know the pins of their boards.
"""

from .preview import Source


def options():
    """A row for each key, as config.py has them."""
    from ..checks import choice, integer, number

    return (
        # Name of a size that the sensor has.
        ("frame_size", "QVGA", choice("QQVGA", "QVGA", "CIF", "HVGA", "VGA", "SVGA", "HD")),
        ("quality", 80, integer(1, 100)),  # per cent; less makes smaller pictures
        ("fps", 5, number(0.1, 15)),  # pictures in a second at most
        ("viewers", 2, integer(1, 8)),  # who may watch at the same time
    )


def create(options, driver):
    """The Source. ValueError when this MicroPython has no `camera`."""
    try:
        module = __import__("camera")
    except ImportError:
        raise ValueError(
            "preview.source: this MicroPython has no `camera` module; flash one that has it, "
            'or choose "files" or "pattern"'
        )
    return Camera(module, options["frame_size"], options["quality"])


class Camera(Source):
    """The driver has memory of its own for two pictures, in PSRAM."""

    def __init__(self, module, frame_size, quality):
        self._module = module
        self._frame_size = frame_size
        self._quality = quality
        self._camera = None

    def capture(self, buf, now):
        """The picture; see Source."""
        if self._camera is None:
            self._open()
        picture = self._camera.capture()
        if not picture:
            raise OSError("the camera has no picture")
        return bytes(picture)  # the driver writes another one into its buffer while this is sent

    def close(self):
        """See Source: the sensor is switched off."""
        if self._camera is not None:
            self._camera.deinit()
            self._camera = None

    def _open(self):
        module = self._module
        self._camera = module.Camera(
            frame_size=getattr(module.FrameSize, self._frame_size),
            pixel_format=module.PixelFormat.JPEG,
            jpeg_quality=self._quality,
            fb_count=2,
            grab_mode=module.GrabMode.LATEST,
        )
