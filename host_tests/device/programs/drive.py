"""A driver behind Control, on MicroPython: `drive.py DRIVER OPTIONS STEPS`.

OPTIONS: the driver's, as JSON. STEPS: a file with a list of [ms, verb, structure], as JSON. Each is
sent when the one before is `ms` old, and again every 200 ms until the next: that is how an operator
holds a stick. A verb of null sends nothing. Prints `reply <step> <error>` for the first of each,
and `state <step> <JSON>` when it is over.
"""

import json
import sys
import time

from signalbox import hardware_host
from signalbox.device.control import Control, Controller

TICK = 10  # ms
HELD = 200  # ms


def main(name, options, steps):
    __import__("signalbox.device." + name)
    module = sys.modules["signalbox.device." + name]
    given = {}
    for key, default, _ in module.options():
        given[key] = options.get(key, default)
    control = Control(module.create(given, hardware_host))
    controller = Controller()
    for number, (ms, verb, structure) in enumerate(steps):
        start = time.ticks_ms()
        sent = None
        while time.ticks_diff(time.ticks_ms(), start) < ms:
            now = time.ticks_ms()
            control.tick(now)
            if verb and (sent is None or time.ticks_diff(now, sent) >= HELD):
                error = ask(control, controller, verb, structure, now)
                if sent is None:
                    print("reply", number, error)
                sent = now
            time.sleep_ms(TICK)
        print("state", number, control.state(controller))


def ask(control, controller, verb, structure, now):
    request = {"type": "customUpstreamEvent", "structureName": verb, "structure": structure}
    text = json.dumps({"id": 1, "request": request})
    return json.loads(control.receive(controller, bytearray(text.encode()), now))["error"]


with open(sys.argv[3]) as file:
    steps = json.load(file)
main(sys.argv[1], json.loads(sys.argv[2]), steps)
