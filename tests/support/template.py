"""A template without an engine, for tests: `python template.py [MODE]`; the workers forked from it print and wait.

MODE `threads` starts a thread at its import, `emulated` has had one from its start, `refuses` has a reason of its own,
`missing` has no model, and `slow` never gets ready. Any other is a file, whose pages it maps and reads."""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import lifeline
from hushd_worker import template

MODE = sys.argv[1] if len(sys.argv) > 1 else ""
KEPT: list[mmap.mmap] = []


def preload() -> None:
    if MODE == "threads":
        start_thread()
    elif MODE == "refuses":
        raise HushdError("unsupported", "Not this one.")
    elif MODE == "missing":
        raise HushdError("model_missing", "It is not here.")
    elif MODE == "slow":
        time.sleep(3600)
    elif MODE.strip():
        KEPT.append(mapped(Path(MODE)))


def start_thread() -> None:
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


def mapped(path: Path) -> mmap.mmap:
    """The pages of a file, each of them read."""
    with open(path, "rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    assert not any(pages[:: mmap.PAGESIZE])
    return pages


if __name__ == "__main__":
    if MODE == "emulated":
        start_thread()
    _, *arguments = template.serve("stt/test", preload)
    lifeline.arm(int(os.environ["HUSHD_LIFELINE"]), int(os.environ["HUSHD_SUPERVISOR"]))
    print(*arguments, os.getpid(), os.getpgrp(), os.getppid(), os.environ.get("MINE"), "HUSHD_TEMPLATE" in os.environ)
    sys.stdout.flush()
    if arguments[0] == "wait":
        time.sleep(3600)
    os._exit(int(arguments[1]))
