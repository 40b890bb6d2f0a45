"""The guide's way from a bare board to a registered camera, command by command, on stand-ins.

MicroPython goes onto a double of an ESP32; from then on the board is the unix port on a terminal,
and the signalling server is the firmware in its other role.
"""

import json

import board as boards
import cli
import made
import mpy
from rom_loader import RomLoader

REGISTER_S = "120"


def test_four_commands(new_board, micropython, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SIGNALBOX_CACHE", str(tmp_path / "cache"))
    esp32 = boards.load("ESP32_GENERIC")
    firmware = made.firmware(esp32, tmp_path)
    with RomLoader(esp32.chip, esp32.flash_bytes) as chip:
        command = ["flash", "--board", esp32.name, "--port", chip.port]
        assert cli.main([*command, "--firmware", str(firmware)]) == 0

    server_config = made.config(tmp_path / "server.json")
    values = json.loads(server_config.read_text())
    camera = {"name": "door", "mode": "client", "wifi": [], "ntp_server": "", "watchdog": False}
    camera["server"] = {"url": f"ws://127.0.0.1:{values['listen']['port']}/"}
    camera["server"]["token"] = values["listen"]["token"]
    settings = tmp_path / "camera.json"
    settings.write_text(json.dumps(camera))
    with (
        micropython.start(mpy.FIRMWARE / "main.py", server_config) as server,
        new_board() as board,
    ):
        server.wait_for_port()
        here = ["--board", "UNIX", "--port", board.port]
        assert cli.main(["provision", *here, "--config", str(settings)]) == 0
        assert cli.main(["deploy", *here]) == 0, repr(board.output[-2000:])
        assert "runs, and has confirmed itself" in capsys.readouterr().err
        board.power_cycle()
        until = ["--until", "registered as", "--timeout", REGISTER_S]
        assert cli.main(["monitor", *here, *until]) == 0, repr(board.output[-2000:])
        assert "registered as " in capsys.readouterr().out
