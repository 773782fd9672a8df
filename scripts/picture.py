"""Draws memory over time as an SVG: stacked areas, one a process, and marks for what happened."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor
from pathlib import Path

WIDTH, HEIGHT = 760, 300
STRIP = 130  # height of the part that shows one series by itself
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 44, 40
COLOURS = ("#3b6ea5", "#e08e45", "#5b9f6e", "#9a6fb0")


def draw(
    path: Path,
    title: str,
    times: Sequence[float],
    series: dict[str, Sequence[float]],
    marks: Sequence[tuple[float, str]] = (),
    below: tuple[str, Sequence[float]] | None = None,
) -> None:
    """Writes the picture of `series` (MB at each of `times`, in seconds) with `marks` (seconds, words).

    `below` is one more series (its name, MB), drawn as a line under the picture on a scale of its own.
    """
    span = max(times) or 1.0
    top = _round_up(max(map(sum, zip(*series.values(), strict=True))))
    height = HEIGHT + (STRIP if below else 0)

    def x(second: float) -> float:
        return LEFT + second / span * (WIDTH - LEFT - RIGHT)

    def y(megabytes: float) -> float:
        return HEIGHT - BOTTOM - megabytes / top * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="12" fill="#444">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" fill="#222">{escape(title)}</text>',
    ]
    for step in range(5):
        value = top * step / 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    out.append(f'<text x="{LEFT - 6}" y="{TOP - 12}" text-anchor="end">MB</text>')
    base = [0.0] * len(times)
    legend = LEFT
    for colour, (name, values) in zip(COLOURS, series.items(), strict=False):
        upper = [low + value for low, value in zip(base, values, strict=True)]
        edge = [f"{x(t):.1f},{y(v):.1f}" for t, v in zip(times, upper, strict=True)]
        floor = [f"{x(t):.1f},{y(v):.1f}" for t, v in zip(times, base, strict=True)]
        out.append(f'<polygon points="{" ".join(edge + floor[::-1])}" fill="{colour}" fill-opacity="0.85"/>')
        out.append(f'<rect x="{legend}" y="{HEIGHT - 16}" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="{legend + 15}" y="{HEIGHT - 7}">{escape(name)}</text>')
        legend += 30 + 7 * len(name)
        base = upper
    for number, (second, words) in enumerate(marks):
        out.append(
            f'<line x1="{x(second):.1f}" x2="{x(second):.1f}" y1="{TOP - 6}" y2="{HEIGHT - BOTTOM}" '
            'stroke="#888" stroke-dasharray="2 3"/>'
        )
        anchor = "end" if second > span * 0.8 else "start"
        nudge = -4 if anchor == "end" else 4
        out.append(
            f'<text x="{x(second) + nudge:.1f}" y="{TOP + 4 + 14 * (number % 2)}" text-anchor="{anchor}" '
            f'font-size="11">{escape(words)}</text>'
        )
    out.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 7}" text-anchor="end">{span:.0f} s</text>')
    if below:
        out += _strip(below[0], [x(t) for t in times], below[1])
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n")


def _strip(name: str, across: Sequence[float], values: Sequence[float]) -> list[str]:
    """One series as a line between its own lowest and highest whole MB."""
    low, high = floor(min(values)), ceil(max(values))
    high += high == low

    def y(megabytes: float) -> float:
        return HEIGHT + STRIP - 14 - (megabytes - low) / (high - low) * (STRIP - 44)

    out = [f'<text x="{LEFT}" y="{HEIGHT + 18}" font-size="13" fill="#222">{escape(name)}</text>']
    for value in (low, high):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    line = " ".join(f"{x:.1f},{y(value):.1f}" for x, value in zip(across, values, strict=True))
    return [*out, f'<polyline points="{line}" fill="none" stroke="{COLOURS[0]}" stroke-width="1.5"/>']


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 10 times a power of ten, so that quarters are round numbers."""
    scale = 10.0 ** (len(str(int(value))) - 1)
    return next(step * scale for step in (1, 2, 4, 5, 6, 8, 10) if step * scale >= value)
