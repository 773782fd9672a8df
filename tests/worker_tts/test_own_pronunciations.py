"""The user's own pronunciations in a worker: for every request, and as the file is now."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_worker_tts.worker import Worker
from support.tts_jobs import Say

from .conftest import Tiny


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, which does not exist yet."""
    monkeypatch.setenv("HUSHD_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "pronunciations.txt"


def test_a_change_counts_from_the_next_request_on(own: Path, tiny: Worker, say: Say) -> None:
    """The worker goes on running; what a request says itself counts more; without the file all is as before."""
    say(tiny, "An gnocchi router.")
    own.write_text("gnocchi -> engine x\n[en-US]\nrouter -> rowter\n[de]\nAn -> Ann\n")
    say(tiny, "An gnocchi router.")
    say(tiny, "An gnocchi router.", pronounce={"gnocchi": "N jinx"})
    own.write_text("gnocchi -> N G X\n")
    say(tiny, "An gnocchi router.")
    own.unlink()
    say(tiny, "An gnocchi router.")
    assert Tiny.heard == [
        "An gnocchi router.", "An engine x rowter.", "An N jinx rowter.", "An N G X router.", "An gnocchi router.",
    ]  # fmt: skip


def test_a_bad_line_or_file_is_a_warning(own: Path, tiny: Worker, say: Say) -> None:
    """The speech is made, by all that can be read, and its result says what cannot."""
    own.write_text("gnocchi\nrouter -> rowter\n")
    (warning,) = say(tiny, "An gnocchi router.").result["warnings"]
    assert warning["code"] == "pronunciations"
    assert warning["message"].startswith("pronunciations.txt, line 1: 'gnocchi' has no ->")
    own.write_bytes(b"\xff\xfe\x00")
    (warning,) = say(tiny, "An gnocchi router.").result["warnings"]
    assert "not text in UTF-8" in warning["message"]
    assert Tiny.heard == ["An gnocchi rowter.", "An gnocchi router."]
