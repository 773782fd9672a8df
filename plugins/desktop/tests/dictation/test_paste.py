"""Dictated text that is pasted, and text that goes through a program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hushd_desktop.dictation import outputs, x11
from hushd_desktop.dictation.command import make_parser
from hushd_desktop.dictation.outputs import Pasting, Printing, Through
from hushd_protocol.errors import HushdError
from support.outside import lacking
from support.peer import wait_until

from .. import desktop
from ..desktop import Desktop

_MISSING = ", ".join(filter(None, (desktop.missing(), lacking("xclip"))))
TEXT = "Grüße, 日本: what is said is at the cursor as soon as it was heard, however long it is, and nothing is lost. "


@pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {_MISSING}")
def test_a_long_text_is_pasted_at_once(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One chord pastes it; afterwards the clipboard and the selection are what they were."""

    def xclip(name: str, *out: str, text: str | None = None) -> str:
        stdout = subprocess.PIPE if out else subprocess.DEVNULL  # it stays otherwise, and holds the pipe
        done = subprocess.run(["xclip", "-selection", name, *out], input=text, stdout=stdout, text=True, check=True)
        return done.stdout

    with Desktop(runtime) as screen:
        monkeypatch.setenv("DISPLAY", screen.display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        for name in ("clipboard", "primary"):
            xclip(name, text=f"{name} before")
        pasting = Pasting(x11.Typist())
        pasting.finish(TEXT + TEXT)
        wait_until(lambda: screen.text == TEXT + TEXT, "the text")
        assert [xclip(name, "-out") for name in ("clipboard", "primary")] == ["clipboard before", "primary before"]
        pasting.close()


@pytest.mark.parametrize(("program", "written", "complaints"), [
    ("tr a-z A-Z", "GOOD MORNING. ", 0), ("sed 's/Good/Bad/'", "Bad morning. ", 0),
    ("false", "Good morning. ", 1), ("true", "Good morning. ", 1), ("head -c 1000 /dev/urandom", "Good morning. ", 1),
])  # fmt: skip
def test_a_text_goes_through_a_program(program: str, written: str, complaints: int) -> None:
    """Text in, text out; where the program fails, prints nothing or no text, it is written as it was heard."""
    said: list[str] = []
    shown: list[str] = []
    through = Through(program, Printing(shown.append), said.append)
    assert not through.live
    through.finish("Good morning. ")
    assert (shown, len(said)) == ([f"{written}\n"], complaints)


def test_a_program_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is written as it was heard."""
    monkeypatch.setattr(outputs, "CHANGED_S", 0.1)
    shown: list[str] = []
    Through("sleep 600", Printing(shown.append), lambda _: None).finish("Good morning.")
    assert shown == ["Good morning.\n"]


def test_a_program_that_is_not_there_is_refused_at_once() -> None:
    """The refusal comes before anything is said; --paste is an output."""
    with pytest.raises(HushdError, match="There is no program 'nosuch'"):
        Through("nosuch program", Printing(str), str)
    assert make_parser("hushd dictate").parse_args(["--paste"]).output == "paste"
    assert make_parser("hushd dictate").parse_args([]).output == "auto"
