"""Clocks that jump and a machine that sleeps, on real processes: nothing is killed, and no lease ends early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hushd_protocol.messages import Cancel, Error
from support.outside import needs
from support.peer import CONFIG, Supervisor, descendants, wait_until

SOURCE = Path(__file__).parents[1] / "support" / "shifted_clock.c"
TEN_YEARS, HOUR = 315_576_000, 3600
KEPT_S = 600.0
KEPT, BUSY = "stt/echo/a", "stt/echo/b"

pytestmark = [
    needs("cc"),
    pytest.mark.skipif(sys.platform != "linux", reason="shifts clocks by LD_PRELOAD, which only Linux has"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that shifts the clocks of the programs that load it."""
    path = tmp_path_factory.mktemp("clock") / "shifted.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, SOURCE, "-ldl"], check=True)
    return path


class House:
    """A supervisor and its workers, whose clocks are shifted."""

    def __init__(self, supervisor: Supervisor, shift: Path) -> None:
        self.supervisor, self._shift = supervisor, shift

    def move(self, day: int, boot: int = 0) -> None:
        """Shifts the time of day, and the time since the start of the machine, by so many seconds from the truth."""
        new = self._shift.with_suffix(".new")
        new.write_text(f"{day} {boot}\n")
        new.rename(self._shift)

    def sleep(self, seconds: int) -> None:
        """Suspends all processes, and lets them go on when the clocks that count sleep have moved by so much."""
        processes = [self.supervisor.pid, *descendants(self.supervisor.folder)]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        self.move(seconds, seconds)
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def house(library: Path, runtime: Path, start_supervisor: Callable[..., Supervisor]) -> House:
    shift = runtime / "shift"
    shift.write_text("0 0\n")
    preload = {"LD_PRELOAD": str(library), "HUSHD_SHIFT": str(shift)}
    # What a worker gets of our environment is chosen, and loaders are not among it.
    workers = '[worker."stt/echo".environment]\n' + "".join(f"{name} = '{value}'\n" for name, value in preload.items())
    supervisor = start_supervisor(CONFIG + workers, environment=preload, cold=True)
    assert supervisor.ready, supervisor.log()
    return House(supervisor, shift)


JUMPS: dict[str, tuple[int, Callable[[House], None]]] = {
    "ten years ahead": (TEN_YEARS, lambda house: house.move(TEN_YEARS)),
    "ten years back": (-TEN_YEARS, lambda house: house.move(-TEN_YEARS)),
    "asleep for an hour": (HOUR, lambda house: house.sleep(HOUR)),
}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_ends_nothing(house: House, jump: str) -> None:
    """A job goes on until its client cancels it, no process is another one, and a lease goes on."""
    seconds, act = JUMPS[jump]
    with house.supervisor.connect(holder="me") as peer, house.supervisor.connect() as other:
        pid = peer.ask("echo", keep_alive=KEPT_S)["pid"]
        assert all(_is_shifted(process) for process in (pid, house.supervisor.pid))
        job = other.request("wait", BUSY, credit=8)
        worker = wait_until(lambda: (row := peer.status(BUSY))["running"] and row["pid"], "the job")
        act(house)
        assert peer.ask("echo")["pid"] == pid
        lease = peer.status()["holders"]["me"]
        assert KEPT_S / 2 < lease <= KEPT_S
        rows = [peer.status(name) for name in (KEPT, BUSY)]
        assert [(row["pid"], row["crashes"], row["state"]) for row in rows] == [(pid, 0, "ready"), (worker, 0, "busy")]
        other.send(Cancel(id=job))
        assert other.expect(Error).code == "cancelled"
        other.ask("echo", BUSY)
        assert peer.status(BUSY)["pid"] == worker
        assert _year(house) == date.fromtimestamp(time.time() + seconds).year


def _is_shifted(pid: int) -> bool:
    return "shifted.so" in Path(f"/proc/{pid}/maps").read_text()


def _year(house: House) -> int:
    """The year of the last line of the log."""
    return int(house.supervisor.log().splitlines()[-1][:4])
