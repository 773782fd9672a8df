"""The conformance suite of the protocol: hushd's own client passes it, and planted mistakes are found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_conformance.protocol.client import CASES

CLIENTS = Path(__file__).parent / "clients"
BOUND_S = 150.0
# Each mistake, and the case that finds it.
MISTAKES = {
    "asks before hello": "hello", "does not wait for the welcome": "hello", "takes any welcome": "version",
    "grants no credit": "credit", "forgets the text": "credit", "takes what is others'": "strangers",
    "stumbles over types": "strangers", "answers no ping": "ping", "sees no gap": "gap", "is glad of errors": "refusal",
    "hides codes": "refusal", "is glad of a loss": "lost", "insists on its path": "path", "names another file": "path",
    "sends without credit": "path", "does not count": "path", "forgets its attempt": "again", "asks for ever": "again",
}  # fmt: skip


def conform(*arguments: str, status: int = 0) -> str:
    """Returns the text that the command prints; it must end with the status."""
    command = [sys.executable, "-P", "-m", "hushd_conformance.protocol", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S)
    assert (done.returncode, done.stderr) == (status, ""), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("program", ["by_library.py", "mistaken.py"])
def test_a_client_that_keeps_the_protocol_passes(program: str) -> None:
    """hushd's own, and one from scratch that makes none of the mistakes."""
    words = [] if program == "by_library.py" else ["none"]
    told = conform("--", sys.executable, str(CLIENTS / program), *words)
    assert told.endswith(f"{len(CASES)} cases, {len(CASES)} passed, 0 failed.\n"), told


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(mistake: str) -> None:
    """The case that is about it fails, and says in a sentence why."""
    program = ["--limit", "3", "--", sys.executable, str(CLIENTS / "mistaken.py"), mistake]
    told = conform("-k", MISTAKES[mistake], *program, status=1)
    assert re.search(r" failed .* But ", told), told


def test_each_case_finds_a_mistake() -> None:
    """None is there that no client could fail."""
    assert {case.name for case in CASES} == set(MISTAKES.values())
