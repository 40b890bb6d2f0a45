"""No hash table of the hot path is full, and the names of a server fit where they are.

A method is looked up in the object's table first, then in its class's, then in the base class's.
MicroPython knows that a name isn't there when it comes upon a free place: in a full table it looks
at every entry, which once made each frame a quarter slower. Another entry, or one less, helps.
"""

import re
import sys
from pathlib import Path

import mpy
import pytest

sys.path.append(str(Path(__file__).parent))

import heap64

PROGRAM = Path(__file__).parent / "programs" / "tables.py"
# hash_allocation_sizes of MicroPython's py/map.c: tables grow from one to the next.
SIZES = (2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223)


@pytest.fixture
def deployed(tmp_path, micropython):
    """The unix port with what a board gets, and PROGRAM as a module."""
    mpy.deployed(heap64.host_arch(micropython), tmp_path, (PROGRAM,))
    with heap64.search_path(micropython, tmp_path):
        yield micropython


def test_no_table_is_full(micropython):
    check(*micropython.run(PROGRAM, timeout_s=10))


def test_no_table_is_full_on_a_board(deployed):
    # There a class has no __module__ and no __qualname__.
    check(*deployed.run("-m", PROGRAM.stem, timeout_s=10))


def check(status, output):
    assert status == 0, output
    entries = dict(line.rsplit(" ", 1) for line in output.splitlines())
    assert len(entries) == 13, output
    full = {name: int(count) for name, count in entries.items() if int(count) in SIZES}
    assert not full


def test_the_names_of_a_server_need_no_larger_table(deployed):
    """Each pool of names is twice as large as the one before: a sixth would take 7 KB at once."""
    program = "import micropython, signalbox.core, signalbox.server; micropython.qstr_info()"
    _, output = deployed.run("-c", program, timeout_s=10)
    pools = int(re.search(r"n_pool=(\d+)", output).group(1))
    assert pools == 5
