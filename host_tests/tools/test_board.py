"""board.py and ports.py: the boards' folders, and which port is which board."""

import json
from types import SimpleNamespace

import board
import ports
import pytest
from faults import NoBoard, WrongInput


def values():
    return json.loads((board.BOARDS / "RPI_PICO_W" / "board.json").read_text())


@pytest.mark.parametrize("name", board.names())
def test_every_board_is_valid(name):
    loaded = board.load(name)
    assert loaded.name == name
    assert loaded.vfs_offset + loaded.vfs_size() <= loaded.flash_bytes
    assert loaded.release is None or loaded.release.startswith(name + "-")


def test_a_file_system_that_grows_with_the_flash():
    esp32 = board.load("ESP32_GENERIC")
    assert esp32.vfs_size() == 2 << 20
    assert esp32.vfs_size(16 << 20) == 14 << 20
    assert board.load("RPI_PICO_W").vfs_size(16 << 20) == 868352


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("port", "esp8266", "port: 'esp8266' must be one of esp32, rp2, unix"),
        ("native_arch", "z80", "native_arch: 'z80' must be one of armv6m"),
        ("heap_bytes", "many", "heap_bytes: 'many' must be a number of octets"),
        ("heap_bytes", True, "heap_bytes: True must be a number of octets"),
        ("heap_grows", 1, "heap_grows: 1 must be true or false"),
        ("bootloader", "dfu", "bootloader: 'dfu' must be"),
        ("vfs_offset", "0x12C001", "vfs_offset: '0x12C001' must be an offset"),
        ("vfs_offset", 1228800, "vfs_offset: 1228800 must be an offset"),
        ("vfs_bytes", 868353, "vfs_bytes: 868353 must be a multiple of 4096 octets, or null"),
        ("usb_ids", ["2E8A"], "usb_ids: ['2E8A'] must be a list"),
        ("release", "", "release: '' must be the file name"),
        ("pins", {"led": 1.5}, "pins: {'led': 1.5} must be an object"),
        ("colour", "green", "colour: there is no such key"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(tmp_path, key, value, said):
    (tmp_path / "board.json").write_text(json.dumps({**values(), key: value}))
    with pytest.raises(WrongInput) as caught:
        board.load(f"{tmp_path}/")
    assert said in caught.value.cause


@pytest.mark.parametrize("key", board.KEYS)
def test_a_missing_key_is_named(tmp_path, key):
    rest = values()
    del rest[key]
    (tmp_path / "board.json").write_text(json.dumps(rest))
    with pytest.raises(WrongInput, match=f"{key}: is missing"):
        board.load(f"{tmp_path}/")


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_a_file_that_is_no_object(tmp_path, text):
    (tmp_path / "board.json").write_text(text)
    with pytest.raises(WrongInput, match=r"board\.json: "):
        board.load(f"{tmp_path}/")


def port(device, ids):
    return SimpleNamespace(device=device, vid=ids and ids[0], pid=ids and ids[1], description="x")


PICO = (0x2E8A, 0x0005)


def test_a_port_that_was_chosen_is_taken_as_it_is():
    assert (
        ports.find(board.load("RPI_PICO_W"), "socket://127.0.0.1:1", []) == "socket://127.0.0.1:1"
    )


def test_the_only_port_with_the_boards_ids():
    attached = [port("/dev/a", None), port("/dev/b", PICO), port("/dev/c", (1, 2))]
    assert ports.find(board.load("RPI_PICO_W"), attached=attached) == "/dev/b"


def test_several_ports_are_listed():
    attached = [port("/dev/a", PICO), port("/dev/b", PICO)]
    with pytest.raises(NoBoard) as caught:
        ports.find(board.load("RPI_PICO_W"), attached=attached)
    assert "/dev/a (2E8A:0005 x), /dev/b" in caught.value.cause
    assert caught.value.cure == "choose one: PORT=/dev/a"


def test_no_port_says_what_is_attached_instead():
    with pytest.raises(NoBoard, match="attached: /dev/c") as caught:
        ports.find(board.load("RPI_PICO_W"), attached=[port("/dev/c", (1, 2))])
    assert "PORT=" in caught.value.cure
