"""The example keeps to the memory treaty, and programs that do not are told so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TREATY = Path(__file__).parents[2] / "treaty"
EXAMPLE = TREATY / "example_holder.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script is for Linux")


def tried(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the script on a program."""
    return subprocess.run(
        [sys.executable, TREATY / "conformance.py", *command], capture_output=True, text=True, timeout=150
    )


def test_the_example_passes_every_case() -> None:
    """In a folder of its own, and with status 0."""
    done = tried(sys.executable, EXAMPLE, "4", "3")
    assert "FAILED" not in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "claim"),
    [
        ("given += SIZE", "given += 2 * SIZE", "of two askers at once"),
        ("given < request.bytes", "True", "for a request of one byte"),
        ("not request.card and ", "", "of an unknown card"),
        ("del models[name]", "pass", "is removed from its file"),
        ("holder.close()", "pass", "at SIGTERM"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, right: str, wrong: str, claim: str) -> None:
    """Each of these faults in the example fails the case that is about it."""
    (tmp_path / "hushd_treaty").symlink_to(TREATY / "hushd_treaty")
    text = EXAMPLE.read_text()
    assert right in text
    (tmp_path / "holder.py").write_text(text.replace(right, wrong))
    done = tried(sys.executable, tmp_path / "holder.py", "4", "3")
    assert done.returncode == 1
    assert any(claim in line for line in done.stdout.splitlines() if line.startswith("FAILED")), done.stdout


def test_a_program_without_a_file_is_refused() -> None:
    """It ended before it held anything."""
    done = tried("true")
    assert done.returncode == 1
    assert done.stdout.startswith("FAILED  it holds something")
