"""Draws memory over time, `hushd top` and `hushd captions` as pictures for the documents, from real use.

Captions are of a recording, played into a sound server without a device and shown in tmux. `lab/pictures.py captions`
draws only these, `lab/pictures.py memory` the others.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from benches.stage import BIN, recording, supervisor
from hushd import Client
from hushd.reports import memory as record
from hushd.reports.memory import Window, megabytes
from hushd_cli.commands.top_frame import frame
from picture import Tick, draw
from rich.console import Console
from support.sound_loop import SoundLoop

FOLDER = Path(__file__).parents[1] / "docs/pictures"
COLUMNS = 100  # of `hushd top`
Line = Sequence[tuple[str, str]]  # texts with their styles
WIDTH, HEIGHT = 8.4, 16  # of a character
COLOURS = {"": "#d8dee9", "bold": "#ffffff", "dim": "#8a93a5"}
KEEP_S = 12
NO_BREAK = "\xa0"  # browsers join ordinary spaces
PAGES = "It was the best of times, it was the worst of times. " * 100
CAPTIONS_COLUMNS, CAPTIONS_LINES = 92, 14
FINISHED = 5  # captions above the one in the making
STYLES = {"1": "bold", "2": "dim"}  # by their codes in SGR


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    drawn = {"memory": draw_memory, "captions": draw_captions}
    for name in sys.argv[1:] or drawn:
        drawn[name]()
    return 0


def draw_memory() -> None:
    """Uses hushd for two minutes, as three programs would, and draws what there is to see at the end."""
    with supervisor(f"[worker]\nkeep_alive = {KEEP_S}\n"), Client(holder="agent") as client:
        for pause in (35, 30, 35):
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
        (FOLDER / "memory.svg").write_text(_memory_held(client))


def _memory_held(client: Client) -> str:
    """Returns a picture of what supervisor and workers have held so far, beside a server that never unloads."""
    window = Window.last(3600.0, record.from_data(client.control("memory")), client.status(), time.time())
    series = {"supervisor": [megabytes(part.supervisor) for part in window.moments]}
    for name in dict.fromkeys(name for part in window.moments for name in part.workers):
        series[name] = [megabytes(part.workers.get(name, 0)) for part in window.moments]
    return draw(
        "memory in MB",
        [part.time - window.start for part in window.moments],
        series,
        beside=("a server that never unloads", [megabytes(part.resident) for part in window.moments]),
        ticks=[Tick(e.time - window.start, e.event == "start", f"{e.event} of {e.name}") for e in window.changes],
    )


def draw_captions() -> None:
    """Shows `hushd captions` while a recording plays, with a line in the making."""
    with tempfile.TemporaryDirectory() as scratch, SoundLoop(Path(scratch, "sound")) as loop:
        shown = {name: loop.environment[name] for name in ("PULSE_SERVER", "PULSE_SINK", "PULSE_SOURCE")}
        with supervisor(**shown), Client() as client, _tmux(Path(scratch, "tmux"), "hushd captions") as screen:
            client.preload("stt")
            loop.wait_for_a_recorder()
            command = ["paplay", "--device=loop", str(recording("two_cities.wav"))]
            player = subprocess.Popen(command, env=loop.environment, stdin=subprocess.DEVNULL)
            try:
                lines = _captions(screen, player)
            finally:
                player.kill()
                player.wait()
    title = "hushd captions in a terminal: finished lines, and one in the making"
    (FOLDER / "captions.svg").write_text(_terminal(lines, title, CAPTIONS_COLUMNS))


def _captions(screen: Sequence[str], player: subprocess.Popen[bytes]) -> list[Line]:
    """The lines of the terminal once enough captions are finished, and one is being made."""
    while player.poll() is None:
        text = subprocess.run(screen, capture_output=True, text=True, check=True).stdout
        lines = [_styled(line) for line in text.rstrip("\n").splitlines()]
        if len(lines) > FINISHED and {style for text, style in lines[-1]} == {"", "dim"}:
            return lines
        time.sleep(0.05)
    raise SystemExit("The recording was over before there was a line in the making: is the machine busy?")


@contextmanager
def _tmux(socket: Path, command: str) -> Iterator[Sequence[str]]:
    """A terminal that runs a command; yields the program that prints its lines, with their colours."""
    tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
    size = ["-x", str(CAPTIONS_COLUMNS), "-y", str(CAPTIONS_LINES)]
    subprocess.run([*tmux, "new-session", "-d", *size, f"{BIN}/{shlex.join(shlex.split(command))}"], check=True)
    try:
        yield [*tmux, "capture-pane", "-e", "-p"]
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def _styled(line: str) -> Line:
    """A line as tmux prints it: texts with their styles."""
    style, parts = "", []
    for codes, text in re.findall(r"(?:\x1b\[([\d;]*)m)?([^\x1b]*)", line):
        style = STYLES.get(codes, "") if codes else style
        if text:
            parts.append((text, style))
    return parts


def _draw_top(client: Client) -> None:
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="standard")
    console.print(frame(client.status(), console))
    drawn = console.export_svg(title=f"hushd top in a terminal of {COLUMNS} columns", unique_id="top")
    (FOLDER / "top.svg").write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL))  # from elsewhere


def _terminal(lines: Sequence[Line], title: str, columns: int) -> str:
    """Lines of a terminal as an SVG."""
    width, height = columns * WIDTH + 24, len(lines) * HEIGHT + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="monospace" '
        'font-size="14" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1d222c"/>',
    ]
    for row, line in enumerate(lines):
        column = 0
        for text, style in line:
            x, y = 12 + column * WIDTH, 12 + row * HEIGHT
            column += len(text)
            weight = ' font-weight="bold"' if style == "bold" else ""
            place = f'x="{x:.1f}" y="{y + 12.5}" textLength="{len(text) * WIDTH:.1f}"'
            shown = escape(text).replace(" ", NO_BREAK)
            out.append(f'<text {place} fill="{COLOURS[style]}"{weight}>{shown}</text>')
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    sys.exit(main())
