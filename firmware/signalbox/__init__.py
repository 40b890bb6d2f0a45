"""Signalbox: WebSocket signalling endpoints for MicroPython boards.

Kept empty of imports, so that a board loads only the parts it uses:
`signalbox.ws` (RFC 6455, sans-IO), `signalbox.net` (asyncio endpoint).
"""
