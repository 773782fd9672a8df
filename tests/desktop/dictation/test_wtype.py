"""Typing through the virtual keyboard of wlroots' compositors: a real Sway without a screen, and a real terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_desktop.dictation.outputs import Wtype
from support.peer import BOUND_S, wait_until

_NEEDED = ("sway", "wtype", "foot", *(("setpriv",) if os.getuid() == 0 else ()))
_MISSING = ", ".join(name for name in _NEEDED if shutil.which(name) is None)
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {_MISSING}")
NOBODY = 65534  # Sway refuses to be root
CONFIG = """
exec foot sh -c 'stty -echo; echo > {folder}/ready; cat > {folder}/typed'
exec sh -c 'echo $WAYLAND_DISPLAY > {folder}/display'
"""


@pytest.fixture
def terminal(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file with the text typed into a terminal, line by line."""
    (runtime / "sway").write_text(CONFIG.format(folder=runtime))
    environment = os.environ | {
        "HOME": str(runtime), "XDG_RUNTIME_DIR": str(runtime), "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman",
        "WLR_LIBINPUT_NO_DEVICES": "1", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    command = ["sway", "-c", str(runtime / "sway")]
    if os.getuid() == 0:
        os.chown(runtime, NOBODY, NOBODY)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until((runtime / "ready").exists, "the terminal")
    wait_until(lambda: (runtime / "display").exists() and (runtime / "display").read_text(), "the display")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("WAYLAND_DISPLAY", (runtime / "display").read_text().strip())
    yield runtime / "typed"
    process.terminate()
    process.wait(BOUND_S)


def test_typing(terminal: Path) -> None:
    """Whatever the characters are, none is lost, and the last ones can be deleted."""
    typist = Wtype()
    typist.type("Grüße, 日本 ok")
    typist.delete(2)
    typist.type("yes!\n")
    wait_until(terminal.read_text, "a line")
    assert terminal.read_text() == "Grüße, 日本 yes!\n"
