"""doctor: what is attached, what is on it, what is wrong and what to do."""

import board as boards
import click
from cli import board_option, port_option
from serial.tools import list_ports


@click.command()
@board_option(required=False)
@port_option()
def command(board, port):
    """Say what is attached."""
    for attached in list_ports.comports():
        ids = (attached.vid, attached.pid)
        fitting = [name for name in boards.names() if ids in boards.load(name).usb_ids]
        click.echo(f"{attached.device}: {attached.description}: {', '.join(fitting) or 'unknown'}")
