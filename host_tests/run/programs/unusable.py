# main.py on a board whose UART raises what is named: unusable.py CONFIG ERROR. A board's raises
# TypeError for a computer's serial port, an ESP32's RuntimeError when it has no more of something.

import sys

from signalbox import hardware_host, start


def uart(*arguments):
    raise {"TypeError": TypeError, "RuntimeError": RuntimeError}[sys.argv[2]]("no UART")


hardware_host.uart = uart
sys.exit(start.main(sys.argv[1:2]))
