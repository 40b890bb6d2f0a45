"""What `make image` makes, booted as it is: MicroPython and our file system out of one .uf2."""

import asyncio

import cli
from emulator import Board

BOOT_TIMEOUT_S = 600


def test_an_image_boots_into_the_application(uf2, tmp_path, figure):
    image = tmp_path / "image.uf2"
    command = ["image", "--board", "RPI_PICO_W", "--firmware", uf2, "--output", image]
    assert cli.main([str(part) for part in command]) == 0

    async def boot():
        async with Board(image, b"") as board:
            printed = await board.wait_for_output("on trial\n", BOOT_TIMEOUT_S)
            figure(
                f"from power to main.py with an image: {board.clock_s:.2f} s of the board's time"
            )
            return printed

    # A file system that MicroPython had not mounted would have been formatted, and have no main.py.
    printed = asyncio.run(boot())
    assert "slots: a, version " in printed
    assert "start 1 of 3 on trial" in printed
