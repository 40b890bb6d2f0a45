"""A peer of a WebRTC signalling server (made by `make packages`)."""

metadata(
    description="A peer of a WebRTC signalling server",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
require("signalbox-client", library="signalbox")
package(
    "signalbox",
    (
        "net/outbox.py",
        "net/pace.py",
        "signalling_client.py",
    ),
    base_path="../..",
    opt=3,
)
