"""provision: Wi-Fi, server, token and name onto a board."""

import json
import os
import secrets
from pathlib import Path

import board as boards
import click
import deployment
import installed
import pem
import ports
import provisioning
from cli import board_option, dry_run_option, port_option
from faults import WrongInput
from progress import say

PROMPTS = {
    "NAME": "Name of the device",
    "WIFI_SSID": "Wi-Fi network",
    "WIFI_PASSWORD": "Its password",
    "SERVER_URL": "Signalling server, ws:// or wss:// (empty: the board is one)",
    "SERVER_TOKEN": "Token for the server (empty: none)",
}
TOKEN_OCTETS = 24
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@board_option()
@port_option()
@click.option(
    "--env",
    "env_file",
    type=FILE,
    metavar="FILE",
    help="Lines NAME=value, instead of questions: " + ", ".join(provisioning.SETTINGS) + ".",
)
@click.option(
    "--config",
    "more",
    type=FILE,
    metavar="FILE",
    help="JSON with more keys, such as the device: see firmware/CONFIG.md.",
)
@click.option(
    "--generate-token",
    "token_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Make a token for the board's own server, and write it into a new file as well.",
)
@click.option(
    "--ca",
    type=FILE,
    metavar="FILE",
    help="For wss://: the certificates of the authority that the server's is from.",
)
@click.option(
    "--cert",
    type=FILE,
    metavar="FILE",
    help="For TLS at the board's own server: its certificate, and those in between, PEM or DER.",
)
@click.option(
    "--key",
    type=FILE,
    metavar="FILE",
    help="The private key of --cert, PEM or DER, not encrypted.",
)
@click.option("--replace", is_flag=True, help="Take nothing from the configuration on the board.")
@dry_run_option()
def command(board: boards.Board, port, env_file, more, token_file, ca, cert, key, replace, dry_run):
    """Write the configuration: Wi-Fi, server, token and name.

    What is not given stays as it is on the board. It is checked as the firmware does it, before
    anything is written. Secrets are never shown.
    """
    settings = provisioning.settings_of(env_file) if env_file else {}
    keys = read_json(more) if more else {}
    keys = provisioning.deep_merge(keys, tls_keys(ca, cert, key))
    token = new_token(token_file, settings) if token_file else None
    port = ports.find(board, port)
    found = installed.look(port)
    try:
        installed.check(board, found)
        config = None if replace else provisioning.read(port)
        if not env_file and not keys:
            settings.update(ask(config or {}, token))
        if token:
            settings["LISTEN_TOKEN"] = token
        new = provisioning.merged(config, settings, keys)
        provisioning.check(new)
        differs = list(provisioning.changed(config or {}, new))
        if not differs:
            say("The configuration on the board is the same already")
        elif dry_run:
            say(f"Would set {', '.join(differs)}")
        else:
            if token:
                save_token(token_file, token)
            provisioning.write(port, new)
            say(f"Set {', '.join(differs)}; the board starts with it now")
    finally:
        deployment.restart(port)


def read_json(path):
    """The object in a file. WrongInput."""
    provisioning.refuse_in_repository(path)
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise WrongInput(f"{path}: {error}", "correct it") from None
    wrong = provisioning.wrong_shape(value)
    if wrong:
        raise WrongInput(f"{path}: {wrong}", "see firmware/CONFIG.md")
    return value


def tls_keys(ca, cert, key):
    """The part of a configuration that these files are. WrongInput."""
    if bool(cert) != bool(key):
        raise WrongInput("--cert and --key belong together", "give both")
    keys = {}
    if ca:
        keys["server"] = {"ca": pem.authority(ca)}
    if cert:
        provisioning.refuse_in_repository(key)
        chain, private = pem.pair(cert, key)
        keys["listen"] = {"cert": chain, "key": private}
    return keys


def new_token(path, settings):
    """A token for the board's own server. WrongInput if there would be two, or no place for it."""
    if "LISTEN_TOKEN" in settings:
        raise WrongInput("LISTEN_TOKEN is given, and --generate-token, too", "choose one of them")
    if path.exists():
        raise WrongInput(f"{path} is there already", "name a file that is not")
    if not path.parent.is_dir():
        raise WrongInput(f"there is no folder {path.parent}", "make it, or name another one")
    provisioning.refuse_in_repository(path)
    return secrets.token_urlsafe(TOKEN_OCTETS)


def save_token(path, token):
    """Write it into a new file for the owner alone. WrongInput: it can't be made."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise WrongInput(
            f"{path}: {error.strerror}; nothing was written", "name another file"
        ) from None
    with open(descriptor, "w") as file:
        print(token, file=file)
    say(f"The token is in {path}")


def ask(config, token):
    """{setting: value} of the answers; what is there is offered, a secret without showing it."""
    network = (config.get("wifi") or [{}])[0]
    known = {
        "NAME": config.get("name"),
        "WIFI_SSID": network.get("ssid"),
        "WIFI_PASSWORD": network.get("password"),
        "SERVER_URL": provisioning.server_url(config),
        "SERVER_TOKEN": (config.get("server") or {}).get("token"),
    }
    known = {name: value if isinstance(value, str) else None for name, value in known.items()}
    answers = {}
    for name, text in PROMPTS.items():
        if name == "SERVER_TOKEN" and not answers.get("SERVER_URL"):
            continue
        secret = provisioning.SETTINGS[name][1]
        same_network = answers.get("WIFI_SSID") == known["WIFI_SSID"]
        keep = known[name] if name != "WIFI_PASSWORD" or same_network else None
        shown = " [as it is]" if secret and keep else ""
        answer = click.prompt(
            text + shown,
            default=keep or "",
            hide_input=secret,
            show_default=not secret and bool(keep),
            err=True,
        )
        # The network that a password is for, and the server of a token, are told again.
        if answer and (answer != known[name] or name in ("WIFI_SSID", "SERVER_URL")):
            answers[name] = answer
    has_server = answers.get("SERVER_URL") or known["SERVER_URL"]
    if not has_server and not token and not (config.get("listen") or {}).get("token"):
        answers["LISTEN_TOKEN"] = click.prompt(
            "Token that clients of the board must present", hide_input=True, err=True
        )
    return answers
