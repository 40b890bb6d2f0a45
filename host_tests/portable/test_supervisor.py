# supervisor.py: who is late, and how often a part is started again.

from signalbox.supervisor import PATIENCE, Restarts, Supervisor


def test_nobody_is_late_before_the_first_beat():
    assert Supervisor().late(5) is None


def test_late_is_who_has_not_been_heard_of():
    supervisor = Supervisor()
    supervisor.beat("app", 0)
    supervisor.beat("wifi", 1000)
    assert supervisor.late(PATIENCE - 1) is None
    assert supervisor.late(PATIENCE) == "app"
    supervisor.beat("app", PATIENCE)
    assert supervisor.late(PATIENCE + 1000) == "wifi"
    supervisor.beat("wifi", PATIENCE)
    assert supervisor.late(PATIENCE + 1000) is None


def test_restarts_are_further_and_further_apart_and_then_over():
    restarts = Restarts()
    assert [restarts.crashed(i * 1000) for i in range(6)] == [500, 1000, 2000, 4000, None, None]


def test_crashes_of_long_ago_do_not_count():
    restarts = Restarts()
    for i in range(50):
        assert restarts.crashed(i * 200000) in (500, 1000, 2000)
