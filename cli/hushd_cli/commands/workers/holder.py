"""The process that has workers keep away until a program has ended: `holder.py PID OPTIONS`.

It prints hushd's answer, or its error, as a line of JSON, and stays until process PID is gone, however that ends: the
kernel says so. Where the supervisor leaves before, the next one is asked for the same. It belongs to nobody: the
program has no child that it did not start, and no signal of its terminal comes here.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import UNANSWERED, HushdError

ABSENT_S = 1.0  # between two looks for the next supervisor


def main(program: int, options: dict[str, Any]) -> None:
    """Has workers keep away, by the options of `Client.unload`."""
    if os.fork():
        os._exit(0)
    ended = _watch(program)  # which waits for the line
    from hushd.client import Client

    client = Client(holder="cli")
    try:
        busy = client.unload(hold=True, **options).busy
    except HushdError as error:
        # Where none may be started, there is no worker.
        _say({"busy": {}} if error.code in UNANSWERED else {"code": error.code, "message": error.message})
        return
    _say({"busy": busy})
    threading.Thread(target=lambda: (ended(), os._exit(0))).start()
    later = Client(holder="cli", start=False)  # a shutdown is not undone
    while client.link.wait_lost():
        try:
            later.unload(hold=True, **options)
            client = later
        except HushdError:
            time.sleep(ABSENT_S)


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
