# The index's stubs leave it out; tools/lint.py appends this to theirs.
from . import core as core
