"""The folders of sessions, and the supervisor that a program in each of them may meet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .machine import Machine
from .processes import Process
from .storm import Storm

SESSION, NONE, APART = "run", "none", "apart"  # the user's; no session's folder; one of its own, as in a sandbox
CHANGES = ("unload", "shutdown", "restart")  # what a client of another session's supervisor may not do


def of(process: Process) -> str:
    """The name of a process's session's folder, `NONE` if it has none."""
    return Path(process.environment.get("XDG_RUNTIME_DIR", NONE)).name


def wrong_meeting(machine: Machine, process: Process, client: Any, op: str, end: str) -> str:
    """Returns the fault of the supervisor that a client has used for a request, which ended so; empty if nothing is."""
    connection = client.link.connection
    if connection is None or connection.supervisor is None or op in ("shutdown", "restart"):  # these have their own
        return ""
    here, there = of(process), of(machine.processes[connection.supervisor.pid])
    if there != here and here != NONE:
        return f"met the supervisor of the session {there}"
    if there != here and op in CHANGES and end == "ok":
        return f"changed the supervisor of the session {there}"
    if there == here and end == "unsupported":
        return "was refused by its own supervisor"
    return ""


def wrong_pointer(machine: Machine, home: Path, calm: float) -> str:
    """Returns the fault of user's pointer once nothing runs, `calm` being the time of the last fault."""
    for pointer in (home / ".local/state/hushd").glob("runtime-*"):
        folder = Path(os.readlink(pointer)).parent.name
        for process in machine.processes.values():
            left = process.kind == "supervisor" and process.status == 0 and process.ended > calm
            if left and of(process) == folder:
                return f"the pointer leads to {folder}, though {process} has left"
    return ""


def lost_pointer(machine: Machine, home: Path, storm: Storm) -> str:
    """Returns the fault of the user's pointer where all supervisors had the same folder, which it must lead to."""
    supervisors = [process for process in machine.processes.values() if process.kind == "supervisor"]
    living = [process for process in supervisors if process.living]
    if (
        not living
        or {of(process) for process in supervisors} != {SESSION}
        or storm.struck(("disk", "short", "spot"), 0.0)
    ):
        return ""
    led = [Path(os.readlink(pointer)).parent.name for pointer in (home / ".local/state/hushd").glob("runtime-*")]
    return "" if led == [SESSION] else f"{living[0]} serves, and the pointer leads to {led}"
