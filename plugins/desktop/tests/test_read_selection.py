"""`hushd read-selection` on a real X server, with the programs that hold and print selected text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_desktop import read_selection as selection
from hushd_protocol.errors import HushdError
from support.outside import lacking
from support.peer import Start, wait_until

from . import desktop, sway
from .desktop import Desktop

LACKS = ", ".join(filter(None, [desktop.missing(), lacking("xclip")]))
NO_WAYLAND = sway.missing("wl-copy", "wl-paste")
pytestmark = pytest.mark.skipif(bool(LACKS), reason=f"not installed: {LACKS}")

RUN = [sys.executable, "-P", "-m", "hushd", "read-selection"]


@pytest.fixture
def screen(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    with Desktop(runtime) as screen:
        monkeypatch.setenv("DISPLAY", screen.display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        yield screen


def select(text: str) -> None:
    subprocess.run(["xclip", "-selection", "primary", "-in"], input=text.encode(), check=True)
    read = ["xclip", "-selection", "primary", "-out"]  # the one who has it goes on by itself, and may not have it yet
    wait_until(
        lambda: subprocess.run(read, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout == text.encode(), "it"
    )


def test_selected_text_is_read_whole(screen: Desktop) -> None:
    """The text may be of any script and as long as a megabyte; nothing at all is one sentence."""
    for text in ("The quick brown fox.", "-v is an option\nin two lines", "Füchse 狐", "word " * 200_000):
        select(text)
        assert selection.selected() == text.strip()
    select(" \n")
    with pytest.raises(HushdError, match="No text is selected"):
        selection.selected()


@pytest.mark.skipif(bool(NO_WAYLAND), reason=f"not installed: {NO_WAYLAND}")
def test_a_wayland_desktop_has_a_primary_selection_too(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that a compositor keeps for its windows; none at all is one sentence."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with sway.desktop(runtime) as display:
        monkeypatch.setenv("WAYLAND_DISPLAY", display)
        with pytest.raises(HushdError, match="No text is selected"):
            selection.selected()
        subprocess.run(["wl-copy", "--primary"], input="Füchse 狐\n".encode(), check=True)
        wait_until(lambda: subprocess.run(["wl-paste", "-p"], stdout=subprocess.PIPE).stdout, "the selection")
        assert selection.selected() == "Füchse 狐"


def test_given_again_it_ends(screen: Desktop, start_supervisor: Start) -> None:
    """The second one reads nothing, the first one ends, and the third reads again; options of say come with it."""
    start_supervisor()
    select("A long story. " * 2000)
    # A pipe that nobody reads: it waits in the middle of the story.
    reading = subprocess.Popen([*RUN, "--", "-o", "-"], stdout=subprocess.PIPE)
    assert reading.stdout
    assert os.read(reading.stdout.fileno(), 1)
    again = subprocess.run(RUN, capture_output=True, check=True)
    assert (again.stdout, again.stderr) == (b"", b"")
    assert reading.wait() != 0
    reading.stdout.close()
    assert subprocess.run([*RUN, "--stop"], capture_output=True, check=True).stderr == b""
    select("One word.")
    third = subprocess.run([*RUN, "--", "-o", "-"], stdout=subprocess.PIPE, check=True)
    assert third.stdout[:4] == b"RIFF"
