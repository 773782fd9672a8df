"""The conformance suite: what it makes of engines that break, and, by night, every engine here."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hushd_conformance import contract, stt, tts
from hushd_conformance.__main__ import main
from hushd_conformance.case import FAILED, LEFT_OUT, PASSED, Case, LeftOut, chosen, play
from hushd_protocol.errors import HushdError
from support import small_models
from support.engine_example import package

ENGINE = """
import os, socket, time
from hushd_worker_stt.engine import Engine, EngineInfo, ModelInfo, Segment
class Bad(Engine):
    INFO = EngineInfo("bad", "pip install bad", "m", (ModelInfo("m", ("en",), 1),), False, False)
    installed = classmethod(lambda cls, model: True)
    def load(self, model, report): self.suspends = 1
    def transcribe(self, samples, options):
        if len(samples) == 1:
            os.abort()
        if len(samples) == 1600:
            time.sleep(600)
        if len(samples) == 0:
            socket.getaddrinfo("example.org", 80)
        yield Segment(0.0, len(samples) / 16_000, "x")
"""


def suite(folder: Path, *options: str) -> tuple[int, str, str]:
    """Plays cases to that engine; returns status, output and errors."""
    (folder / "bad.py").write_text(ENGINE)
    if not list(folder.glob("bad-*")):
        package(folder, "bad", "hushd.stt_engines", {"bad": "bad:Bad"})
    command = [sys.executable, "-m", "hushd_conformance", "bad", *options]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("role", [stt, tts])
def test_cases_have_names_and_claims(role: object) -> None:
    """Their names are their own, and the claim of each is a sentence."""
    cases = role.all_cases()  # type: ignore[attr-defined]
    assert len({case.name for case in cases}) == len(cases) >= 30
    assert all(case.claim.endswith(".") and "." in case.name for case in cases)


def test_the_case_that_ends_the_process_or_hangs_is_the_last_one_named(tmp_path: Path) -> None:
    """A signal ends it, and so does the limit, with a traceback of where it hangs; the network is refused."""
    status, told, errors = suite(tmp_path, "-k", "sound.silence,sound.one-sample")
    assert (status, told.splitlines()[0].split()) == (-6, ["sound.silence", "passed"])
    assert told.splitlines()[-1].strip() == "sound.one-sample"
    assert "Aborted" in errors
    status, told, errors = suite(tmp_path, "-k", "sound.short", "--limit", "5")
    assert (status, told.strip()) == (1, "sound.short")
    assert "bad.py" in errors
    status, told, _ = suite(tmp_path, "-k", "sound.nothing")
    assert status == 1
    assert "But it raises RuntimeError: the network was used: 'example.org'" in told


def test_an_attribute_of_another_kind_is_named(tmp_path: Path) -> None:
    """The kinds are those of the contract's defaults: a number is not a truth value."""
    status, told, _ = suite(tmp_path, "-k", "load.declared")
    assert status == 1
    assert "its suspends is 1, not of the kind of False" in told


def test_an_outcome_is_what_the_case_found() -> None:
    """A case that does not concern the engine is left out; any exception is a fault."""

    def faults(trial: str) -> list[str]:
        if trial == "other":
            raise LeftOut("it is another")
        if trial == "raises":
            raise HushdError("model_missing", "It is not here.")
        if trial == "breaks":
            raise ValueError("odd")
        return [trial] if trial else []

    case = Case("a.b", "It is so.", faults)
    assert play(case, "") == (PASSED, ())
    assert play(case, "wrong") == (FAILED, ("wrong",))
    assert play(case, "other") == (LEFT_OUT, ("it is another",))
    assert play(case, "raises") == (FAILED, ("It is not here.",))
    assert play(case, "breaks") == (FAILED, ("it raises ValueError: odd",))
    assert [each.name for each in chosen([case], "x, a.")] == ["a.b"]


def test_what_jobs_leave_is_counted_once_they_are_over() -> None:
    """A thread that is about to end is not left behind; each that waits for ever is."""
    (case,) = chosen(contract.cases(), "jobs.left")
    over = threading.Event()
    brief, lasting = (
        play(case, SimpleNamespace(work=lambda: threading.Thread(target=over.wait, args=(limit,)).start()))  # noqa: B023
        for limit in (0.3, None)
    )
    over.set()
    assert brief == (PASSED, ())
    assert "threads, but after six jobs" in lasting[1][0]


def test_cases_are_listed_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` plays none; `-k` chooses, and a word that no case has is an error."""
    assert main(["moonshine", "--list", "-k", "cancel.midway"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split(maxsplit=1) == ["cancel.midway", "A job that is cancelled while the engine works ends in time."]
    assert main(["moonshine", "-k", "no-such-case"]) == 2


@pytest.mark.parametrize("name", ["stt/command", "tts/espeak-ng"])
def test_engines_keep_the_contract(name: str, tmp_path: Path) -> None:
    """A few cases of each group, played to engines that load in a moment."""
    assert _played(name, tmp_path, "-k", small_models.FEW) == 0


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
    return small_models.play(small, *options)
