"""A file in the place of a card's driver, for tests and machines without a card.

`HUSHD_CARDS=support.card_stand_in:FILE`, with the folder of the tests in PYTHONPATH, has hushd's programs read
FILE, a list of `{"id", "name", "total", "others", "asleep", "holds", "slow"}`. `others` are the bytes that other
programs take, `slow` the seconds that the driver takes to open a card. A process takes memory by `claim`, which
writes a file of its own beside that. It is free again once the process is gone, except while the card `holds` what such
processes had.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import python_path


def environment(path: Path) -> dict[str, str]:
    """The variables by which hushd's programs see the cards of a file."""
    return {"HUSHD_CARDS": f"{__name__}:{path}", "PYTHONPATH": python_path.first(Path(__file__).parents[1])}


class StandIn:
    """Cards that are a file; a `card.Driver`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def ids(self) -> list[str]:
        return sorted(self._cards())

    def asleep(self, id: str) -> bool:
        return bool(self._known(id).get("asleep", False))

    def uuid(self, id: str) -> str:
        return f"GPU-{id}"

    def name(self, id: str) -> str:
        time.sleep(self._known(id).get("slow", 0))
        return str(self._known(id).get("name", "stand-in"))

    def memory(self, id: str) -> tuple[int, int]:
        known = self._known(id)
        used = known.get("others", 0) + sum(self._claims(id, known.get("holds", False)).values())
        return known["total"], max(0, known["total"] - used)

    def processes(self, id: str) -> dict[int, int]:
        return self._claims(id, False)

    def claim(self, id: str, size: int) -> bool:
        """Takes `size` bytes more of a card for this process; returns whether they were free."""
        with self._locked():
            if self.memory(id)[1] < size:
                return False
            claim = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            before = json.loads(claim.read_text()) if claim.exists() else {}
            draft = claim.with_name(f"{claim.name}.new")
            draft.write_text(json.dumps(before | {id: before.get(id, 0) + size}))
            draft.rename(claim)
        return True

    def _claims(self, id: str, with_dead: bool) -> dict[int, int]:
        paths = {int(path.suffix[1:]): path for path in self._path.parent.glob(f"{self._path.name}.*[0-9]")}
        return {pid: json.loads(path.read_text()).get(id, 0) for pid, path in paths.items() if with_dead or _lives(pid)}

    def _known(self, id: str) -> dict[str, Any]:
        try:
            return self._cards()[id]
        except KeyError as error:
            raise OSError(f"the card {id} has fallen off the bus") from error

    def _cards(self) -> dict[str, dict[str, Any]]:
        return {known["id"]: known for known in json.loads(self._path.read_text())}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self._path.with_name(f"{self._path.name}.lock"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def driver(path: str) -> StandIn:
    return StandIn(path)


def _lives(pid: int) -> bool:
    """Returns whether a process has not ended; one that nobody has reaped yet holds no memory."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
