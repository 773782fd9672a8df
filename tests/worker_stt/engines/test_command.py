"""The engine `command` with real programs: their input, the reading of their output, their end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_worker.job import Cancelled
from hushd_worker_stt.engine import Options, Segment, Word
from hushd_worker_stt.engines.command import FILES, Command
from hushd_worker_stt.engines.command_output import OutputError, from_json, from_text
from support.peer import is_gone, wait_until
from support.refusals import hushd_error
from support.stopwatch import Stopwatch

QUIET = np.zeros(32_000, np.float32)  # two seconds

Make = Callable[..., Command]


@pytest.fixture
def commands(runtime: Path) -> Path:
    folder = runtime / "commands"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, **keys: Any) -> Path:
    """A command file; JSON's texts, lists and numbers are TOML's too."""
    path = folder / f"{name}.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
    return path


@pytest.fixture
def make(commands: Path) -> Make:
    """`make(python program, *arguments, **keys of the file)`: the engine, loaded with it."""

    def engine(program: str, *arguments: str | list[str], **keys: Any) -> Command:
        run = [sys.executable, "-c", program, *arguments]
        write(commands, "mine", **{"run": run, "languages": ["en"]} | keys)
        command = Command()
        command.load("mine", lambda note: None)
        return command

    return engine


def failure(command: Command, options: Options | None = None) -> HushdError:
    with pytest.raises(HushdError) as caught:
        list(command.transcribe(QUIET, options or Options()))
    assert "\n" not in caught.value.message
    return caught.value


# --- what a program is given -----------------------------------------------------------------------------------------

READ = """
import sys, wave
with wave.open(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.buffer) as file:
    data = file.readframes(file.getnframes())
    print(file.getframerate(), file.getnchannels(), file.getsampwidth(), len(data), max(data[::2]), data[2], data[3])
"""


@pytest.mark.parametrize("arguments", [(), ("{wav}",)], ids=["standard input", "a file"])
def test_the_audio_arrives(make: Make, runtime: Path, arguments: tuple[str, ...]) -> None:
    """It is 16-bit mono WAV of 16 kHz with every sample, by either way; excess is clipped, not wrapped."""
    samples = np.array([0.0, 1.5, -1.5, 0.5] * 5000, np.float32)
    (segment,) = make(READ, *arguments).transcribe(samples, Options())
    assert segment == Segment(0.0, 1.25, "16000 1 2 40000 255 255 127")
    assert list(runtime.glob("*.wav")) == []


def test_nobody_else_can_read_the_audio(make: Make) -> None:
    """The file is ours alone, in the runtime folder, and gone afterwards."""
    program = "import os, sys; print(oct(os.stat(sys.argv[1]).st_mode), sys.argv[1], os.path.basename(sys.argv[1]))"
    (segment,) = make(program, "{wav}").transcribe(QUIET, Options())
    mode, path, name = segment.text.split()
    assert mode == "0o100600"
    assert name == f"command-{os.getpid()}.wav"
    assert Path(path).parent == Path(os.environ["HUSHD_RUNTIME_DIR"])
    assert not Path(path).exists()


WORDS = [
    "-f", "{wav}", ["-l", "{language}"], ["--prompt", "{prompt}"], "--task={task}", ["-b", "{beam}", "-t{temperature}"],
    ["{hotwords}"], "{}", '{"a": 1}',
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), ["-f", "/a.wav", "--task=transcribe", "{}", '{"a": 1}']),
        (
            Options(language="de", prompt="Vladimir {wav}; $(id)", beam=5, temperature=0.0, hotwords="Pozzo"),
            ["-f", "/a.wav", "-l", "de", "--prompt", "Vladimir {wav}; $(id)", "--task=transcribe", "-b", "5", "-t0",
             "Pozzo", "{}", '{"a": 1}'],
        ),
        (Options(beam=5), ["-f", "/a.wav", "--task=transcribe", "{}", '{"a": 1}']),
        (Options(translate=True), ["-f", "/a.wav", "--task=translate", "{}", '{"a": 1}', "-tr"]),
    ],
)  # fmt: skip
def test_arguments(commands: Path, options: Options, expected: list[str]) -> None:
    """Placeholders are filled in once; a group with an empty one is left out; `translate` comes last."""
    write(commands, "x", run=["a", *WORDS], languages=["de"], translate=["-tr"])
    assert FILES.read("x").arguments("/a.wav", options) == expected


def test_there_is_no_shell(make: Make, tmp_path: Path) -> None:
    """A prompt is never run, and arrives as it is."""
    spell = f"$(touch {tmp_path}/x); `touch {tmp_path}/x` | touch {tmp_path}/x"
    (segment,) = make("import sys; print(sys.argv[1])", "{prompt}").transcribe(QUIET, Options(prompt=spell))
    assert segment.text == spell
    assert list(tmp_path.iterdir()) == []


# --- what it prints --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("printed", "expected"), [
    (b"", []),
    (b" \n \n", []),
    (b"Ever tried.\n  Ever failed. \n", [Segment(0.0, 10.0, "Ever tried. Ever failed.")]),
    (
        b"\n[00:00:00.000 --> 00:00:02.500]   Ever tried.\n[00:00:02.500 --> 00:00:30.000]  Ever failed.\n",
        [Segment(0.0, 2.5, "Ever tried."), Segment(2.5, 10.0, "Ever failed.")],
    ),
    (b"[00:01.500 --> 00:02,250] No matter.", [Segment(1.5, 2.25, "No matter.")]),
    (b"[00:03.000 --> 00:04.000] b\n[00:01.000 --> 00:02.000] a", [Segment(3.0, 4.0, "b"), Segment(3.0, 3.0, "a")]),
    (b"[00:00.000 --> 00:02.000]  \n", []),
    (b"so [00:00.000 --> 00:02.000] he said", [Segment(0.0, 10.0, "so [00:00.000 --> 00:02.000] he said")]),
])  # fmt: skip
def test_text(printed: bytes, expected: list[Segment]) -> None:
    """Plain text is one segment; whisper's and whisper.cpp's times in front of every line make one of each."""
    assert from_text(printed, 10.0) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": " Ever tried. "}, [Segment(0.0, 10.0, "Ever tried.")]),
        ({"text": "", "segments": []}, []),
        ({"segments": [{"start": 1, "end": 2.5, "text": " a"}, {"start": 2.5, "end": 2.6, "text": " "}]},
         [Segment(1.0, 2.5, "a")]),
        ({"segments": [{"start": -1, "end": 99, "text": "a", "words": None}]}, [Segment(0.0, 10.0, "a")]),
        ({"segments": [{"start": 1, "end": 3, "text": "a b", "words": [
            {"word": " a", "start": 0.5, "end": 2, "probability": 0.9}, {"word": " b", "start": 1.5, "end": 4}]}]},
         [Segment(1.0, 3.0, "a b", (Word("a", 1.0, 2.0, 0.9), Word("b", 2.0, 3.0)))]),
    ],
)  # fmt: skip
def test_json(content: object, expected: list[Segment]) -> None:
    """Whisper's shape, in order and inside the piece whatever the program thinks of time."""
    assert from_json(json.dumps(content).encode(), 10.0) == (expected, None)


@pytest.mark.parametrize(("printed", "words"), [
    (b"", "not print JSON"),
    (b"Loading model\n{}", "not print JSON"),
    (b'{"text": "Ever tr', "not print JSON"),
    (b"[" * 100_000, "not print JSON"),
    (b"[]", "not an object"),
    (b"{}", "without 'text'"),
    (b'{"text": 7}', "unlike whisper's"),
    (b'{"segments": 7}', "unlike whisper's"),
    (b'{"segments": [7]}', "unlike whisper's"),
    (b'{"segments": [{"text": "a", "start": 0}]}', "without 'end'"),
    (b'{"segments": [{"text": "a", "start": "x", "end": 1}]}', "unlike whisper's"),
    (b'{"segments": [{"text": "a", "start": NaN, "end": 1}]}', "unlike whisper's"),
    (b'{"segments": [{"text": "a", "start": 1' + b"0" * 400 + b', "end": 1}]}', "unlike whisper's"),
    (b'{"segments": [{"text": "a", "start": 0, "end": 1, "words": [7]}]}', "unlike whisper's"),
    (b'{"segments": [{"text": "a", "start": "' + b"x" * 20_000 + b'", "end": 1}]}', "unlike whisper's"),
    (b'{"text": "\xff"}', "not UTF-8"),
])  # fmt: skip
def test_json_that_is_none(printed: bytes, words: str) -> None:
    """Output that is not a transcript is reported as such, in one line."""
    with pytest.raises(OutputError, match=words) as caught:
        from_json(printed, 10.0)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_bad_output_fails_the_request(make: Make) -> None:
    """The error names the program and says what came instead."""
    error = failure(make("print('<html>')", output="json"))
    assert error.code == "worker_failed"
    assert "did not print JSON" in error.message
    assert "<html>" in error.message
    assert "not UTF-8" in failure(make(r"import sys; sys.stdout.buffer.write(b'\xff')")).message


# --- how it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("program", "words"), [
    ("import sys; print('a', file=sys.stderr); sys.exit('no model file.\\n\\n')", "(exit status 1: no model file)"),
    ("import sys; sys.exit(3)", "(exit status 3)"),
    ("import os; os.kill(os.getpid(), 9)", "(signal 9)"),
    ("import sys; print('half'); sys.stdout.flush(); 1 / 0", "(exit status 1: ZeroDivisionError"),
])  # fmt: skip
def test_a_program_that_fails(make: Make, program: str, words: str) -> None:
    """Its status and the last line it wrote to stderr are in the sentence, the rest in the detail."""
    error = failure(make(program))
    assert error.code == "worker_failed"
    assert words in error.message


CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print(child.pid, flush=True)
open(sys.argv[1], 'w').write(str(child.pid))
"""


def begun(pid: Path) -> str:
    """The number of the child that `CHILD` has started, which it writes last; empty before."""
    return pid.read_text() if pid.exists() else ""


def test_a_program_that_hangs(make: Make, tmp_path: Path) -> None:
    """It is killed after its time, with what it has started, and the sentence says what to change."""
    command, pid = make(CHILD + "time.sleep(600)", str(tmp_path / "pid"), timeout="1s"), tmp_path / "pid"
    command.check = lambda: wait_until(lambda: begun(pid), "its child")  # also after the time
    error = failure(command)
    assert error.code == "worker_failed"
    assert "was ended after 1 s: raise timeout in" in error.message
    wait_until(lambda: is_gone(int(pid.read_text())), "its child's end")


def test_cancelled_in_the_middle(make: Make, tmp_path: Path, runtime: Path) -> None:
    """The program and its children are gone half a second after its client has left, even one that has left its
    process group, and its audio too."""
    apart = CHILD.replace("600)']", "600)'], start_new_session=True")
    command = make(apart + "time.sleep(600)", str(tmp_path / "pid"), ["{wav}"])
    left: list[Stopwatch] = []

    def check() -> None:
        if begun(tmp_path / "pid"):
            left.append(Stopwatch())
            raise Cancelled

    command.check = check
    with pytest.raises(Cancelled):
        command.transcribe(QUIET, Options())
    assert left[0].calm < 0.5
    wait_until(lambda: is_gone(int((tmp_path / "pid").read_text())), "its child's end")
    assert list(runtime.glob("*.wav")) == []


# --- its files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "words"), [
    ("", "needs run ="),
    ("run = []", "run must be ["),
    ("run = 'whisper-cli -f {wav}'", "run must be ["),
    ("run = ['a', 7]\nlanguages = ['en']", "run must be ["),
    ("run = ['a']", "needs languages ="),
    ("run = ['a']\nlanguages = []", "needs languages"),
    ("run = ['a']\nlanguages = 'en'", "languages must be a list of strings"),
    ("run = ['a', '{wave}']\nlanguages = ['en']", "did you mean wav?"),
    ("run = ['a', ['-v']]\nlanguages = ['en']", "could never be left out"),
    ("run = ['a']\nlanguages = ['en']\ntime_out = 3", "did you mean timeout?"),
    ("run = ['a']\nlanguages = ['en']\noutput = 'xml'", "output must be text or json"),
    ("run = ['a']\nlanguages = ['en']\nauto = 1", "auto must be text, not 1"),
    ("run = ['a']\nlanguages = ['en']\nmemory_mb = -1", "memory_mb must be a number, 0 or more"),
    ("run = ['a']\nlanguages = ['en']\ntimeout = 0", "timeout must be a time"),
    ("run = ['a']\nlanguages = ['en']\npiece = [20, 10]", "[shortest, longest]"),
    ("run = ['a']\nlanguages = ['en']\npiece = 20", "[shortest, longest]"),
    ("run = [", "is not TOML"),
    ("run = '\xff'", "is not UTF-8"),
])  # fmt: skip
def test_a_file_that_makes_no_sense(commands: Path, content: str, words: str) -> None:
    """The sentence names the file, the key and what it may be; other files are not harmed."""
    path = commands / "odd.toml"
    path.write_bytes(content.encode("latin-1"))
    with hushd_error("model_missing", has=words):
        FILES.read("odd")
    write(commands, "good", run=[sys.executable], languages=["de"], memory_mb=700)
    assert {m.name: (m.languages, m.memory_mb) for m in Command.models()} == {
        "good": (("de",), 700),
        "odd": (("und",), 0),
    }
    assert (Command.installed("good"), Command.installed("odd")) == (True, False)
    with hushd_error("model_missing", has=str(path)):
        Command().load("odd", print)


def test_without_any_file(commands: Path) -> None:
    """`--engine command` alone means default.toml; the sentence says where that goes."""
    assert Command.models() == ()
    with hushd_error("model_missing", has=f"{commands}/default.toml: there is no such file"):
        Command().load(Command.SPEC.default_model, print)


def test_a_program_that_is_not_there(commands: Path) -> None:
    """`engine_missing` names the program and the file; so does one that may not be run."""
    write(commands, "mine", run=["no-such-program-at-all", "{wav}"], languages=["en"])
    assert not Command.installed("mine")
    with hushd_error("engine_missing", "'no-such-program-at-all'", has=f"{commands}/mine.toml is not installed"):
        Command().load("mine", print)


def test_a_file_that_was_mended_counts_at_once(make: Make, commands: Path) -> None:
    """A mended command file counts without a restart; a broken one is an error."""
    command = make("import time; time.sleep(30)", timeout=0.2)
    assert "raise timeout in" in failure(command).message
    (mine,) = commands.iterdir()
    mine.write_text(mine.read_text().replace("sleep(30)", "sleep(0.5); print('Yes.')").replace("0.2", "30"))
    assert [segment.text for segment in command.transcribe(QUIET, Options())] == ["Yes."]
    mine.write_text("run = 7")
    assert failure(command).code == "model_missing"
