"""The device that the board is wired to: its control, and one driver in a file for each kind."""
