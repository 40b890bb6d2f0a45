"""The firmware's main program, for hosts of a network: main.py listens on the loopback only.

Argument: the port. It ends when its standard input does.
"""

import sys

import main

main.HOST = "0.0.0.0"
sys.exit(main.main([sys.argv[1], "--until-eof"]))
