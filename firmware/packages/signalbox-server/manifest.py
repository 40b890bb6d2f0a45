"""WebSocket server for asyncio (made by `make packages`)."""

metadata(
    description="WebSocket server for asyncio",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
package(
    "signalbox",
    (
        "net/access.py",
        "net/listener.py",
        "net/respond.py",
        "net/server.py",
    ),
    base_path="../..",
    opt=3,
)
