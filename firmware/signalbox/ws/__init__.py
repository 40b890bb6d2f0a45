"""RFC 6455 without I/O: no socket, no clock, no task. Time is passed in, bytes go in and out.

`connection.py` joins the parts; README.md beside this file is the contract for whoever drives it.
"""
