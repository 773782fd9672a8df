"""The modules of the standard library by which a process meets its machine, as simulated processes import them.

Where no simulated process runs, `os` and `open` are the real ones, since pathlib and tempfile have been given these.
"""

from __future__ import annotations

from types import ModuleType

from ..machine import Machine
from .children import small_modules, subprocess_module, sys_module
from .processes import os_module
from .sockets import socket_module
from .streams import io_module
from .waiting import fcntl_module, select_module, signal_module, time_module


def modules(machine: Machine) -> dict[str, ModuleType]:
    """All of them, by the names under which they are imported."""
    os = os_module(machine)
    return {
        "os": os,
        "io": io_module(machine, os),
        "time": time_module(machine),
        "signal": signal_module(machine),
        "select": select_module(machine),
        "fcntl": fcntl_module(machine),
        "socket": socket_module(machine),
        "subprocess": subprocess_module(machine),
        "sys": sys_module(machine),
        **small_modules(machine),
    }
