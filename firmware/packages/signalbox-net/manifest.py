"""What WebSocket client and server share (made by `make packages`)."""

metadata(
    description="What WebSocket client and server share",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
package(
    "signalbox",
    (
        "net/__init__.py",
        "net/endpoint.py",
        "net/parts.py",
        "net/shared_heap.py",
        "net/transport.py",
    ),
    base_path="../..",
    opt=3,
)
