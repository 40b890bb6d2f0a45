"""What a board does without a configuration: it says so, and waits for somebody at its serial line.

No network is joined and no watchdog armed: nothing is known of what they should be, and whoever
comes to mend the file must not be thrown out.
"""

import sys
import time

EVERY_S = 10
ROUNDS = 6


def run(path, errors, until, rounds=0):
    """Say what is wrong with the file at `path`, every EVERY_S seconds, until Ctrl-C
    (KeyboardInterrupt), or until(s) is true, which waits for up to `s` seconds. `errors`: lines.

    `rounds`: after so many of them give up: the version before this one may take the file.
    Returns the exit status: 1 when it has given up.
    """
    while True:
        print("SAFE MODE: no network, no device. The configuration can't be used:")
        for line in errors:
            print("  %s: %s" % (path, line))
        print("Next: mend it, and start again. For a board, on the computer it is connected to:")
        print("  make provision")
        print("or, with a file of your own: mpremote cp config.json :%s + reset" % path)
        print("What may be in it: firmware/CONFIG.md. Ctrl-C ends this.")
        if rounds:
            print("If nobody comes, the version before this one is tried again.")
        if until(EVERY_S):
            return 0
        rounds -= 1
        if rounds == 0:
            return 1


def wait(seconds):
    """An `until` that never is."""
    time.sleep(seconds)
    return False


def wait_for_eof(seconds):
    """An `until` that is at the end of standard input."""
    import select

    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    return bool(poll.poll(seconds * 1000)) and not sys.stdin.read(1)
