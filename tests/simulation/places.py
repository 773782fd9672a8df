"""The places of a simulated user: folders, configuration, installed packages, and the environments of programs."""

from __future__ import annotations

import random
from pathlib import Path

from . import sessions

FORMER = 4_194_304  # the highest number of a process on Linux: longer than any of a supervisor here
CONFIGURATION = """[worker]
start_timeout = 30
vram_mb = 300
[worker."stt/echo"]
command = ["python", "-m", "simulation.programs.engine"]
[worker."tts/echo"]
command = ["python", "-m", "simulation.programs.engine"]
"""


def furnish(folder: Path, seed: int) -> None:
    """Makes them in an empty folder."""
    for name in ("home", "run", "apart", "tmp", "in", "out"):
        (folder / name).mkdir(mode=0o700)
    _install(folder / "site")
    _leave_remains(folder / "run" / "hushd", seed)
    (folder / "config.toml").write_text(CONFIGURATION)


def environment(folder: Path, session: str, card: bool) -> dict[str, str]:
    """The environment of a program in a session, on a machine with a card or without one."""
    variables = {
        "HOME": str(folder / "home"),
        "PATH": "/bin",
        "HUSHD_CONFIG": str(folder / "config.toml"),
        "TMPDIR": str(folder / "tmp"),
    }
    if card:
        variables["HUSHD_CARDS"] = "simulation.programs.card:"
    return variables | ({} if session == sessions.NONE else {"XDG_RUNTIME_DIR": str(folder / session)})


def _leave_remains(runtime: Path, seed: int) -> None:
    """Leaves, in half of the seeds, the lock of a supervisor that was there before the power was cut."""
    if random.Random(f"remains {seed}").random() < 0.5:
        runtime.mkdir(mode=0o700)
        (runtime / "lock").write_text(f"{FORMER}\n")


def _install(site: Path) -> None:
    """Makes the packages that are installed there, whatever is on our machine: hushd, and one without entry points."""
    for name in ("hushd", "psutil"):
        (site / f"{name}-1.dist-info").mkdir(parents=True)
    (site / "hushd-1.dist-info" / "entry_points.txt").write_text("[console_scripts]\nhushd = hushd_cli.entry:main\n")
