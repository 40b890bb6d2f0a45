# guests.py: places that several routes share, none of which can take all of them.

import asyncio

from signalbox.guests import Guests


class Route:
    full = False

    async def serve(self, ws):
        await ws.wait()


async def test_places():
    guests = Guests(3)
    control = guests.route(Route(), 3)
    preview = guests.route(Route(), 2)
    ends = []
    tasks = []

    async def come(route):
        ends.append(asyncio.Event())
        tasks.append(asyncio.create_task(route.serve(ends[-1])))
        await asyncio.sleep(0)

    async def go(i):
        ends[i].set()
        await tasks[i]

    await come(preview)
    assert not preview.full and not control.full
    await come(preview)
    assert preview.full and not control.full
    await come(control)
    assert preview.full and control.full
    await go(0)
    assert not preview.full and not control.full
    await come(control)
    assert preview.full and control.full
    for i in range(1, 4):
        await go(i)
    assert not preview.full and not control.full


async def test_a_route_may_be_full_by_itself():
    inner = Route()
    route = Guests(3).route(inner, 3)
    inner.full = True
    assert route.full
