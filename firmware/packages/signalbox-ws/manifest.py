"""RFC 6455 without I/O (made by `make packages`)."""

metadata(
    description="RFC 6455 without I/O",
    version="0.1.0",
)

package(
    "signalbox",
    (
        "__init__.py",
        "compat.py",
        "ws/__init__.py",
        "ws/buffers.py",
        "ws/close.py",
        "ws/connection.py",
        "ws/frame.py",
        "ws/handshake.py",
        "ws/handshake_client.py",
        "ws/handshake_server.py",
        "ws/http.py",
        "ws/mask.py",
        "ws/mask_native.py",
        "ws/mask_portable.py",
        "ws/masking_keys.py",
        "ws/message.py",
        "ws/output.py",
        "ws/source.py",
        "ws/utf8.py",
        "ws/utf8_native.py",
        "ws/utf8_portable.py",
    ),
    base_path="../..",
    opt=3,
)
