"""A WebRTC signalling server (made by `make packages`)."""

metadata(
    description="A WebRTC signalling server",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
require("signalbox-server", library="signalbox")
require("signalbox-signalling", library="signalbox")
require("signalbox-signalling-client", library="signalbox")
package(
    "signalbox",
    (
        "outcomes.py",
        "signalling/broker.py",
        "signalling/control_links.py",
        "signalling_local.py",
        "signalling_server.py",
    ),
    base_path="../..",
    opt=3,
)
