# app.py: parts that crash, and what becomes of them.

import asyncio

from app_site import Around, make
from signalbox import app as app_module


async def run(app, until):
    async def stop():
        while not until():
            await asyncio.sleep(0.01)
        app.stop()

    stopping = asyncio.create_task(stop())
    try:
        await app.run()
    finally:
        stopping.cancel()


async def test_a_part_that_crashes_is_started_again():
    around = Around()
    app = make(around=around)
    starts = []

    async def part():
        starts.append(1)
        if len(starts) < 3:
            raise RuntimeError("the first two")
        while True:
            await asyncio.sleep(1)

    app.add("part", part)
    await run(app, lambda: len(starts) == 3)
    assert [told for told in around.told if told[0] == "part"] == [("part", "the first two")] * 2
    assert {"app", "device"} <= around.beats
    assert app.device.driver.told[-2:] == [("stop",), ("close",)]


async def test_a_part_that_crashes_on_and_on_ends_it():
    class Impatient:
        def __init__(self):
            self.left = 3

        def crashed(self, now):
            self.left -= 1
            return 1 if self.left else None

    around = Around()
    before = app_module.Restarts
    app_module.Restarts = Impatient
    try:
        app = make(around=around)

        async def part():
            raise RuntimeError("always")

        app.add("part", part)
        try:
            await run(app, lambda: False)
        except RuntimeError as error:
            assert str(error) == "always"
        else:
            raise AssertionError
    finally:
        app_module.Restarts = before
    assert around.told.count(("part", "always")) == 3
    assert app.device.driver.told[-1] == ("close",)


async def test_a_part_that_ends_by_itself_has_crashed():
    around = Around()
    app = make(around=around)
    starts = []

    async def part():
        starts.append(1)

    app.add("part", part)
    await run(app, lambda: len(starts) == 2)
    assert ("part", "part has ended by itself") in around.told


async def test_a_part_that_there_is_no_memory_to_start_again_ends_it():
    class Full(Around):
        def crashed(self, part, error):
            raise MemoryError

    app = make(around=Full())

    async def part():
        raise RuntimeError("once")

    app.add("part", part)
    try:
        await asyncio.wait_for(app.run(), 5)
    except MemoryError:
        assert app.device.driver.told[-1] == ("close",)
    else:
        raise AssertionError
