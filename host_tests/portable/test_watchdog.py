# watchdog.py with a module `machine` that only notes what it is told.

import sys

from signalbox.compat import ticks_ms
from signalbox.supervisor import PATIENCE, Supervisor


class Machine:
    """As the ports have it. `fed`: how often. `mem32`: what was written, by address."""

    def __init__(self):
        self.timeouts = []
        self.fed = 0
        self.timer = None
        self.mem32 = {}
        machine = self

        class WDT:
            def __init__(self, timeout):
                machine.timeouts.append(timeout)

            def feed(self):
                machine.fed += 1

        class Timer:
            PERIODIC = 1

            def __init__(self, number, period, mode, callback):
                assert (number, mode) == (-1, self.PERIODIC)  # a software timer
                machine.timer = self
                self.period = period
                self.callback = callback

            def deinit(self):
                machine.timer = None

        self.WDT = WDT
        self.Timer = Timer


def watchdog(platform, supervisor, rescue=None):
    """(a Watchdog, its Machine)."""
    machine = Machine()
    before = sys.modules.get("machine")
    sys.modules["machine"] = machine
    sys.modules.pop("signalbox.watchdog", None)
    try:
        from signalbox.watchdog import Watchdog
    finally:
        del sys.modules["machine"]
        if before:
            sys.modules["machine"] = before
    return Watchdog(supervisor, rescue or (lambda now: None), platform), machine


def test_the_loop_feeds_it_while_nobody_is_late():
    supervisor = Supervisor()
    dog, machine = watchdog("esp32", supervisor)
    assert machine.timeouts == [PATIENCE] and machine.timer is None
    supervisor.beat("app", 0)
    dog.tick(100)
    dog.tick(PATIENCE - 1)
    assert machine.fed == 2
    dog.tick(PATIENCE)
    assert machine.fed == 2
    dog.disarm()
    assert machine.timeouts[1] >= 3600000


def test_a_timer_feeds_an_rp2_and_rescues_the_device():
    supervisor = Supervisor()
    rescued = []
    dog, machine = watchdog("rp2", supervisor, rescued.append)
    # That of the chip ends at 8388 ms; several of the timer's periods must fit in.
    assert machine.timeouts[0] <= 8388 and machine.timer.period * 10 <= machine.timeouts[0]
    supervisor.beat("app", ticks_ms())
    machine.timer.callback(machine.timer)
    assert machine.fed == 1 and len(rescued) == 1
    dog.tick(ticks_ms())
    assert machine.fed == 1
    supervisor.beat("app", ticks_ms() - PATIENCE)
    machine.timer.callback(machine.timer)
    assert machine.fed == 1 and len(rescued) == 2


def test_an_rp2_is_disarmed_in_its_register():
    dog, machine = watchdog("rp2", Supervisor())
    dog.disarm()
    assert machine.timer is None
    # Bit 30 is ENABLE; 0x3000 further on, writing it clears it (RP2040 data sheet, 2.1.2, 4.7.6).
    assert machine.mem32 == {0x40058000 + 0x3000: 1 << 30}
