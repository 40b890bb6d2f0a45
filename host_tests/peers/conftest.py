"""The peer programs are built and run by `make interop`; `make test` leaves them out."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # table.py and build.py


def pytest_ignore_collect(config):
    return True if config.args_source is config.ArgsSource.TESTPATHS else None


def pytest_generate_tests(metafunc):
    """Every peer: in each of its roles or as a client, over TCP and TLS or over TLS."""
    import table

    fixtures = set(metafunc.fixturenames)
    cases = [
        (peer, role, scheme)
        for peer in table.peers()
        for role in (peer.roles if "role" in fixtures else ["client"])
        for scheme in (peer.schemes if "scheme" in fixtures else ["wss"])
        if role in peer.roles and scheme in peer.schemes
    ]
    wanted = [i for i, name in enumerate(("peer", "role", "scheme")) if name in fixtures]
    metafunc.parametrize(
        [("peer", "role", "scheme")[i] for i in wanted],
        [[case[i] for i in wanted] for case in cases],
        ids=["-".join((peer.name, role, scheme)) for peer, role, scheme in cases],
    )
