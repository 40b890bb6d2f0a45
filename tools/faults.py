"""What can go wrong in a command, and the exit status that each kind has.

| status | meaning |
| --- | --- |
| 0 | done |
| 1 | failed on the way; what was begun can be run again |
| 2 | the command line, a setting or a file is wrong; nothing was done |
| 3 | no board, or not the one that was named |
| 4 | refused: it does not fit, or something would be lost; nothing was written |
| 5 | something is missing on this computer, or can't be downloaded |
| 130 | interrupted with Ctrl-C |
"""


class ToolError(Exception):
    """Status 1. `cause`: what happened. `cure`: what to do about it, in the imperative."""

    status = 1

    def __init__(self, cause, cure):
        super().__init__(cause)
        self.cause = cause
        self.cure = cure


class WrongInput(ToolError):
    """Status 2: a file or a setting that the command was given is wrong."""

    status = 2


class NoBoard(ToolError):
    """Status 3: there is no board, more than one, or another one than was named."""

    status = 3


class Refused(ToolError):
    """Status 4: it would not fit, or something would be lost. Nothing has been written."""

    status = 4


class Unavailable(ToolError):
    """Status 5: a program or a download that is needed is not to be had."""

    status = 5
