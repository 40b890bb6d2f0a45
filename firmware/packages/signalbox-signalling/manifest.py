"""WebRTC signalling without I/O: a peer (made by `make packages`)."""

metadata(
    description="WebRTC signalling without I/O: a peer",
    version="0.1.0",
)

require("signalbox-ws", library="signalbox")
package(
    "signalbox",
    (
        "signalling/__init__.py",
        "signalling/peer.py",
        "signalling/schema.py",
        "signalling/strict_json.py",
    ),
    base_path="../..",
    opt=3,
)
