"""Writes the peers' section of docs/BENCHMARKS.md, between its marks, and the picture beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from html import escape

import section as document
from picture import colour, round_up

from .figures import Figures

PICTURE = document.DOCS / "pictures/peers.svg"
HEAD = (
    "| | idle | ready after | cold: speech | cold: text | warm: speech | warm: text | after use | wake-ups in 10 s |",
    "|---|---|---|---|---|---|---|---|---|",
)
ABSENT = (
    "Not in the table, since they could not be run here: speaches, which is not on PyPI; wyoming-faster-whisper and "
    "wyoming-piper, whose models come from elsewhere."
)
LEFT, RIGHT, TOP, ROW, BAR = 190, 60, 64, 40, 14
WIDTH = 760
DARK = """<style>@media (prefers-color-scheme: dark) {
svg { fill: #b8bec9; } rect[fill="#fff"] { fill: #16191f; } text[fill="#222"] { fill: #e8eaee; }
[stroke="#ddd"] { stroke: #343a44; } }</style>"""


def write(found: Sequence[Figures]) -> None:
    """Writes the section and the picture."""
    document.write("peers", section(found, date.today(), os.cpu_count() or 1))
    PICTURE.write_text(picture(found))


def section(found: Sequence[Figures], day: date, cores: int) -> str:
    """The section's text."""
    return "\n".join(
        [
            f"![Memory of each, idle and after use](pictures/{PICTURE.name})",
            "",
            f"Of {day}, {cores} cores, load {os.getloadavg()[0]:.0f}, one run, medians. Memory: PSS of all a peer's "
            "processes. Speech: ten words, to the first audio.",
            "Text: the transcript of ten seconds. Cold: with nothing loaded; a peer that never unloads has no such "
            "figure.",
            "",
            *HEAD,
            *map(_row, found),
            "",
            ABSENT,
            "",
        ]
    )


def _row(one: Figures) -> str:
    name = " ".join(filter(None, (one.name, one.version)))
    cells = (
        f"{name}: {one.how}",
        _cell(one.idle_mb, "MB"),
        _cell(one.ready_s, "s"),
        _cell(one.cold_say_s, "s"),
        _cell(one.cold_listen_s, "s"),
        _cell(one.warm_say_s, "s"),
        _cell(one.warm_listen_s, "s"),
        _cell(one.after_mb, "MB"),
        "" if one.wakeups is None else f"{one.wakeups:.0f}",
    )
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.0f} MB" if unit == "MB" else f"{value:.3f} s" if value < 0.1 else f"{value:.2f} s"


def picture(found: Sequence[Figures]) -> str:
    """Two bars for each peer: idle, and after use."""
    shown = [one for one in found if one.idle_mb]
    top = round_up(max(max(one.idle_mb or 0, one.after_mb or 0) for one in shown))
    height = TOP + ROW * len(shown) + 12

    def width(megabytes: float) -> float:
        return megabytes / top * (WIDTH - LEFT - RIGHT)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="12" fill="#444" role="img">',
        "<title>Memory of each peer, idle and after use</title>",
        DARK,
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="16" y="20" font-size="14" fill="#222">Memory in MB (PSS)</text>',
    ]
    for number, words in enumerate(("before the first request", "after use, idle again")):
        out.append(f'<rect x="{LEFT + 190 * number}" y="33" width="10" height="10" fill="{colour(number)}"/>')
        out.append(f'<text x="{LEFT + 15 + 190 * number}" y="42">{words}</text>')
    for number, one in enumerate(shown):
        y = TOP + ROW * number
        out.append(f'<text x="{LEFT - 8}" y="{y + BAR + 4}" text-anchor="end" fill="#222">{escape(one.name)}</text>')
        for place, value in enumerate((one.idle_mb, one.after_mb)):
            if value is not None:
                at = y + place * (BAR + 1)
                fill = colour(place)
                out.append(f'<rect x="{LEFT}" y="{at}" width="{width(value):.1f}" height="{BAR}" fill="{fill}"/>')
                out.append(f'<text x="{LEFT + width(value) + 5:.1f}" y="{at + 11}">{value:.0f}</text>')
    return "\n".join([*out, "</svg>", ""])
