# net/clock.py with a time server that does what a script says.

import asyncio
import time

from signalbox.net.clock import Clock
from signalbox.net.reconnect import Backoff

# A board without an answer may have any time.
NOW = int(time.mktime((2026, 12, 24, 18, 0, 0, 3, 358, 0)))


class Ntptime:
    """micropython-lib's module. `answers`: seconds of this interpreter's epoch, or exceptions."""

    host = None

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0
        self.set = 0

    def time(self):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def settime(self):
        self.set += 1


async def run(ntptime, until):
    told = []
    clock = Clock("ntp.example.org", lambda: told.append(1), ntptime, Backoff(1, 5))
    task = asyncio.create_task(clock.run())
    for _ in range(2000):
        if until(clock):
            break
        await asyncio.sleep(0.002)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    return clock, told


async def test_it_asks_until_there_is_an_answer():
    ntptime = Ntptime(OSError(110), OSError(-2), OverflowError(), NOW)
    clock, told = await run(ntptime, lambda clock: clock.right)
    assert ntptime.host == "ntp.example.org"
    assert (ntptime.asked, ntptime.set, told, clock.right) == (4, 1, [1], True)


async def test_an_answer_that_can_not_be_is_not_taken():
    long_ago = NOW - 86400 * 365 * 20
    ntptime = Ntptime(0, long_ago)
    clock, told = await run(ntptime, lambda clock: ntptime.asked >= 5)
    assert (ntptime.set, told, clock.right) == (0, [], False)
