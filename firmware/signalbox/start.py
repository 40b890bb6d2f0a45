"""From the start to the end. On the unix port: `micropython main.py [CONFIG [--until-eof]]`.

Ctrl-C closes every peer and ends it. With --until-eof the end of standard input does so, too, and
is the safer way for another program: an interrupt breaks whatever task happens to run.
"""

import asyncio
import gc
import sys

# Before anything large is imported: what importing leaves behind is collected while it is small, so
# that the modules lie close together, and large messages find room beside them.
gc.threshold(8192)


CONFIG = "/config.json"
CRASH = "crash.txt"  # beside the configuration


def main(arguments):
    """Do what the configuration says until told to stop. Returns the exit status: 1 when only a
    new start can help.
    """
    paths = [argument for argument in arguments if argument[:2] != "--"]
    path = paths[0] if paths else CONFIG
    until_eof = "--until-eof" in arguments
    from .crash import CrashReport

    crash = CrashReport(path[: path.rfind("/") + 1] + CRASH)
    if crash.last:
        print("The last crash, from %s:" % CRASH)
        print(crash.last)
    try:
        station = _prepare(path, crash)
    except KeyboardInterrupt:
        return 0
    if isinstance(station, list):
        return _safe_mode(path, station, until_eof)
    return _run(station, until_eof)


def _prepare(path, crash):
    # Returns the Station, or what is wrong with the configuration: a list of str.
    from . import config

    try:
        settings = config.load(path)
    except OSError as error:
        return ["it can't be read: %s" % error]
    except config.ConfigError as error:
        return error.errors
    del config
    _drop("config", "json_text", "checks")
    from .station import Station

    try:
        return Station(settings, crash)
    except (ValueError, OSError, TypeError, AttributeError, RuntimeError) as error:
        # A pin that the board hasn't, a certificate that is none, a computer's serial port, a
        # driver that is none …
        from .compat import print_exception

        print_exception(error)
        return ["what it names can't be used: %s" % error]


def _drop(*names):
    # Nobody needs them any more, and they are large. What was left on the stack may look like a
    # reference to a function of theirs: without its globals it keeps little.
    package = sys.modules["signalbox"]
    for name in names:
        module = sys.modules.pop("signalbox." + name, None)
        if module:
            for each in list(module.__dict__):
                delattr(module, each)
        if hasattr(package, name):
            delattr(package, name)
    gc.collect()


def _safe_mode(path, errors, until_eof):
    from . import safe_mode, slots

    until = safe_mode.wait_for_eof if until_eof else safe_mode.wait
    # A version on trial, whose fault it may be, has a minute. It is no boot loop: the third such
    # start brings back the version before it.
    rounds = safe_mode.ROUNDS if slots.can_go_back() else 0
    try:
        return safe_mode.run(path, errors, until, rounds)
    except KeyboardInterrupt:
        return 0


def _run(station, until_eof):
    loop = asyncio.get_event_loop()
    running = loop.create_task(run(station, until_eof))
    try:
        try:
            loop.run_until_complete(running)
        except KeyboardInterrupt:
            # Somebody is at the serial line, and must not be thrown out by the watchdog.
            station.disarm()
            station.stop()
            loop.run_until_complete(running)
    except Exception as error:
        if station.app.deaf:
            print("can't listen on %s:%d: %s" % (station.app.address + (error,)))
        else:
            print("it crashed too often, and starts anew: %r" % error)
        return 1
    return 0


async def run(app, until_eof=False):
    """Run an app.App, or a Station, until it ends, or standard input does."""
    watching = asyncio.create_task(_stop_at_eof(app)) if until_eof else None
    await app.run()
    if watching:
        watching.cancel()


async def _stop_at_eof(app):
    stdin = asyncio.StreamReader(sys.stdin)
    while await stdin.read(1):
        pass
    app.stop()
