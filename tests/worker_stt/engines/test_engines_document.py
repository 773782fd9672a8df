"""docs/MODELS.md and its examples hold: each is run, with a stand-in where the real program is not here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hushd_schema import toml
from hushd_worker_stt.engine import Options, Segment
from hushd_worker_stt.engines.command import Command, CommandSpec
from support.engine_example import DOCS, blocks

ROOT = DOCS.parent
TEXT = (DOCS / "MODELS.md").read_text(encoding="utf-8")


def test_the_documents_command_is_one() -> None:
    """The file that is explained there has every key, and the values it calls defaults are."""
    (example,) = [block for block in blocks(TEXT, "toml") if block.startswith("run = ") and "\npiece = " in block]
    beginning = example.partition("# All that follows")[0]
    full, short = (CommandSpec.of(Path(), toml.loads(text)) for text in (example, beginning))
    assert full == short


WHISPER_CLI = """\
#!/bin/sh
"exec" "{python}" "$0" "$@"  # for Python a text; a `#!` takes no path with a blank
import sys, wave
with wave.open(sys.argv[sys.argv.index("--file") + 1]) as file:
    seconds = file.getnframes() / file.getframerate()
print("whisper_init_from_file", file=sys.stderr)
print()
print("[00:00:00.000 --> 00:00:00.500]  ", *sys.argv[1:4])
print(f"[00:00:00.500 --> 00:00:{{seconds:06.3f}}]  ", *sys.argv[6:])
"""


@pytest.mark.parametrize(("options", "said"), [
    (Options(), "--language auto"),
    (
        Options(language="de", prompt="Pozzo", beam=3, temperature=0.0, translate=True),
        "--language de --prompt Pozzo --beam-size 3 --temperature 0 --translate",
    ),
])  # fmt: skip
def test_whisper_cpp(runtime: Path, monkeypatch: pytest.MonkeyPatch, options: Options, said: str) -> None:
    """A stand-in that prints as whisper.cpp does gets the arguments, and its lines become segments."""
    monkeypatch.setenv("PATH", str(runtime))
    monkeypatch.setenv("HOME", "/home/me")
    (runtime / "whisper-cli").write_text(WHISPER_CLI.format(python=sys.executable))
    (runtime / "whisper-cli").chmod(0o755)
    (runtime / "commands").mkdir()
    (runtime / "commands" / "whisper-cpp.toml").write_text((DOCS / "examples" / "whisper-cpp.toml").read_text())
    command = Command()
    command.load("whisper-cpp", print)
    assert command.transcribe(np.zeros(16_000, np.float32), options) == [
        Segment(0.0, 0.5, "--no-prints --model /home/me/models/ggml-base.bin"),
        Segment(0.5, 1.0, said),
    ]
