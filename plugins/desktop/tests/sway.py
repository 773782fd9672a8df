"""A Wayland desktop without a screen: Sway, which refuses to be root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.outside import lacking
from support.peer import BOUND_S, wait_until

NOBODY = 65534
NEEDED = ("sway", *(("setpriv",) if os.getuid() == 0 else ()))


def missing(*programs: str) -> str:
    """Names the programs that are not installed, of these and of what `desktop` needs; empty when all are."""
    return lacking(*NEEDED, *programs)


@contextmanager
def desktop(folder: Path, program: str = "") -> Iterator[str]:
    """Starts a desktop, and `program` in it by a shell; yields WAYLAND_DISPLAY for XDG_RUNTIME_DIR=`folder`.

    As root it is nobody's, who gets the folder and starts there: a terminal first enters where it was started,
    and a clone of root's may be closed to everybody else.
    """
    display = folder / "display"
    (folder / "sway").write_text(
        f"exec {program or 'true'}\nexec sh -c 'echo $WAYLAND_DISPLAY > {display}.new; mv {display}.new {display}'\n"
    )
    environment = os.environ | {
        "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman",
        "WLR_LIBINPUT_NO_DEVICES": "1", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    command = ["sway", "-c", str(folder / "sway")]
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(display.exists, "the desktop")
        yield display.read_text().strip()
    finally:
        process.terminate()
        process.wait(BOUND_S)
