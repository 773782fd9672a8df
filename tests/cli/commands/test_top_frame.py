"""A frame of `hushd top` at several widths: which columns it has, and that nothing is wider than the terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from hushd_cli.commands.top_frame import frame
from hushd_schema.status import Status
from rich.console import Console

NONE = ("running", "queued", "crashes")
NAME = "stt/onnx-asr/nemo-parakeet-tdt-0.6b-v3"


def worker(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "state": "stopped", "pid": None, "starts": 1, **dict.fromkeys(NONE, 0), **fields}


def status(*workers: dict[str, Any], **floor: Any) -> Status:
    return Status.from_data(
        {
            "supervisor": {"version": "0.1.0", "pid": 7, "uptime_s": 8345.0, "rss_mb": 22.4, "pss_mb": 21.9},
            "memory": {"used_mb": 1204.0, "budget_mb": 6400.0, "available_mb": 5120.0, "pressure": "warning"},
            "floor": floor,
            "workers": list(workers),
        }
    )


def drawn(shown: Status | None, width: int) -> list[str]:
    console = Console(width=width, file=StringIO(), color_system=None)
    console.print(frame(shown, console))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


BUSY = status(
    worker("stt/moonshine/tiny-en"),
    worker(NAME, state="busy", pid=8, pss_mb=760.0, running=2, queued=1, latency_ms=340.0, latency_p95_ms=1250.0),
    worker("tts/hibari/en", state="ready", pid=9, pss_mb=142.0, expires_in_s=212.0),
    speaker={"turn": 3, "client": "claude", "pid": 11, "priority": "text", "for_s": 4.0},
    waiting=1,
)


@pytest.mark.parametrize(("width", "titles"), [
    (60, "WORKER STATE MEMORY ENDS IN"),
    (80, "WORKER STATE MEMORY ENDS IN RUN"),
    (140, "WORKER STATE MEMORY ENDS IN RUN QUEUE LATENCY STARTS CRASHES PID"),
])  # fmt: skip
def test_a_narrow_terminal_has_the_first_columns(width: int, titles: str) -> None:
    """Each line is as wide as the terminal; processes come first, and a name that has no room is shortened."""
    lines = drawn(BUSY, width)
    assert {len(line) for line in lines} == {width}
    (header,) = (number for number, line in enumerate(lines) if "WORKER" in line)
    assert " ".join(lines[header].strip("│ ").split()) == titles
    names = [line.strip("│ ").split()[0] for line in lines[header + 1 : header + 4]]
    assert names[1:] == ["tts/hibari/en", "stt/moonshine/tiny-en"]
    assert names[0] == NAME if width > 60 else names[0].endswith("…")


def test_memory_and_devices_are_told_in_words() -> None:
    """The frame has the memory that workers take and may take, that of the machine, and who speaks."""
    text = "\n".join(drawn(BUSY, 80))
    memory, devices = (
        ("1,204 of 6,400 MB", "5,120 MB available", "pressure warning"),
        ("claude speaks for 0:04", "1 waiting"),
    )
    for words in (*memory, *devices, "up 2:19:05", "3:32"):
        assert words in text


def test_names_from_programs_send_no_control_sequence() -> None:
    """A client may call itself anything."""
    speaker = {"turn": 3, "client": "\x1b[2Jbad\x07", "pid": 1, "priority": "text", "for_s": 4.0}
    text = "\n".join(drawn(status(speaker=speaker), 80))
    assert "\x1b" not in text
    assert "bad" in text
