"""main.py and signalbox/slots.py on a flash in memory: programs/slots_on_flash.py."""

from pathlib import Path

import pytest
from portable_items import UnixRun

RUN = UnixRun(Path(__file__).parent / "programs" / "slots_on_flash.py")


@pytest.mark.parametrize("name", RUN.tests)
def test_slots(flash_port, name):
    RUN.finish(flash_port)
    failure = RUN.failure(name)
    if failure:
        pytest.fail(failure, pytrace=False)
