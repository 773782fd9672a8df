"""`hushd unload -- PROGRAM`: becomes the program, while a process beside it has workers keep away.

That process, `python -m hushd_cli.commands.keep_away PID OPTIONS`, prints hushd's answer, or its error, as a line of
JSON, and stays until process PID is gone, however that ends: the kernel says so. Where the supervisor leaves before,
the next one is asked for the same. It belongs to nobody: the program has no child that it did not start, and no signal
of its terminal comes here.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from hushd_protocol import JsonObject
from hushd_protocol.errors import UNANSWERED, HushdError

from hushd_cli.terminal import console

NOT_FOUND, NOT_RUN = 127, 126  # exit codes, as of env and nice
ABSENT_S = 1.0  # between two looks for the next supervisor


def become(program: list[str], later: Callable[[Mapping[str, int]], str], *, everywhere: bool, force: bool) -> int:
    """Becomes the program, as `env` and `nice` do, once workers have left; returns only where it cannot be run.

    So its exit status, its signals and its place on the terminal are its own.

    Args:
        later: says which workers end later, and after what.

    Raises:
        HushdError: workers cannot be asked to keep away.
    """
    answer = _held({"everywhere": everywhere, "force": force})
    if "message" in answer:
        raise HushdError(answer["code"], answer["message"])
    if busy := answer["busy"]:
        console.complain(later(busy))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        console.complain(f"{program[0]} cannot be run: {error.strerror}.")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN


def _held(options: JsonObject) -> JsonObject:
    """Starts the process that has workers keep away; returns what it prints, once workers have left."""
    module = "hushd_cli.commands.keep_away"
    command = [sys.executable, "-P", "-m", module, str(os.getpid()), json.dumps(options)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, start_new_session=True, text=True
    ) as holder:
        assert holder.stdout is not None
        line = holder.stdout.readline()
    failed = {"code": "internal", "message": "The process that has workers keep away has ended without an answer."}
    answer: JsonObject = json.loads(line) if line else failed
    return answer


def keep_away(program: int, options: dict[str, Any]) -> None:
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
    keep_away(int(sys.argv[1]), json.loads(sys.argv[2]))
