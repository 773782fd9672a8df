"""The supervisor knows no time of day: a clock that jumps by ten years, or back, changes nothing that it decides."""

from __future__ import annotations

import ast
from pathlib import Path

import hushd_supervisor

SOURCES = sorted(Path(hushd_supervisor.__file__).parent.rglob("*.py"))
OF_THE_DAY = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}
REAL = "CLOCK_REALTIME"


def readings(source: str) -> list[str]:
    """Returns where a module reads the time of day."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and (node.attr == REAL or (isinstance(node.value, ast.Name) and (node.value.id, node.attr) in OF_THE_DAY))
    ]


def test_nothing_is_decided_by_the_time_of_day() -> None:
    """Only the record of past memory has it; lines of the log are dated by `strftime` alone."""
    assert len(SOURCES) > 60
    readers = {path.name: places for path in SOURCES if (places := readings(path.read_text()))}
    assert {name: len(places) for name, places in readers.items()} == {"history.py": 1}


def test_a_reading_would_be_found() -> None:
    """Whichever way it is written."""
    source = "import time, datetime\nnow = time.time()\nlater = time.clock_gettime(time.CLOCK_REALTIME)\n"
    assert readings(source) == ["2: time.time", "3: time.CLOCK_REALTIME"]
    assert readings("import time\nnow = time.monotonic()\n") == []
