"""Controls of cameras, heads and lights (made by `make packages`)."""

metadata(
    description="Controls of cameras, heads and lights",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
require("signalbox-signalling", library="signalbox")
require("signalbox-signalling-client", library="signalbox")
package(
    "signalbox",
    (
        "checks.py",
        "config.py",
        "device/__init__.py",
        "device/composite.py",
        "device/control.py",
        "device/control_peer.py",
        "device/control_socket.py",
        "device/driver.py",
        "device/encoder.py",
        "device/gpio.py",
        "device/jpeg_blocks.py",
        "device/line_link.py",
        "device/navigation.py",
        "device/pelco_d.py",
        "device/preview.py",
        "device/preview_camera.py",
        "device/preview_files.py",
        "device/preview_pattern.py",
        "device/request.py",
        "device/servos.py",
        "device/simulated.py",
        "device/visca.py",
        "device/visca_ip.py",
        "device/visca_serial.py",
        "json_text.py",
    ),
    base_path="../..",
    opt=3,
)
