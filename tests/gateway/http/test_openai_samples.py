"""OpenAI's own samples of sound as programs, unchanged: `support/openai_samples.py` says where they come from."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import soundfile
from support import moonshine_once
from support.http_gateway import HttpGateway
from support.openai_samples import (
    FOLDER,
    NODE_MODULES,
    Sample,
    filled,
    has_node,
    of_folder,
    of_npm_package,
    of_python_package,
)
from support.peer import BOUND_S, Supervisor, check_nothing_is_left
from support.recordings import opening, recording

DOCUMENT = Path(__file__).parents[3] / "docs/FROM-OPENAI.md"
HEARD = "better"  # of the recording behind every file of a sample
PYTHON_STAND_INS = Path(__file__).parents[2] / "support/stand_ins/openai"
needs_node = pytest.mark.skipif(
    not has_node(), reason="openai for Node.js is not installed: npm install --prefix build openai ws"
)
needs_folder = pytest.mark.skipif(
    FOLDER not in os.environ, reason=f"{FOLDER} names no folder with OpenAI's repositories and API reference"
)
# A program that hears, translates, and knows when words are said: what the default engine lacks.
PROGRAM = """
import json, sys
words = [{"word": word, "start": at / 2, "end": at / 2 + 0.4} for at, word in enumerate(sys.argv[1:])]
text = " ".join(sys.argv[1:])
print(json.dumps({"language": "en", "text": text, "segments": [{"start": 0, "end": 5, "text": text, "words": words}]}))
"""
# The programs ffplay and ffmpeg as far as OpenAI's package for Node.js uses them: a player, and a microphone.
FFPLAY = "#!/bin/sh\nexec cat >played\n"
FFMPEG = "#!/bin/sh\ncat meeting.wav\nexec sleep 60\n"
# Samples that do not run, by a pattern of name and text, and the reasons as docs/FROM-OPENAI.md has them.
EXCEPT = (
    ("live/", "Live"),
    ("AzureOpenAI|azure_", "Azure"),
    ("textual", "voice agent"),
    ("openai/beta/realtime", "beta"),
    ("'openai/realtime/websocket'", "no program"),
    (r"-F '.*=data:audio/wav;base64", "semicolon"),
    (r"\n    \.\.\.\n", "no program"),
)
# What a sample prints or writes, by a pattern of its text; the first that is found counts.
SHOWN = (
    (r'stream_format": "sse"', "speech.audio.done"),
    (r"audio\.translations|audio/translations", "translate"),
    (r"diarized_json", "speaker.{1,8}(agent|A)"),
    (r"stream[=:] ?[Tt]rue", "transcript.text.done"),
    (r'granularities.*"segment"[\s\S]*words\)', "None"),  # OpenAI's own sample asks for segments, and prints words
    (r'granularities.*"word"[\s\S]*words\)', "TranscriptionWord.*better"),
    (r"granularities.*word", HEARD),
    (r"logprobs", "logprob"),
    (r"client_secrets|clientSecrets", r"\d{10}"),
    (r"Enter a message", "Say hello!"),
    (r"realtime\.connect|OpenAIRealtime", "Say hello!"),
    (r"playAudio", ""),
    (r"LocalAudioPlayer", "Time to play"),
    (r"console\.log\(content\)", "Blob"),
    (r"content = speech\.read", "b'"),
    (r"audio\.transcriptions|audio/transcriptions", HEARD),
    (r"audio/speech|audio\.speech", ""),
)


WRITTEN = (("playAudio|LocalAudioPlayer", "played"), (r"--output|writeFile|stream_to_file", "speech.mp3"))


@pytest.fixture(scope="module")
def room(home: Path) -> Path:
    """The files that a sample's reader has: the recording under each name, and a person's voice."""
    samples, rate = soundfile.read(recording(), dtype="int16")
    folder = home / "room"
    folder.mkdir()
    for name in ("speech.mp3", "audio.mp3"):
        soundfile.write(folder / name, samples, rate, format="MP3")
    shutil.copy(recording(), folder / "meeting.wav")
    shutil.copy(recording(), folder / "german.m4a")  # nothing here writes M4A: what a file holds counts, not its name
    opening(folder / "agent.wav", 2.2)
    for name, text in (("ffplay", FFPLAY), ("ffmpeg", FFMPEG)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    return folder


@pytest.fixture(scope="module")
def able(home: Path) -> Iterator[HttpGateway]:
    """A gateway with the default engines, and a program that knows when words are said and translates."""
    (home / "commands").mkdir()
    run = json.dumps([sys.executable, "-c", PROGRAM, "no", "matter", "{task}", HEARD])
    (home / "commands/timed.toml").write_text(f'run = {run}\nlanguages = ["en", "de"]\noutput = "json"\n')
    yield from served(home)


def served(home: Path) -> Iterator[HttpGateway]:
    """A gateway before a supervisor with the default engines."""
    supervisor = Supervisor(home, moonshine_once.configuration())
    assert supervisor.ready, supervisor.log()
    gateway = HttpGateway(home)
    yield gateway
    gateway.stop()
    supervisor.stop()
    check_nothing_is_left(home)


def run(sample: Sample, given: Path, gateway: HttpGateway) -> str:
    """Runs a sample in a copy of what its reader has, and returns what it prints; its errors where it fails."""
    room = given.parent / "run"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(given, room, symlinks=True)
    place = room / f"sample.{sample.kind}"
    speaker = base64.b64encode((room / "agent.wav").read_bytes()).decode()
    place.write_text(filled(sample.text, gateway.url, f"data:audio/wav;base64,{speaker}"))
    command = {"py": [sys.executable], "sh": ["bash", "-e"]}.get(sample.kind, ["node"])
    if sample.kind == "ts":
        compiler = [NODE_MODULES / ".bin/tsc", "--noCheck", "--ignoreConfig", "--target", "es2022", place.name]
        subprocess.run([*compiler, "--module", "nodenext", "--types", "node"], cwd=room, check=False, timeout=BOUND_S)
        place = place.with_suffix(".js")
    environment = {"OPENAI_BASE_URL": gateway.url, "OPENAI_API_KEY": "none", "PATH": f"{room}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, place],
        cwd=room, env=os.environ | environment | {"PYTHONPATH": str(PYTHON_STAND_INS)}, capture_output=True, text=True,
        input="Say hello!\nq\n", timeout=2 * BOUND_S, check=False,
    )  # fmt: skip
    for pattern, name in WRITTEN:
        if re.search(pattern, sample.text) and not is_new(room / name, given / name):
            return f"FAILED: it has not written {name}"
    return done.stdout if done.returncode == 0 else f"FAILED {done.stdout}{done.stderr}"


def is_new(path: Path, old: Path) -> bool:
    """True if a file is there, is more than a few bytes, and other than the one that was given."""
    is_there = path.exists() and path.stat().st_size > 5000
    return is_there and not (old.exists() and old.read_bytes() == path.read_bytes())


def check(samples: Iterable[Sample], room: Path, gateway: HttpGateway) -> list[str]:
    """Runs each sample that can run; returns the names of those that did, all of which print what they should."""
    ran, wrong = [], []
    for sample in samples:
        if any(re.search(pattern, sample.name + sample.text) for pattern, _ in EXCEPT):
            continue
        printed = run(sample, room, gateway)
        shown = next(shown for pattern, shown in SHOWN if re.search(pattern, sample.text))
        prints = sample.kind == "sh" or re.search(r"print\(|console\.log|stdout", sample.text)
        if printed.startswith("FAILED") or (prints and not re.search(shown, printed)):
            wrong.append((sample.name, shown, printed))
        ran.append(sample.name)
    assert not wrong
    return ran


def test_samples_of_the_python_package(room: Path, able: HttpGateway) -> None:
    """Those of sound in its README: a file from memory, and a session that answers in text."""
    assert len(check(of_python_package(), room, able)) == 2


@needs_node
@needs_folder
def test_samples_of_the_repositories_and_the_reference(room: Path, able: HttpGateway) -> None:
    """All of them, but for those that the document names; and it has their number."""
    samples = [*of_python_package(), *of_npm_package(), *of_folder(Path(os.environ[FOLDER]))]
    rated = [sample for sample in samples if "logprobs" in sample.text]
    names = check((sample for sample in samples if sample not in rated), room, able)
    assert f"{len(names) + len(rated)} of {len(samples)} run unchanged" in DOCUMENT.read_text()
