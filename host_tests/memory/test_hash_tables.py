"""No hash table of the hot path is full.

A method is looked up in the object's table first, then in its class's, then in the base class's.
MicroPython knows that a name isn't there when it comes upon a free place: in a full table it looks
at every entry, which once made each frame a quarter slower. Another entry, or one less, helps.
"""

from pathlib import Path

PROGRAM = Path(__file__).parent / "programs" / "tables.py"
# hash_allocation_sizes of MicroPython's py/map.c: tables grow from one to the next.
SIZES = (2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223)


def test_no_table_is_full(micropython):
    status, output = micropython.run(PROGRAM, timeout_s=10)
    assert status == 0, output
    entries = dict(line.rsplit(" ", 1) for line in output.splitlines())
    assert len(entries) == 13, output
    full = {name: int(count) for name, count in entries.items() if int(count) in SIZES}
    assert not full
