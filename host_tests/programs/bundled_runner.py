"""runner.py where modules are bundled: `bundled_runner.py STAND_INS MODULE…`.

STAND_INS is a file of JSON: {module: {"file": of which it is a part, "names": {its name: the name
there}, "constants": {name: value}}}; see test_bundle.py.
"""

import json
import sys

import micropython
import runner


def main(table, modules):
    """Run the modules' tests. Returns the exit status."""
    with open(table) as file:
        for name, parts in json.load(file).items():
            sys.modules[name] = stand_in(parts["file"], parts["names"], parts["constants"])
    return runner.main(modules)


def stand_in(file, names, constants):
    """What behaves like the module."""

    class Module:
        def __getattr__(self, name):
            if name in constants:
                return constants[name]
            if name == "const":
                return micropython.const
            return getattr(loaded(file), names.get(name, name))

        def __setattr__(self, name, value):
            setattr(loaded(file), names.get(name, name), value)

        def __delattr__(self, name):
            delattr(loaded(file), names.get(name, name))

    return Module()


def loaded(file):
    """The module of that name, which is imported if need be."""
    if file not in sys.modules:
        __import__(file)
    return sys.modules[file]


sys.exit(main(sys.argv[1], sys.argv[2:]))
