"""The part of a page of the documentation that a program writes, between two comments."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
END = "<!-- end -->\n"


def update(page, target, text, check):
    """Put `text` into a page, where it says that `make target` made it; with `check` only look.

    Ends the program when there is no place for it, or when `check` finds something else there.
    """
    name = page.relative_to(ROOT)
    mark = f"<!-- made by `make {target}` -->\n"
    old = page.read_text(encoding="utf-8")
    before, begin, rest = old.partition(mark)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{name} has no place for what `make {target}` makes: {mark.strip()} … {END}")
    new = before + begin + "\n" + text + "\n" + end + after
    if new == old:
        return
    if check:
        sys.exit(f"{name} is not current: run `make {target}`")
    page.write_text(new, encoding="utf-8")
    print(f"wrote {name}")
