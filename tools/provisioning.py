"""The configuration of a board: what is on it, what is to change, and how that gets there.

It holds secrets. They are never printed, nor part of a command line: they go to the board in a
file that only its owner can read, and that is deleted at once.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import installed
import remote
from faults import Refused, ToolError, WrongInput

CONFIG = "/config.json"
NEW_CONFIG = "/config.new"
MAX_NETWORKS = 8
# Setting: the path of its key in the configuration, and whether it is a secret.
SETTINGS = {
    "NAME": (("name",), False),
    "WIFI_SSID": (("wifi", "ssid"), False),
    "WIFI_PASSWORD": (("wifi", "password"), True),
    "COUNTRY": (("country",), False),
    "MODE": (("mode",), False),
    "SERVER_URL": (("server", "url"), False),
    "SERVER_TOKEN": (("server", "token"), True),
    "LISTEN_TOKEN": (("listen", "token"), True),
}


def read(port):
    """The configuration on the board, a dict; None if there is none. Refused: it is none."""
    code = installed.script("hold", HOLD_S=installed.HOLD_S)
    output = remote.run(port, "exec", code, "exec", installed.script("show", PATH=CONFIG))
    text = (output.split() or ["-"])[-1]  # of an empty file there is nothing to take
    if text == "-":
        return None
    try:
        value = json.loads(bytes.fromhex(text))
        wrong = wrong_shape(value)
    except ValueError:
        wrong = "it is no JSON"
    if not wrong:
        return value
    raise Refused(
        f"{CONFIG} on the board is no configuration: {wrong}",
        "to make a new one of what is given now: ARGS=--replace",
    )


def settings_of(path):
    """{setting: value} of a file like .env. WrongInput: it has others, or is not kept secret."""
    from dotenv import dotenv_values

    refuse_in_repository(path)
    try:
        found = dotenv_values(path, interpolate=False)
    except UnicodeDecodeError as error:
        raise WrongInput(f"{path} is not UTF-8: {error.reason}", "save it as UTF-8") from None
    for name, value in found.items():
        if name not in SETTINGS:
            raise WrongInput(f"{path}: there is no setting {name}", "known: " + ", ".join(SETTINGS))
        if value is None:
            raise WrongInput(f"{path}: {name} has no value", f'write {name}="…", or leave it out')
    return dict(found)


def refuse_in_repository(path):
    """WrongInput if a file with secrets could be committed."""
    path = Path(path).resolve()
    if not any((folder / ".git").exists() for folder in path.parents):
        return
    command = ["git", "-C", str(path.parent), "check-ignore", "-q", str(path)]
    try:
        if subprocess.run(command, capture_output=True).returncode != 1:
            return
        why = "git does not ignore it"
    except FileNotFoundError:
        why = "there is no git to ask whether it is ignored"
    raise WrongInput(
        f"{path} is in a repository, and {why}", "put it somewhere else: it holds secrets"
    )


def wrong_shape(config):
    """Why merged() can't put something into it, "" if it can. What else is wrong, check() says."""
    if not isinstance(config, dict):
        return "it must be an object"
    networks = config.get("wifi") or []
    if not isinstance(networks, list) or not all(isinstance(each, dict) for each in networks):
        return "wifi must be a list of objects"
    for key in ("server", "listen"):
        if not isinstance(config.get(key) or {}, dict):
            return f"{key} must be an object"
    return ""


def merged(config, settings, more):
    """A configuration with the settings and the keys of `more` put into it."""
    new = deep_merge(config or {}, more)
    network = {}
    for name, value in settings.items():
        (first, *rest), _ = SETTINGS[name]
        if first == "wifi":
            network[rest[0]] = value
        elif rest:
            new[first] = {**(new.get(first) or {}), rest[0]: value}
        else:
            new[first] = value
    if network:
        new["wifi"] = with_network(new.get("wifi") or [], network)
    # Who names a server wants the board to go there, unless the mode is named, too.
    is_another = server_url(new) != server_url(config or {})
    if is_another and new.get("mode") == "server" and not {"MODE", "mode"} & {*settings, *more}:
        new["mode"] = "client"
    new.setdefault("wifi", [])
    new.setdefault("mode", "client" if new.get("server") else "server")
    return new


def server_url(config):
    """None if there is none."""
    return (config.get("server") or {}).get("url")


def deep_merge(old, new):
    """Objects are merged key by key; whatever else is new takes the place of what is old."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{key: deep_merge(old.get(key), value) for key, value in new.items()}}


def with_network(networks, network):
    """The networks with this one in front, or with what is new of it. WrongInput: which one?"""
    if "ssid" not in network:
        if len(networks) != 1:
            raise WrongInput("WIFI_PASSWORD without WIFI_SSID", "say which network it is for")
        network = {**networks[0], **network}
    for i, known in enumerate(networks):
        if known.get("ssid") == network["ssid"]:
            return [*networks[:i], {**known, **network}, *networks[i + 1 :]]
    return [network, *networks][:MAX_NETWORKS]


def check(config):
    """WrongInput with all that the firmware will say is wrong with it."""
    from signalbox import config as firmware

    try:
        firmware.check(config)
    except firmware.ConfigError as error:
        raise WrongInput(
            "the configuration would be wrong; nothing was written:\n  "
            + "\n  ".join(error.errors),
            "correct that; firmware/CONFIG.md has every key",
        ) from None
    size = len(encoded(config))
    if size > firmware.MAX_SIZE:
        raise WrongInput(
            f"the configuration would have {size} octets, and {firmware.MAX_SIZE} are allowed; "
            "nothing was written",
            "give fewer certificates: an authority's own is enough",
        )


def changed(old, new, prefix=""):
    """The names of the keys that differ, and no value: they may be secrets."""
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from changed(before, after, f"{prefix}{key}.")
        else:
            yield prefix + key


def encoded(config):
    """The octets of its file."""
    return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()


def write(port, config):
    """Put the configuration onto the board: the old one is there until the new one is whole."""
    octets = encoded(config)
    with tempfile.TemporaryDirectory(prefix="signalbox-") as scratch:  # for the owner alone
        path = Path(scratch) / "config"
        path.touch(mode=0o600)
        path.write_bytes(octets)
        names = {"PATH": CONFIG, "NEW": NEW_CONFIG, "SIZE": len(octets)}
        try:
            remote.run(
                port, "exec", installed.script("hold", HOLD_S=installed.HOLD_S),
                "fs", "cp", path, f":{NEW_CONFIG}", "+",
                "exec", installed.script("replace", **names),
            )  # fmt: skip
        except remote.RemoteError as error:
            raise ToolError(
                f"the configuration could not be written: {error.cause}; the old one is as it was",
                "make room on the board: mpremote fs ls, mpremote fs rm",
            ) from None
