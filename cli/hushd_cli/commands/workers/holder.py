"""The process that has workers keep away from memory until a program has ended: `holder.py PID FIELDS`.

It prints hushd's answer, or its error, as a line of JSON, and stays until process PID is gone, however that ends: the
kernel says so. It belongs to nobody: the program has no child that it did not start, and no signal of its terminal
comes here.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import UNANSWERED, HushdError


def main(program: int, fields: dict[str, Any]) -> None:
    """Holds the memory, if there is a supervisor."""
    if os.fork():
        os._exit(0)
    ended = _watch(program)  # which waits for the line
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False) as client:
            _say({"answer": client.control("yield", **fields)})
            ended()
    except HushdError as error:
        _say({} if error.code in UNANSWERED else {"code": error.code, "message": error.message})


def _say(answer: dict[str, Any]) -> None:
    """Prints a line, the only one, and closes the pipe: whoever reads it does not wait for this process."""
    os.write(1, json.dumps(answer).encode() + b"\n")
    os.dup2(0, 1)


def _watch(program: int) -> Callable[[], object]:
    """Returns a function that waits for the end of a process, which lives now."""
    if sys.platform == "linux":
        descriptor = os.pidfd_open(program)
        return lambda: select.select([descriptor], [], [])
    queue = select.kqueue()
    exits = select.kevent(program, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
    queue.control([exits], 0)
    return lambda: queue.control(None, 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
