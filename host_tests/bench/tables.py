"""The tables, and what the figures are to be held against."""

from contenders import OURS, RAW, WEBSOCKETS

SIZE_NAMES = {16: "16 B", 125: "125 B", 1024: "1 KiB", 16384: "16 KiB", 65536: "64 KiB"}
# CPU per message, as a multiple of what `websockets` on CPython needs.
TARGET = {16: 1.0, 125: 1.0, 1024: 1.0, 65536: 2.5}
GOAL = {16: 0.5, 125: 0.5, 1024: 0.5, 65536: 1.5}
MASKING_TARGET = 1.0  # as a multiple of what the C module needs
CORE_BUDGET = 0  # octets per frame beyond the message
WAKE_UP_BUDGET = 256  # octets per wake-up of the endpoint beyond the messages
NONE = "-"
_LABEL = 24
_COLUMN = 10


def print_table(title, columns, rows):
    """`rows`: (label, cells), the cells being text or numbers."""
    print(f"\n{title}")
    print(" " * _LABEL + "".join(f"{column:>{_COLUMN}}" for column in columns))
    for label, cells in rows:
        print(f"{label:<{_LABEL}}" + "".join(f"{number(cell):>{_COLUMN}}" for cell in cells))


def number(value):
    """Three digits that count; text stays as it is."""
    if isinstance(value, str):
        return value
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cpu_table(title, cells, sizes):
    """CPU per message of every contender, the ratios, the targets and whether they are met."""
    rows = [
        (name, [row[size].cpu if size in row else NONE for size in sizes])
        for name, row in cells.items()
        if row
    ]
    ours = cells[OURS]
    for base in (WEBSOCKETS, RAW):
        if not cells[base]:
            continue
        ratios = {size: ours[size].cpu / cells[base][size].cpu for size in sizes}
        rows.append((f"{OURS} ÷ {base}", list(ratios.values())))
        if base == WEBSOCKETS:
            for what, limits in (("target", TARGET), ("goal", GOAL)):
                rows.append((f"  {what}", [_limit(limits, size) for size in sizes]))
                rows.append(("", [_verdict(limits, size, ratios[size]) for size in sizes]))
    spread = [max(row[size].spread for row in cells.values() if size in row) for size in sizes]
    rows.append(("noise, at most ±", [f"{part * 50:.0f} %" for part in spread]))
    print_table(title, [SIZE_NAMES[size] for size in sizes], rows)


def rate_table(title, cells, sizes):
    """Round trips per second, one in flight, and the CPU that each costs."""
    rows = [
        (name, [row[size].rate if size in row else NONE for size in sizes])
        for name, row in cells.items()
    ]
    rows += [
        (f"{name}, CPU µs", [row[size].cpu if size in row else NONE for size in sizes])
        for name, row in cells.items()
    ]
    print_table(title, [SIZE_NAMES[size] for size in sizes], rows)


def _limit(limits, size):
    return f"≤ {limits[size]:.2f}" if size in limits else NONE


def _verdict(limits, size, ratio):
    if size not in limits:
        return ""
    return "met" if ratio <= limits[size] else "missed"


def masking_table(sizes, micropython, websockets):
    """In place on MicroPython; on CPython, `websockets` makes a copy."""
    rows = [
        *((name, micropython[name]) for name in (OURS, "C module", "portable")),
        (f"{WEBSOCKETS}, a copy", websockets),
    ]
    ours, theirs = micropython[OURS], micropython["C module"]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    rows.append((f"{OURS} ÷ C module", ratios))
    rows.append(("  target", [f"≤ {MASKING_TARGET:.2f}"] * len(sizes)))
    rows.append(("", ["met" if ratio <= MASKING_TARGET else "missed" for ratio in ratios]))
    print_table("Masking, µs", [SIZE_NAMES[size] for size in sizes], rows)


def utf8_table(sizes, micropython, websockets):
    """MicroPython's str() accepts what is not UTF-8; the others don't."""
    columns = [kind + SIZE_NAMES[size] for kind in ("", "ü ") for size in sizes]
    rows = [
        (OURS, micropython[OURS]),
        ("portable", micropython["portable"]),
        ("str(), lax, a copy", micropython["str()"]),
        ("CPython's bytes.decode()", websockets),
    ]
    print_table("UTF-8 checking, µs: ASCII, and ü: mixed scripts", columns, rows)


def core_table(sizes, core, keys):
    """Returns whether the budget is kept."""
    rows = sorted(core.items())
    kept = all(spent <= CORE_BUDGET for row in core.values() for spent in row)
    rows.append(("budget", [f"≤ {CORE_BUDGET}"] * len(sizes)))
    rows.append(("", ["met" if kept else "OVER"]))
    print_table(
        "Octets allocated by the core per echoed message, beyond the message",
        [SIZE_NAMES[size] for size in sizes],
        rows,
    )
    print(f"A client's masking keys, fetched for many frames at a time: {keys:.1f} per frame")
    return kept


def wake_up_table(size, message, burst_sizes, ours, others):
    """`ours`: {(role, way): (octets, wake-ups) per burst}; `message`: octets of one.

    Returns whether the budget is kept: what a burst costs beyond its messages, by the times that a
    task was woken for it.
    """
    kept = True
    rows = []
    for (role, way), row in ours.items():
        beyond = [spent - n * message for (spent, _), n in zip(row, burst_sizes, strict=True)]
        if way == "nowait":
            wakes = [count for _, count in row]
            each = [spent / count for spent, count in zip(beyond, wakes, strict=True)]
            rows.append((f"{role}: recv_nowait()", beyond))
            rows.append(("  wake-ups of its tasks", wakes))
            rows.append(("  per wake-up", each))
            verdicts = ["met" if spent <= WAKE_UP_BUDGET else "OVER" for spent in each]
            rows.append((f"  budget ≤ {WAKE_UP_BUDGET}", verdicts))
            kept = kept and "OVER" not in verdicts
            plain = beyond
        else:
            rows.append((f"{role}: async for", beyond))
            more = [(a - b) / n for a, b, n in zip(beyond, plain, burst_sizes, strict=True)]
            rows.append(("  more, per message", more))
    print_table(
        f"Octets allocated per burst, beyond the messages of {size} octets ({message} each)",
        [f"{frames} frames" if frames > 1 else "1 frame" for frames in burst_sizes],
        rows,
    )
    for name, spent in others.items():
        print(f"{name}, with the message, one per burst: {spent:.0f}")
    return kept
