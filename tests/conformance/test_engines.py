"""The conformance suite: what it plays, what it makes of engines that break, and, by night, every engine here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hushd_conformance.__main__ import main
from hushd_conformance.attempt import QUIET
from hushd_conformance.case import EXCEPTED, FAILED, LEFT_OUT, PASSED, Case, LeftOut, chosen, play
from hushd_conformance.damage import KINDS, shadow
from hushd_conformance.opened import opened
from hushd_conformance.roles import all_cases, role_of
from hushd_protocol.errors import HushdError
from hushd_schema import engines
from hushd_supervisor.system.process import QUIET as OF_THE_SUPERVISOR
from support import small_models
from support.engine_example import package
from support.peer import wait_until

ENGINE = """
import os, time
from hushd_worker_stt.engine import Engine, EngineInfo, ModelInfo, Segment
class Bad(Engine):
    INFO = EngineInfo("bad", "pip install bad", "m", (ModelInfo("m", ("en",), 1),), False, False)
    installed = classmethod(lambda cls, model: True)
    def load(self, model, report): pass
    def transcribe(self, samples, options):
        if len(samples) == 1:
            os.abort()
        if len(samples) == 1600:
            time.sleep(600)
        yield Segment(0.0, len(samples) / 16_000, "x")
"""

WAKE_ENGINE = """
from hushd_protocol.errors import HushdError
from hushd_worker.engine_model import Model
from hushd_worker_wake.engine import Detection, EngineInfo, Word
class Bad:
    def __init__(self, model): pass
    @classmethod
    def info(cls):
        models = (Model("m", ("en",), 1, embedded=True, installed=True),)
        return EngineInfo("bad", True, "pip install bad", "m", models, (Word("w", "W"),), any_phrase=False)
    def load(self, report): pass
    def listener(self, words, threshold):
        if "/" in words:
            raise HushdError("no_speech", "It is the wrong code.")
        return Ear()
class Ear:
    def hear(self, samples):
        if not any(samples):
            yield Detection("w", "w", 900.0, 2.0, 0.1)
    def close(self): pass
"""


@pytest.mark.parametrize("role", ["stt", "tts", pytest.param("wake", marks=pytest.mark.guest("wake"))])
def test_every_engine_is_played_sixty_cases_and_more(role: str) -> None:
    """Their names are their own, and the claim of each is a sentence."""
    cases = all_cases(role)
    assert len({case.name for case in cases}) == len(cases) >= 100
    assert all(case.claim.endswith(".") and "." in case.name for case in cases)
    assert {f"damage.{name}" for name in KINDS} < {case.name for case in cases}


def test_a_case_that_ends_its_process_or_hangs_fails_alone(tmp_path: Path) -> None:
    """Those after it are played by the next process, and the status is 1."""
    (tmp_path / "bad.py").write_text(ENGINE)
    package(tmp_path, "bad", "hushd.stt_engines", {"bad": "bad:Bad"})
    done = subprocess.run(
        [sys.executable, "-m", "hushd_conformance", "bad", "--limit", "20", "-k",
         "sound.silence,sound.one-sample,sound.short,sound.tone"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    outcomes = {line.split()[0]: line for line in done.stdout.splitlines()[:-1]}
    assert "ends its process by SIGABRT" in outcomes["sound.one-sample"]
    assert "it does not end" in outcomes["sound.short"]
    assert "passed" in outcomes["sound.silence"]
    assert "passed" in outcomes["sound.tone"]
    assert done.stdout.splitlines()[-1] == "bad: 4 cases, 2 passed, 2 failed."


@pytest.mark.guest("wake")
def test_an_engine_that_hears_words_in_silence_fails(tmp_path: Path) -> None:
    """So does one whose words lie outside the sound, or whose probabilities are none; noise it passes."""
    (tmp_path / "bad.py").write_text(WAKE_ENGINE)
    package(tmp_path, "bad", "hushd.wake_engines", {"bad": "bad:Bad"})
    done = subprocess.run(
        [sys.executable, "-m", "hushd_conformance", "bad", "-k", "sound.silence,sound.noise,word.odd"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    outcomes = {line.split()[0]: line for line in done.stdout.splitlines()[:-1]}
    for fault in ("it hears 'w'", "is outside its place", "the probability is 2.0"):
        assert fault in outcomes["sound.silence"]
    assert "passed" in outcomes["sound.noise"]
    assert "has the code no_speech" in outcomes["word.odd"]


def test_a_killed_command_leaves_no_process_behind(tmp_path: Path) -> None:
    """The process that plays ends with the one that reads its lines, in the middle of a case that does not end."""
    (tmp_path / "bad.py").write_text(ENGINE)
    package(tmp_path, "bad", "hushd.stt_engines", {"bad": "bad:Bad"})
    command = [sys.executable, "-m", "hushd_conformance", "bad", "-k", "sound.silence,sound.short"]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert b"sound.silence" in process.stdout.readline()
    (player,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    wait_until(lambda: not player.is_running() or player.status() == psutil.STATUS_ZOMBIE, "the player's end")


def test_an_outcome_is_what_the_case_found() -> None:
    """A fault that the engine's spec names is excepted, for its reason; a case that does not concern it is left out."""

    def faults(trial: str) -> list[str]:
        if trial == "other":
            raise LeftOut("it is another")
        if trial == "raises":
            raise HushdError("model_missing", "It is not here.")
        return [trial] if trial else []

    case = Case("a.b", "It is so.", faults)
    assert play(case, "", {}).verdict == PASSED
    assert play(case, "wrong", {}).words == ("wrong",)
    assert play(case, "wrong", {}).verdict == FAILED
    assert play(case, "wrong", {"a.b": "By its nature."}).verdict == EXCEPTED
    assert play(case, "other", {}).verdict == LEFT_OUT
    assert play(case, "raises", {}).words == ("It is not here.",)
    assert [each.name for each in chosen([case], "x, a.")] == ["a.b"]


def test_damage_is_done_to_one_file_of_a_copy(tmp_path: Path) -> None:
    """All others are those of the model, which stays as it is."""
    root = tmp_path / "models"
    (root / "piper" / "deep").mkdir(parents=True)
    for name in ("piper/a.onnx", "piper/b.onnx", "piper/deep/c", "other"):
        (root / name).write_bytes(b"0123456789")
    shadow(root, root / "piper" / "a.onnx", tmp_path / "copy", KINDS["half"][1])
    assert (tmp_path / "copy" / "piper" / "a.onnx").read_bytes() == b"01234"
    assert (root / "piper" / "a.onnx").read_bytes() == b"0123456789"
    for name in ("piper/b.onnx", "piper/deep/c", "other"):
        assert (tmp_path / "copy" / name).read_bytes() == b"0123456789"


def test_the_files_of_a_model_are_those_that_are_read(tmp_path: Path) -> None:
    """Whoever reads them, in whatever folder; those that nobody opens are not damaged."""
    (tmp_path / "deep").mkdir()
    for name in ("read", "deep/read", "not-read"):
        (tmp_path / name).touch()
    read = [tmp_path / "deep" / "read", tmp_path / "read"]
    assert opened(tmp_path, lambda: [path.read_bytes() for path in read]) == read


def test_the_suite_has_the_surroundings_of_a_worker() -> None:
    """Libraries that report to their makers are as quiet as under the supervisor."""
    assert QUIET.items() <= OF_THE_SUPERVISOR.items()


def test_an_engine_is_found_in_its_role() -> None:
    """One that hears and speaks has to be told which; one that there is not is refused in a sentence."""
    assert role_of("piper") == "tts"
    with pytest.raises(HushdError, match="--role stt or tts"):
        role_of("command")
    with pytest.raises(HushdError, match="There is no engine 'no-such'"):
        role_of("no-such")


def test_cases_are_listed_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` plays none; `-k` chooses, and a word that no case has is an error."""
    assert main(["piper", "--list", "-k", "offline"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split(maxsplit=1) == ["offline.works", "The network is not used."]
    assert main(["piper", "-k", "no-such-case"]) == 2


def test_no_engine_of_hushds_is_excepted_from_anything() -> None:
    """An exception is a debt: one that is made stands here, too."""
    assert {spec.name: spec.exceptions for spec in engines.every() if spec.exceptions} == {}


# One that costs little and is real, of either role; all of it is for the night.
@pytest.mark.parametrize(
    "name",
    [
        "stt/command",
        "stt/transcribe-cpp/nemotron",
        "tts/espeak-ng",
        *(pytest.param(name, marks=pytest.mark.guest("wake")) for name in ("wake/micro", "wake/keywords")),
    ],
)
def test_engines_keep_the_contract(name: str, tmp_path: Path) -> None:
    """A few cases of each group, played to engines that load in a moment."""
    few = "description.names,start.loads,cancel.first,damage.pipe,damage.text,sound.nan,text.emoji,stream.feeds,word"
    assert _played(name, tmp_path, "-k", few) == 0


@pytest.mark.night
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", small_models.ENGINES)
def test_every_engine_passes_the_suite(name: str, tmp_path: Path) -> None:
    """All cases, with a small model, for every engine that is installed."""
    assert _played(name, tmp_path) == 0


def _played(name: str, folder: Path, *options: str) -> int:
    small = small_models.make(name, folder)
    if small is None:
        pytest.skip(f"{name} is not installed: scripts/setup --engines all")
    command = [sys.executable, "-m", "hushd_conformance", *small.arguments, *options]
    return subprocess.run(command, env={**os.environ, **small.environment}).returncode
