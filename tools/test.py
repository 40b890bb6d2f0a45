"""Every test that needs only Python: pytest under coverage, then the coverage of the core.

    test.py [pytest's arguments]

With arguments that choose some of the tests, coverage would say nothing, and is left out.
"""

import os
import subprocess
import sys

import env


def main(arguments):
    os.chdir(env.ROOT)
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments]).returncode
    coverage = [sys.executable, "-m", "coverage"]
    status = subprocess.run([*coverage, "run", "-m", "pytest"]).returncode
    if status:
        return status
    print("\nCoverage of the sans-IO core on CPython, lines and branches:", flush=True)
    return subprocess.run([*coverage, "report"]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
