# safe_mode.py: what it says, how often, and when it gives up.

from signalbox import safe_mode


def run(waits, rounds=0):
    """(status, lines). `waits`: what until() returns each time."""
    lines = []
    waited = []

    def until(seconds):
        waited.append(seconds)
        return waits.pop(0)

    safe_mode.print = lines.append
    try:
        status = safe_mode.run(
            "/config.json", ["mode: is missing", "wifi: is missing"], until, rounds
        )
    finally:
        del safe_mode.print
    assert waited == [safe_mode.EVERY_S] * len(waited) and not waits
    return status, lines


def test_it_says_what_is_wrong_and_what_to_do():
    status, lines = run([True])
    assert status == 0
    assert lines[0].startswith("SAFE MODE: ")
    assert lines[1:3] == ["  /config.json: mode: is missing", "  /config.json: wifi: is missing"]
    said = "\n".join(lines)
    for words in ("make provision", "mpremote cp config.json :/config.json", "CONFIG.md", "Ctrl-C"):
        assert words in said
    assert "version before" not in said


def test_it_says_so_again_and_again():
    status, lines = run([False] * 100 + [True])
    assert status == 0
    assert len([line for line in lines if line.startswith("SAFE MODE")]) == 101


def test_a_version_on_trial_gives_up():
    status, lines = run([False] * 6, 6)
    assert status == 1
    assert "version before" in "\n".join(lines)
    assert run([False, True], 6)[0] == 0
