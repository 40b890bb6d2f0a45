"""wss:// for client and server (made by `make packages`)."""

metadata(
    description="wss:// for client and server",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
require("ssl")
package(
    "signalbox",
    ("net/tls.py",),
    base_path="../..",
    opt=3,
)
