"""docs/VOICES.md and its examples hold: each is run, where its program is here."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hushd_schema.engines import own
from hushd_worker_tts.engines.command import Command
from hushd_worker_tts.engines.command_file import CommandSpec
from support.engine_example import DOCS, blocks, installed, python
from support.outside import needs

OWN = own("tts")
TEXT = (DOCS / "VOICES.md").read_text(encoding="utf-8")


def test_the_engine_of_ones_own_is_found_and_speaks(tmp_path: Path) -> None:
    """Installed by its entry point it is listed beside hushd's, and whistles three letters through the worker."""
    package = installed(TEXT, tmp_path)
    described = json.loads(python(package, "-m", "hushd_worker_tts", "--describe"))["engines"]
    assert {engine["name"] for engine in described} >= {*OWN, "whistle"}
    program = (
        "from hushd_worker.job import Job; from hushd_protocol.messages import Job as Message\n"
        "from hushd_worker_tts.worker import Worker\n"
        "worker = Worker('whistle', 'default'); sent = []\n"
        "print(worker.load(print).voices)\n"
        "message = Message(id=bytes(16), op='synthesize', params={'speed': 2}, payload=b'A b, c.', credit=9)\n"
        "job = Job(message, sent.append)\n"
        "print(worker.run(job), sum(len(chunk.payload) for chunk in sent))\n"
    )
    said = python(package, "-c", program)
    assert said.splitlines()[0] == "('penny',)"
    assert "'duration': 0.075, 'rate': 16000, 'voice': 'penny'" in said
    assert said.split()[-1] == "2400"


def test_all_engines_are_in_the_tables() -> None:
    """Each of hushd's own has its row, and its section where there is something to install."""
    rows = re.findall(r"^\| `([a-z-]+)`", TEXT, re.MULTILINE)
    assert {*rows} == {*OWN}
    assert {*re.findall(r"^## ([a-z-]+)", TEXT, re.MULTILINE)} == {*OWN}


def test_the_documents_command_is_one(tmp_path: Path) -> None:
    """The file that is explained there has every key but the list of voices, and the values it calls defaults are."""
    (example,) = [block for block in blocks(TEXT, "toml") if block.startswith("run = ")]
    (tmp_path / "x.toml").write_text(example)
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / "x.toml").write_text(example.partition("# All that follows")[0])
    full, short = CommandSpec.read(tmp_path / "x.toml"), CommandSpec.read(tmp_path / "short" / "x.toml")
    assert full == replace(short, path=full.path)
    assert {line.split()[0] for line in example.splitlines() if " = " in line} == {
        "run", "language", "gender", "sample", "output", "rate", "channels", "wpm", "memory_mb", "timeout",
    }  # fmt: skip


def test_macos_say() -> None:
    """Its file makes sense; the program itself is for a Mac."""
    spec = CommandSpec.read(DOCS / "examples" / "macos-say.toml")
    assert spec.reads_input
    assert spec.writes_file
    assert spec.arguments("x", "/a.wav", spec.speakers[1], 2.0) == [
        "-v", "Thomas", "-r", "350", "--file-format=WAVE", "--data-format=LEI16@22050", "-o", "/a.wav", "-f", "-",
    ]  # fmt: skip


@needs("flite")
def test_flite(runtime: Path) -> None:
    """The real program speaks, twice as fast if it is asked to, and a text is not taken for its options."""
    (runtime / "voices").mkdir()
    shutil.copy(DOCS / "examples" / "flite.toml", runtime / "voices")
    command = Command("flite")
    command.load(lambda note: None)
    (voice,) = Command.voices()
    lengths = []
    for speed in (1.0, 2.0):
        (chunk,) = command.synthesize("Ever tried, ever failed.", voice, speed)
        assert np.abs(chunk.samples).max() > 0.1
        lengths.append(len(chunk.samples) / chunk.rate)
    assert 1 < lengths[0] < 3
    assert lengths[1] == pytest.approx(lengths[0] / 2, rel=0.1)
    (chunk,) = command.synthesize("-t is an option.", voice, 1.0)
    assert len(chunk.samples) > chunk.rate / 2
