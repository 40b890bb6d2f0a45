# config.py: what is wrong is named by its key, with what is allowed, all of it at once.

import json
import os

from signalbox.checks import REQUIRED
from signalbox.config import OPTIONS, ConfigError, check, load

LEAST = {"name": "cam", "mode": "client", "wifi": [], "server": {"url": "ws://10.0.0.1:8443/"}}
TOKEN = "0123456789abcdef"
FILE = "test_config.json"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def errors(**changes):
    """What is said of the least configuration with these changes; ... takes a key out."""
    value = dict(LEAST)
    for key, changed in changes.items():
        value[key] = changed
        if changed is ...:
            del value[key]
    try:
        check(value)
    except ConfigError as error:
        return error.errors
    return []


def error(**changes):
    found = errors(**changes)
    assert len(found) == 1, found
    return found[0]


def test_defaults_are_filled_in():
    config = check(dict(LEAST, wifi=[{"ssid": "house"}], listen={"token": TOKEN}))
    assert sorted(config) == sorted([name for name, _, _ in OPTIONS])
    assert config["server"] == {"url": "ws://10.0.0.1:8443/", "token": None, "ca": None}
    assert config["listen"]["port"] == 8443 and config["listen"]["origins"] == ()
    assert config["wifi"][0]["password"] == "" and config["wifi"][0]["address"] is None
    assert config["control"] == {"deadman_ms": 750, "idle_ms": 10000, "rate": 30}
    assert config["announce"] == "consumer" and config["watchdog"] is True
    for name, default, _ in OPTIONS:
        if default is not REQUIRED and name not in ("server", "listen", "control"):
            assert config[name] == default


def test_null_is_as_if_it_were_not_there_where_the_default_is_none():
    assert check(dict(LEAST, device=None, hostname=None))["device"] is None
    assert error(watchdog=None) == "watchdog: must be true or false"
    assert error(name=None) == "name: must be text of 1 to 63 octets"


def test_each_error_names_its_key_and_what_is_allowed():
    house = {"ssid": "house"}
    for text, changes in (
        ("name: is missing; must be text of 1 to 63 octets", {"name": ...}),
        ("name: must be text of 1 to 63 octets", {"name": ""}),
        ('mode: must be "client", "server" or "both"', {"mode": "peer"}),
        ("wifi: must be a list of 0 to 8, each an object: {…}", {"wifi": house}),
        ("wifi: must be a list of 0 to 8, each an object: {…}", {"wifi": [house] * 9}),
        ("wifi[1]: must be an object: {…}", {"wifi": [house, "barn"]}),
        ("wifi[0].ssid: must be text of 1 to 32 octets", {"wifi": [{"ssid": "x" * 33}]}),
        ("wifi[0].ssid: is missing; must be text of 1 to 32 octets", {"wifi": [{}]}),
        (
            'wifi[1].address: must be an IPv4 address, such as "192.168.1.20"',
            {"wifi": [house, dict(house, address="10.0.0.256", netmask="255.0.0.0")]},
        ),
        ("server: must be an object: {…}", {"server": "ws://10.0.0.1/"}),
        (
            "server.url: must be a WebSocket URL, such as ws://192.168.1.2:8443/ or wss://host/",
            {"server": {"url": "http://10.0.0.1/"}},
        ),
        ("listen.port: must be a whole number from 1 to 65535", {"listen": {"port": 0}}),
        ("listen.token: must be 16 to 128 of A-Z a-z 0-9 - . _ ~", {"listen": {"token": "short"}}),
        (
            'listen.origins[1]: must be an origin, such as "https://example.org", or "*"',
            {"listen": {"origins": ["*", "example.org"]}},
        ),
        ('country: must be two letters, such as "CH" (ISO 3166)', {"country": "CHE"}),
        ("hostname: must be 1 to 32 of a-z 0-9 -, no - at either end", {"hostname": "Cam 1"}),
        ("watchdog: must be true or false", {"watchdog": 1}),
        ("status_led.pin: is missing; must be a pin", {"status_led": {}}),
    ):
        assert error(**changes).startswith(text), error(**changes)


def test_the_password_is_that_of_wpa():
    for password in ("", "12345678", "x" * 63, "0123456789abcdefABCDEF" + "0" * 42):
        assert errors(wifi=[{"ssid": "house", "password": password}]) == []
    for password in ("1234567", "x" * 64, "x" * 65, 12345678):
        found = error(wifi=[{"ssid": "house", "password": password}])
        assert found.startswith("wifi[0].password: must be text of 8 to 63 octets")
        assert str(password) not in found


def test_an_unknown_key_is_an_error_with_the_nearest_known_one():
    assert error(wlan=[]).startswith("wlan: unknown key; known are name, mode, wifi, ")
    assert error(Watchdog=True) == 'Watchdog: unknown key; did you mean "watchdog"?'
    assert error(watch_dog=True) == 'watch_dog: unknown key; did you mean "watchdog"?'
    assert error(ntp_sever="") == 'ntp_sever: unknown key; did you mean "ntp_server"?'
    found = error(wifi=[{"ssid": "house", "pasword": "12345678"}])
    assert found == 'wifi[0].pasword: unknown key; did you mean "password"?'
    found = error(listen={"token": TOKEN, "x": 1})
    assert found.startswith("listen.x: unknown key; known are host, port, ")


def test_all_errors_are_told_at_once():
    found = errors(name="", wifi=[{"ssid": ""}, {}], port=1, mode=...)
    heads = [line.partition(":")[0] for line in found]
    assert sorted(heads) == ["mode", "name", "port", "wifi[0].ssid", "wifi[1].ssid"]


def test_no_secret_is_in_an_error():
    for changes in (
        {"wifi": [{"ssid": "house", "password": "geheim"}]},
        {"listen": {"token": "geheim"}},
        {"server": {"url": "ws://10.0.0.1/", "token": "ge heim"}},
    ):
        assert "heim" not in error(**changes)


def test_what_a_mode_needs():
    assert error(server=...) == 'server: is missing; mode "client" needs it: {"url": …}'
    assert error(mode="server") == 'listen: is missing; mode "server" needs it: {"token": …}'
    assert len(errors(mode="both", server=...)) == 2
    assert errors(mode="server", server=..., listen={"token": TOKEN}) == []
    assert errors(mode="both", listen={"open": True}) == []


def test_access_is_open_only_when_that_is_said():
    text = "listen.token: is missing; or open must be true, to let everybody in"
    assert error(listen={}) == text
    assert error(listen={"open": False}) == text
    assert error(listen={"open": True, "token": TOKEN}).startswith("listen.open: must be false")


def test_what_belongs_together():
    url = "wss://example.org/"
    assert error(server={"url": url}).startswith("server.ca: is missing")
    assert errors(server={"url": url, "ca": "/ca.der"}) == []
    for ca in ("", 5, "x" * 129, "-----BEGIN CERTIFICATE-----", "-----BEGIN \n" * 20):
        said = error(server={"url": url, "ca": ca})
        assert said.startswith("server.ca: must be a file's path of 1 to 128 octets, or PEM text")
    assert check(dict(LEAST, server={"url": url, "ca": PEM}))["server"]["ca"] == PEM.encode()
    assert error(listen={"open": True, "cert": "/c"}).startswith("listen.key: is missing")
    assert error(listen={"open": True, "key": "/k"}).startswith("listen.cert: is missing")
    static = {"ssid": "house", "address": "10.0.0.9", "netmask": "255.255.255.0"}
    assert error(wifi=[static]) == "wifi[0].gateway: is missing; address needs it"
    assert errors(wifi=[dict(static, gateway="10.0.0.1")]) == []
    found = error(wifi=[{"ssid": "house", "dns": "10.0.0.1"}])
    assert found == "wifi[0].address: is missing; dns needs it"


def test_a_driver_that_is_not_there():
    assert error(device={}) == "device.driver: is missing; must be text of 1 to 32 octets"
    assert error(device="visca").startswith("device: must be an object")
    for name in ("", "../x", "a.b", 5, [], None, "visca serial", "x" * 300):
        assert error(device={"driver": name}).startswith("device.driver: "), name
    found = error(device={"driver": "no_such"})
    assert found.startswith('device.driver: there is no "no_such"'), found


def test_what_is_no_object():
    for value in ([], "", None, 5):
        try:
            check(value)
        except ConfigError as found:
            assert found.errors == ["the file: must be an object: {…}"]
        else:
            raise AssertionError(value)


def write(text):
    with open(FILE, "wb") as file:
        file.write(text.encode())


def load_errors(text):
    write(text)
    try:
        load(FILE)
    except ConfigError as error:
        return error.errors
    finally:
        os.remove(FILE)
    return []


def test_load():
    assert load_errors(json.dumps(LEAST)) == []
    assert load_errors('{"name": "cam",\n"mode" "client"}') == [
        'line 2, column 8: ":" is missing here'
    ]
    assert load_errors(" " * 20000)[0].startswith("the file must have 16384 octets at most")
    assert load_errors("")[0].startswith("line 1, column 1: ")
    try:
        load("no_such_file.json")
    except OSError:
        return
    raise AssertionError


def test_files_that_are_named_must_be_there():
    with_ca = dict(LEAST, server={"url": "wss://example.org/", "ca": "no_such.der"})
    (found,) = load_errors(json.dumps(with_ca))
    assert found.startswith("server.ca: must be a file that can be read; no_such.der")
    for ca in (FILE, PEM):
        with_ca["server"]["ca"] = ca
        assert load_errors(json.dumps(with_ca)) == []
