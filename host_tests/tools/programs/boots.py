"""A board that boots main.py from a flash, in this process.

Its machine.reset() is an exception; the modules of a start are forgotten before the next one.
"""

import os
import sys

FIRMWARE = __file__.rsplit("/", 4)[0] + "/firmware"
with open(FIRMWARE + "/main.py") as source:  # before a flash is the root
    MAIN = source.read()


class Reset(BaseException):
    """machine.reset()."""


class Machine:
    def reset(self):
        raise Reset


class Time:
    def sleep(self, seconds):
        pass


def boot(flash, time=None, from_flash=False):
    """Mount the flash and run main.py, the source's or the flash's own.

    Returns how that ended: None, or the exception; what is neither Reset nor SystemExit is raised.
    """
    path = list(sys.path)
    sys.path[:] = ["", ".frozen", "/lib"]  # as the ports have it
    modules = set(sys.modules)
    sys.modules["machine"] = Machine()
    sys.modules["time"] = time or Time()
    try:
        flash.mount()
        os.chdir("/")
        main = MAIN
        if from_flash:
            with open("/main.py") as file:
                main = file.read()
        exec(main, {"__name__": "__main__"})
        return None
    except (Reset, SystemExit) as end:
        return end
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            del sys.modules[name]
