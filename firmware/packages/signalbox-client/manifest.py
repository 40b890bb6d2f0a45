"""WebSocket client for asyncio (made by `make packages`)."""

metadata(
    description="WebSocket client for asyncio",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
require("signalbox-net", library="signalbox")
package(
    "signalbox",
    (
        "net/client.py",
        "net/dialer.py",
        "net/reconnect.py",
    ),
    base_path="../..",
    opt=3,
)
