"""The asyncio side: sockets, TLS, tasks and the clock around the sans-IO core in `signalbox.ws`."""
