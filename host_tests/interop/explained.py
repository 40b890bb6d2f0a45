"""What peers do that they should not, or that must be known to understand a cell: checked.

An entry covers cells, and says in each of them what the trait (verdict.py) means and what ours
made of it. A trait that no entry covers fails its cell. An entry whose trait does not occur in a
cell that it covers fails the run, too, unless it is `sometimes`: a race inside the peer.
"""

from dataclasses import dataclass
from fnmatch import fnmatch

EVERY = ("*",)


@dataclass(frozen=True)
class Explained:
    """`role` is ours. Names of peers, scenarios and schemes may have a * in them."""

    peers: tuple
    trait: str
    text: str
    scenarios: tuple = EVERY
    roles: tuple = EVERY
    schemes: tuple = EVERY
    sometimes: bool = False

    def covers(self, cell):
        return (
            _any(cell.peer.name, self.peers)
            and _any(cell.scenario, self.scenarios)
            and _any(cell.role, self.roles)
            and _any(cell.scheme, self.schemes)
        )


def _any(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


EXPLAINED = ()
