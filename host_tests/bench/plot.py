"""The plot for the README: grouped bars on a logarithmic scale, as an SVG that needs no library."""

import math
from xml.sax.saxutils import escape

# Hues that stay apart for colour-blind readers; fit for both backgrounds.
COLOURS = ("#0072b2", "#e69f00", "#8c8c8c", "#cc79a7", "#009e73")
STYLE = """
  .background { fill: #ffffff }
  text { font: 13px sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: bold }
  .value { font-size: 10px; text-anchor: middle }
  .axis { text-anchor: end }
  .group { text-anchor: middle }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    .background { fill: #0d1117 }
    text { fill: #e6edf3 }
    .grid { stroke: #30363d }
  }
"""
_BAR = 25
_GAP = 26  # between groups
_LEFT = 70
_TOP = 84
_HEIGHT = 280
_BOTTOM = 34
_RIGHT = 16


def svg(title, groups, series):
    """`series`: {name: values}, one value for each of `groups`, None where there is none."""
    values = [value for row in series.values() for value in row if value is not None]
    low = math.floor(math.log10(min(values)))
    high = math.log10(max(values)) + 0.2  # room for the number on the bar
    group_width = _BAR * len(series) + _GAP
    width = _LEFT + group_width * len(groups) + _RIGHT
    height = _TOP + _HEIGHT + _BOTTOM

    def y_of(value):
        return _TOP + _HEIGHT * (1 - (math.log10(value) - low) / (high - low))

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="background" width="{width}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
    ]
    x = 16
    for colour, name in zip(COLOURS, series, strict=False):
        out.append(f'<rect x="{x}" y="42" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{x + 17}" y="53">{escape(name)}</text>')
        x += 34 + 7.2 * len(name)
    for power in range(low, math.floor(high) + 1):
        y = y_of(10**power)
        out.append(
            f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        out.append(f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}">{10**power}</text>')
    for number, group in enumerate(groups):
        left = _LEFT + _GAP / 2 + group_width * number
        middle = left + _BAR * len(series) / 2
        out.append(f'<text class="group" x="{middle:.1f}" y="{height - 12}">{escape(group)}</text>')
        for place, (colour, row) in enumerate(zip(COLOURS, series.values(), strict=False)):
            value = row[number]
            if value is None:
                continue
            x = left + _BAR * place
            y = y_of(value)
            out.append(
                f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{_BAR - 2}" '
                f'height="{_TOP + _HEIGHT - y:.1f}" fill="{colour}"/>'
            )
            shown = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
            out.append(f'<text class="value" x="{x + _BAR / 2:.1f}" y="{y - 4:.1f}">{shown}</text>')
    return "\n".join([*out, "</svg>", ""])
