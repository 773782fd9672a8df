"""`hushd unload -- PROGRAM`: becomes the program, while a process beside it has workers keep away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError

from hushd_cli.terminal import console

NOT_FOUND, NOT_RUN = 127, 126  # exit codes, as of env and nice


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
    module = "hushd_cli.commands.workers.holder"
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
