"""WebSocket signalling endpoints for boards (made by `make packages`)."""

metadata(
    description="WebSocket signalling endpoints for boards",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
require("signalbox-client", library="signalbox")
require("signalbox-server", library="signalbox")
require("signalbox-tls", library="signalbox")
require("signalbox-signalling", library="signalbox")
require("signalbox-signalling-client", library="signalbox")
require("signalbox-signalling-server", library="signalbox")
require("signalbox-device", library="signalbox")
package(
    "signalbox",
    (
        "app.py",
        "app_device.py",
        "crash.py",
        "guests.py",
        "hardware.py",
        "net/clock.py",
        "net/udp.py",
        "net/wifi.py",
        "preview_server.py",
        "safe_mode.py",
        "slots.py",
        "start.py",
        "station.py",
        "status_led.py",
        "supervisor.py",
        "watchdog.py",
        "web.py",
        "web_server.py",
    ),
    base_path="../..",
    opt=3,
)
