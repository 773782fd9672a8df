"""The user's usual pronunciations in a worker: those that each request carries."""

from __future__ import annotations

from hushd_worker_tts.worker import Worker
from support.tts_jobs import Say

from .conftest import Tiny

TEXT = "An gnocchi router."


def test_a_request_has_its_own(tiny: Worker, say: Say) -> None:
    """The worker goes on running, and keeps nothing of the last one; what a request says itself counts more."""
    usual = {"usual_pronunciations": "gnocchi -> engine x\n[en-US]\nrouter -> rowter\n[de]\nAn -> Ann\n"}
    say(tiny, TEXT)
    say(tiny, TEXT, **usual)
    say(tiny, TEXT, pronounce={"gnocchi": "N jinx"}, **usual)
    say(tiny, TEXT, usual_pronunciations="gnocchi -> N G X")
    say(tiny, TEXT)
    assert Tiny.heard == [TEXT, "An engine x rowter.", "An N jinx rowter.", "An N G X router.", TEXT]


def test_a_bad_line_or_file_is_a_warning(tiny: Worker, say: Say) -> None:
    """The speech is made, by all that can be read, and its result says what cannot: the first bad line is named."""
    (warning,) = say(tiny, TEXT, usual_pronunciations="gnocchi\nrouter -> rowter\nAn\n").result["warnings"]
    assert warning["code"] == "pronunciations"
    assert warning["message"].startswith("pronunciations.txt, line 1: 'gnocchi' has no ->")
    (warning,) = say(tiny, TEXT, list_fault="It is no text.").result["warnings"]
    assert warning == {"code": "pronunciations", "message": "It is no text."}
    assert Tiny.heard == ["An gnocchi rowter.", TEXT]
