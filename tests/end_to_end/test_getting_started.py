"""README.md: its first steps run as they stand, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.peer import Start

PAGE = (Path(__file__).parents[2] / "README.md").read_text()
PRINTED = "The build is green and two tests were added.\n"


def test_the_first_steps_work(start_supervisor: Start, tmp_path: Path) -> None:
    """Each block ends well, and prints what the page says that it prints."""
    for engine in ("moonshine_voice", "hibari"):
        pytest.importorskip(engine)
    start_supervisor("")
    there = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    steps = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert [language for language, _ in steps] == ["sh", "sh", "sh", "python"]
    printed = []
    for language, text in steps:
        command = ["sh", "-ec", text] if language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        printed.append(done.stdout)
    assert printed[0] == PRINTED
    assert f"```text\n{PRINTED}```" in PAGE
    _, before, after = printed[2].split("WORKER")
    assert before.count(" ready ") == 2
    assert after.count(" stopped ") == 2
    assert printed[3] == "Shall I go on?\n"
    assert (tmp_path / "hello.srt").read_text().startswith("1\n00:00:00,")
