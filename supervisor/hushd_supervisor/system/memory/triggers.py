"""Chooses the source that reports memory pressure on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import zmq
from hushd_protocol.system.cgroup import Cgroup

from hushd_supervisor.core.memory.budget import Memory

from .psi import Pipe, Stalls, Triggers

SYSTEM = Path("/proc/pressure/memory")


def choose(
    poller: zmq.Poller, cgroup: Cgroup, memory: Callable[[], Memory], environ: Mapping[str, str] | None = None
) -> Triggers:
    """Returns the pipe HUSHD_PRESSURE if named, else the file that a service manager names, else the stalls of our
    group if it has a limit, else the machine's.

    Raises:
        HushdError: `bad_request` when the pipe is not one.
    """
    environ = environ or {}
    if pipe := environ.get("HUSHD_PRESSURE"):
        return Pipe(poller, Path(pipe))
    if "MEMORY_PRESSURE_WATCH" in environ:
        from . import managed  # few are watched so

        if triggers := managed.choose(poller, environ, memory):
            return triggers
    group_file = cgroup.pressure_file()
    stalls = Stalls(poller, group_file or SYSTEM, memory)
    return stalls if group_file is None or stalls.works() else Stalls(poller, SYSTEM, memory)
