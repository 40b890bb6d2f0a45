"""board-test, with the real mpremote, on a board that is the unix port on a terminal."""

import cli
import portable_tests
import pytest
import unfit
from applications import files, installed_flash


def board_test(board, *modules):
    return cli.main(["board-test", "--board", "UNIX", "--port", board.port, *modules])


@pytest.fixture
def own_tests(monkeypatch, tmp_path):
    """A function: {name: source} are the portable test modules, with the real runner.py."""

    def install(sources):
        directory = tmp_path / "portable"
        directory.mkdir()
        runner = (portable_tests.PORTABLE / "runner.py").read_text()
        for name, source in {**sources, "runner": runner}.items():
            (directory / f"{name}.py").write_text(source)
        monkeypatch.setattr(portable_tests, "PORTABLE", directory)

    return install


def test_real_modules_and_the_application_runs_again(new_board, capsys):
    with new_board(installed_flash(files("one"))) as board:
        board.wait_for("the application one runs")
        before = len(board.output)
        flash = board.flash.read_bytes()
        assert board_test(board, "test_buffers", "test_mask_native", "test_utf8") == 0
        board.wait_for("the application one runs", before)
        assert board.flash.read_bytes() == flash
    said = capsys.readouterr().out
    tests = sum(len(portable_tests.tests_of(name)) for name in ("test_buffers", "test_mask_native"))
    fit = len(portable_tests.tests_of("test_utf8")) - 2
    assert f"{tests + fit} passed, 0 failed, 2 left out" in said


def test_failures_are_shown_and_are_a_failure(new_board, own_tests, capsys):
    own_tests({
        "test_mixed": "def test_good(): pass\ndef test_bad(): raise ValueError('what is wrong')\n",
        "test_unloadable": "import nothing_of_the_kind\ndef test_it(): pass\n",
        "test_fatal": "import machine\ndef test_a(): pass\ndef test_b(): machine.reset()\n"
        "def test_c(): pass\n",
    })  # fmt: skip
    with new_board() as board:
        status = board_test(board, "test_mixed", "test_unloadable")
        said = capsys.readouterr().out
        assert status == 1
        assert "1 passed, 2 failed, 0 left out" in said
        assert "ValueError: what is wrong" in said and "nothing_of_the_kind" in said
    assert board_test(board, "test_no_such") == 2


def test_unfit_tests_are_left_out(new_board, own_tests, monkeypatch, capsys):
    own_tests({"test_mixed": "def test_good(): pass\ndef test_bad(): raise ValueError\n"})
    monkeypatch.setitem(unfit.UNFIT, "test_mixed.test_bad", "too large")
    with new_board() as board:
        assert board_test(board) == 0
    assert "1 passed, 0 failed, 1 left out" in capsys.readouterr().out
