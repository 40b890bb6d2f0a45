"""Lets the board be worked at for HOLD_S seconds, and then resets it, unless it is told otherwise.

The application's watchdog can't be stopped, and would end what is going on. Fed without end, it
would leave a board whose cable was pulled at the prompt; so it gets its way in the end.
"""

import machine

try:
    machine.WDT(timeout=HOLD_S * 1000)  # noqa: F821  set in front of this
except AttributeError:
    pass  # the unix port has none
except ValueError:  # longer than the RP2 port's can
    watchdog = machine.WDT(timeout=8388)
    left = [HOLD_S // 2]  # noqa: F821

    def feed(timer):
        left[0] -= 1
        if left[0] > 0:
            watchdog.feed()

    machine.Timer(period=2000, callback=feed)
