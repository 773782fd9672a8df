"""Draws memory over time as an SVG: stacked areas, one a process, and marks for what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from colorsys import hls_to_rgb
from dataclasses import dataclass
from html import escape
from math import ceil, floor

WIDTH, HEIGHT = 760, 300
STRIP = 130  # height of the part that shows one series by itself
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 44, 40
ROW = 18  # of the legend
_FIRST = ("#3b6ea5", "#e08e45", "#5b9f6e", "#9a6fb0", "#c95d63", "#4fa3a5", "#8a7a5c", "#7d8597")
GOLDEN_ANGLE = 137.508  # degrees of the circle of hues
_DASHED = 'fill="none" stroke="#222" stroke-width="1.5" stroke-dasharray="6 4"'
# Programs that know no style sheets show the picture as on a light page.
_DARK = """<style>@media (prefers-color-scheme: dark) {
svg { fill: #b8bec9; } rect[fill="#fff"] { fill: #16191f; } text[fill="#222"] { fill: #e8eaee; }
[stroke="#222"] { stroke: #e8eaee; } [stroke="#ddd"] { stroke: #343a44; } }</style>"""
_UP, _DOWN = ("#2e7d43", "0,-7 4,0 -4,0"), ("#b03a3a", "0,7 4,0 -4,0")


def round_up(value: float) -> float:
    """Rounds up to 1, 2, 4, 5 or 10 times a power of ten, so that quarters are round numbers."""
    scale = 10.0 ** (len(str(int(value))) - 1)
    return next(step * scale for step in (1, 2, 4, 5, 6, 8, 10) if step * scale >= value)


@dataclass(frozen=True, slots=True)
class Tick:
    """A triangle under the picture: something began or ended after so many seconds."""

    second: float
    begins: bool
    words: str


def draw(
    title: str,
    times: Sequence[float],
    series: Mapping[str, Sequence[float]],
    marks: Sequence[tuple[float, str]] = (),
    below: tuple[str, Sequence[float]] | None = None,
    beside: tuple[str, Sequence[float]] | None = None,
    ticks: Sequence[Tick] = (),
) -> str:
    """Returns the picture of `series` (MB at each of `times`, in seconds from 0) with `marks` (seconds, words).

    Args:
        below: one more series (its name, MB), drawn as a line under the picture on a scale of its own.
        beside: one more series, drawn as a dashed line on the same scale.
    """
    highest = max(*map(sum, zip(*series.values(), strict=True)), *(beside[1] if beside else ()), 1.0)
    picture = _Picture(max(times) or 1.0, round_up(highest))
    areas = list(picture.areas(times, series))
    dashes = picture.dashes(times, *beside) if beside else []
    height = HEIGHT + picture.legend_rows * ROW
    strip = picture.strip(height, times, *below) if below else []
    bottom = height + (STRIP if below else 0)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" font-family="sans-serif" '
            'font-size="12" fill="#444" role="img">',
            f"<title>{escape(title)}</title>",
            _DARK,
            f'<rect width="{WIDTH}" height="{bottom}" fill="#fff"/>',
            f'<text x="{LEFT}" y="20" font-size="14" fill="#222">{escape(title)}</text>',
            *picture.grid(),
            *areas,
            *dashes,
            *picture.marks(marks),
            *picture.ticks(ticks),
            f'<text x="{WIDTH - RIGHT}" y="{height - 7}" text-anchor="end">{max(times):.0f} s</text>',
            *strip,
            "</svg>",
            "",
        ]
    )


def colour(number: int) -> str:
    """The colour of an area: chosen ones first, then hues a golden angle apart, so that no two are the same."""
    if number < len(_FIRST):
        return _FIRST[number]
    red, green, blue = hls_to_rgb(number * GOLDEN_ANGLE / 360 % 1.0, 0.45, 0.45)
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))


class _Picture:
    """Elements on a scale of `span` seconds and `top` MB.

    Attributes:
        legend_rows: the rows of the legend beyond the first, as far as it was written.
    """

    def __init__(self, span: float, top: float) -> None:
        self._span = span
        self._top = top
        self._legend = LEFT
        self.legend_rows = 0

    def grid(self) -> Iterator[str]:
        """Lines at the quarters of the scale, and its numbers."""
        for step in range(5):
            value = self._top * step / 4
            yield _line(self._y(value))
            yield f'<text x="{LEFT - 6}" y="{self._y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        yield f'<text x="{LEFT - 6}" y="{TOP - 12}" text-anchor="end">MB</text>'

    def areas(self, times: Sequence[float], series: Mapping[str, Sequence[float]]) -> Iterator[str]:
        """The series on top of each other."""
        base = [0.0] * len(times)
        for number, (name, values) in enumerate(series.items()):
            fill = colour(number)
            upper = [low + value for low, value in zip(base, values, strict=True)]
            points = " ".join([*self._points(times, upper), *self._points(times, base)[::-1]])
            yield f'<polygon points="{points}" fill="{fill}" fill-opacity="0.85"/>'
            x, y = self._entry(name)
            yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{fill}"/>'
            yield f'<text x="{x + 15}" y="{y}">{escape(name)}</text>'
            base = upper

    def dashes(self, times: Sequence[float], name: str, values: Sequence[float]) -> list[str]:
        """A series as a dashed line."""
        x, y = self._entry(name)
        return [
            f'<polyline points="{" ".join(self._points(times, values))}" {_DASHED}/>',
            f'<line x1="{x}" x2="{x + 12}" y1="{y - 4}" y2="{y - 4}" {_DASHED}/>',
            f'<text x="{x + 15}" y="{y}">{escape(name)}</text>',
        ]

    def marks(self, marks: Sequence[tuple[float, str]]) -> Iterator[str]:
        """Words at their times, on two lines in turn."""
        for number, (second, words) in enumerate(marks):
            x = self._x(second)
            yield (
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{HEIGHT - BOTTOM}" '
                'stroke="#888" stroke-dasharray="2 3"/>'
            )
            anchor, nudge = ("end", -4) if second > self._span * 0.8 else ("start", 4)
            yield (
                f'<text x="{x + nudge:.1f}" y="{TOP + 4 + 14 * (number % 2)}" text-anchor="{anchor}" '
                f'font-size="11">{escape(words)}</text>'
            )

    def ticks(self, ticks: Sequence[Tick]) -> Iterator[str]:
        """Triangles below the areas: upwards where something began."""
        for tick in ticks:
            fill, points = _UP if tick.begins else _DOWN
            place = f"translate({self._x(tick.second):.1f} {HEIGHT - BOTTOM + (9 if tick.begins else 11)})"
            words = f"<title>{escape(tick.words)}</title>"
            yield f'<polygon transform="{place}" points="{points}" fill="{fill}">{words}</polygon>'

    def strip(self, top: float, times: Sequence[float], name: str, values: Sequence[float]) -> list[str]:
        """One series as a line between its own lowest and highest whole MB, below `top`."""
        low, high = floor(min(values)), ceil(max(values))
        high += high == low

        def y(megabytes: float) -> float:
            return top + STRIP - 14 - (megabytes - low) / (high - low) * (STRIP - 44)

        out = [f'<text x="{LEFT}" y="{top + 18}" font-size="13" fill="#222">{escape(name)}</text>']
        for value in (low, high):
            out.append(_line(y(value)))
            out.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
        line = " ".join(f"{self._x(time):.1f},{y(value):.1f}" for time, value in zip(times, values, strict=True))
        return [*out, f'<polyline points="{line}" fill="none" stroke="{colour(0)}" stroke-width="1.5"/>']

    def _x(self, second: float) -> float:
        return LEFT + second / self._span * (WIDTH - LEFT - RIGHT)

    def _y(self, megabytes: float) -> float:
        return HEIGHT - BOTTOM - megabytes / self._top * (HEIGHT - TOP - BOTTOM)

    def _points(self, times: Sequence[float], values: Sequence[float]) -> list[str]:
        return [f"{self._x(time):.1f},{self._y(value):.1f}" for time, value in zip(times, values, strict=True)]

    def _entry(self, name: str) -> tuple[int, int]:
        """The place of the next entry of the legend, on the next row where the last is full."""
        width = 30 + 7 * len(name)
        if self._legend > LEFT and self._legend + width > WIDTH - RIGHT - 60:
            self._legend, self.legend_rows = LEFT, self.legend_rows + 1
        x = self._legend
        self._legend += width
        return x, HEIGHT - 7 + self.legend_rows * ROW


def _line(y: float) -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
