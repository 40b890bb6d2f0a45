"""A message that is sent in parts, of which others must wait for the end.

A part of the endpoint, loaded with the first such message.
"""

from ..compat import const
from ..ws.connection import encode

_INTERNAL_ERROR = const(1011)  # close.INTERNAL_ERROR

# What WebSocket._sending says.
_ITS_TURN = const(1)  # one has it
_OPEN = const(2)  # and not all of its fragments are accepted


async def send_parts(ws, message, text):
    """As WebSocket.send() of anything but text and octets."""
    while ws._sending:
        ws._changed.clear()
        await ws._changed.wait()
    ws._sending = _ITS_TURN
    try:
        if hasattr(message, "readinto"):
            while not ws.connection.send_source(message, text):
                await ws._room()
        elif hasattr(message, "__aiter__"):
            part = None
            async for following in message:
                await _fragment(ws, part, False, text)
                part = following
            await _fragment(ws, part, True, text)
        else:
            part = None
            for following in message:
                await _fragment(ws, part, False, text)
                part = following
            await _fragment(ws, part, True, text)
        await ws._sent_whole()
    except BaseException:
        if ws._sending == _OPEN:
            # It can't be finished, and no other message may come inside it (5.4).
            ws.connection.close(_INTERNAL_ERROR)
            ws._closing()
        raise
    finally:
        ws._sending = 0
        ws._changed.set()


async def _fragment(ws, part, final, text):
    # One behind the iteration, as the last fragment must be known.
    if part is None:
        if not final:
            return
        part = b""
    if isinstance(part, str):
        text = True
        part = encode(part)
    while not ws.connection.send_fragment(part, final, text):
        await ws._room()
    ws._sending = _ITS_TURN if final else _OPEN
    await ws._sent_whole()
