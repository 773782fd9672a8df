"""Draws `hushd top` and `hushd memory` as pictures for the documents, after some real use."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from benches.stage import BIN, recording, supervisor
from hushd import Client
from hushd import memory_record as record
from hushd.cli.top import frame
from hushd.cli.top.screen import Line
from hushd_protocol.system import paths

FOLDER = Path(__file__).parents[1] / "docs/pictures"
COLUMNS, LINES = 80, 24
WIDTH, HEIGHT = 8.4, 16  # of a character
COLOURS = {
    "": "#d8dee9", "bold": "#ffffff", "dim": "#8a93a5", "good": "#a3be8c", "busy": "#88c0d0", "warning": "#ebcb8b",
    "bad": "#e06c75", "bars": "#81a1c1", "title": "#8fbcbb", "chosen": "#1d222c",
}  # fmt: skip
KEEP_S = 12
NO_BREAK = "\xa0"  # browsers join ordinary spaces
PAGES = "It was the best of times, it was the worst of times. " * 12


def main() -> int:
    """Uses hushd for two minutes, as three programs would, and draws what there is to see at the end."""
    FOLDER.mkdir(exist_ok=True)
    with supervisor(f"[worker]\nkeep_alive = {KEEP_S}\n"), Client(holder="agent") as client:
        for pause in (25, 20, 25):
            b"".join(client.synthesize("Good morning. Two builds are done, and one needs you."))
            time.sleep(4)
            client.transcribe(recording("beckett.wav"))
            time.sleep(pause)
        for _ in range(8):
            b"".join(client.synthesize("A short answer."))
        speech = client.synthesize(PAGES)
        next(speech)  # it is at work
        client.preload("stt")
        _draw_top(client)
        speech.close()
        subprocess.run([BIN / "hushd", "memory", "-o", FOLDER / "memory.svg"], check=True)
    return 0


def _draw_top(client: Client) -> None:
    status, now = client.status(), time.time()
    entries = record.until_now(record.read(paths.find().memory_record), status, now)
    view = frame.View(status=status, moments=record.moments(entries), now=now)
    view.chosen = str(frame.rows(view)[0]["name"])
    (FOLDER / "top.svg").write_text(_terminal(frame.lines(view, COLUMNS, LINES)))


def _terminal(lines: Sequence[Line]) -> str:
    """Lines of a terminal as an SVG."""
    width, height = COLUMNS * WIDTH + 24, len(lines) * HEIGHT + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="monospace" '
        'font-size="14" role="img">',
        "<title>hushd top in a terminal of 80 by 24 characters</title>",
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1d222c"/>',
    ]
    for row, line in enumerate(lines):
        column = 0
        for text, style in line:
            x, y = 12 + column * WIDTH, 12 + row * HEIGHT
            column += len(text)
            if style == "chosen":
                out.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{len(text) * WIDTH:.1f}" height="{HEIGHT}" fill="#d8dee9"/>'
                )
            weight = ' font-weight="bold"' if style in ("bold", "title") else ""
            place = f'x="{x:.1f}" y="{y + 12.5}" textLength="{len(text) * WIDTH:.1f}"'
            shown = escape(text).replace(" ", NO_BREAK)
            out.append(f'<text {place} fill="{COLOURS[style]}"{weight}>{shown}</text>')
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    sys.exit(main())
