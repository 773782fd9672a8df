"""The part of docs/MODELS.md on engines that speak holds: its examples are run, where their programs are here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from hushd_schema import toml
from hushd_schema.engines import own
from hushd_worker_tts.engines.command import CommandSpec
from support.engine_example import DOCS, blocks, package, python

OWN = own("tts")
TEXT = (DOCS / "MODELS.md").read_text(encoding="utf-8")
WHISTLE = """\
from hushd_schema.engines import EngineSpec
from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice


class Whistle(Engine):
    SPEC = EngineSpec("whistle", "tts", "hushd_whistle:Whistle", "tin", default_voice="penny", fastest=4.0)

    def __init__(self, model):
        self.model = model

    @classmethod
    def models(cls):
        return (Model("tin", languages=("en",), memory_mb=60, embedded=True, installed=True),)

    @classmethod
    def voices(cls):
        return (Voice("penny", "en", "", "tin", installed=True, sample="Fweet.", wpm=120),)

    def load(self, report):
        import numpy  # import heavy libraries here: describing the engines imports this module

        self.numpy = numpy

    def synthesize(self, text, voice, speed):
        np, rate, letters = self.numpy, 16_000, [c for c in text.lower() if c.isalpha()]
        time = np.arange(int(0.05 * rate / speed)) / rate
        if letters:
            tones = [np.sin(2 * np.pi * (800 + 40 * (ord(letter) - 97)) * time) for letter in letters]
            yield AudioChunk(0.5 * np.concatenate(tones).astype(np.float32), rate)


SPEC = Whistle.SPEC
"""  # an engine that whistles a tone for each letter


def test_the_engine_of_ones_own_is_found_and_speaks(tmp_path: Path) -> None:
    """Installed by its entry point it is listed beside hushd's, and whistles three letters through the worker."""
    (tmp_path / "hushd_whistle.py").write_text(WHISTLE)
    package(tmp_path, "hushd_whistle", "hushd.engine_specs", {"whistle": "hushd_whistle:SPEC"})
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    described = json.loads(python(environment, "-m", "hushd_worker_tts", "--describe"))["engines"]
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
    said = python(environment, "-c", program)
    assert said.splitlines()[0] == "('penny',)"
    assert "'duration': 0.075, 'rate': 16000, 'voice': 'penny'" in said
    assert said.split()[-1] == "2400"


def test_all_engines_are_in_the_tables() -> None:
    """Each of hushd's own has its row, which leads to its section."""
    table = TEXT.partition("### Text-to-speech engines")[2].partition("###")[0]
    assert {*re.findall(r"^\| \[`([a-z-]+)`\]\((?!\.\./plugins/)", table, re.MULTILINE)} == {*OWN}
    sections = TEXT.partition("## More about text-to-speech engines")[2].partition("\n## ")[0]
    assert {*re.findall(r"^### ([a-z-]+)$", sections, re.MULTILINE)} == {*OWN} - {"command", "server"}


def test_the_documents_command_is_one() -> None:
    """The file that is explained there has every key, and the values it calls defaults are."""
    (example,) = [block for block in blocks(TEXT, "toml") if block.startswith("run = ") and "\nwpm = " in block]
    beginning = example.partition("# All that follows")[0]
    full, short = (CommandSpec.of(Path(), toml.loads(text)) for text in (example, beginning))
    assert full == short
    assert {line.split()[0] for line in example.splitlines() if " = " in line} == {
        "run", "language", "gender", "wpm", "memory_mb", "timeout",
    }  # fmt: skip


def test_macos_say() -> None:
    """Its file makes sense; the program itself is for a Mac."""
    path = DOCS / "examples" / "macos-say.toml"
    spec = CommandSpec.of(path, toml.load(path))
    assert spec.reads_input
    assert spec.writes_file
    assert spec.arguments("x", "/a.wav", "Thomas", 2.0) == [
        "-v", "Thomas", "-r", "350", "--file-format=WAVE", "--data-format=LEI16@22050", "-o", "/a.wav", "-f", "-",
    ]  # fmt: skip
