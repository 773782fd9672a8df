"""Differences between an emulator of another processor and a machine, and `needs_machine()`, which skips a test there.

Only for what no time can mend: bounds of time are `SLOWDOWN` times as long there.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_KERNEL = Path("/proc/sys/kernel/arch")  # since Linux 6.1; qemu-user does not replace it, as it does uname


def emulated(kernel: Path = _KERNEL) -> bool:
    """Returns whether this process is told of another architecture than the kernel has; False where that is unknown."""
    try:
        return kernel.read_text().strip() != platform.machine()
    except OSError:
        return False


SLOWDOWN = 10 if emulated() else 1  # of Python under qemu-user


def lengthen(items: Iterable[pytest.Item], default_s: float, times: int = SLOWDOWN) -> None:
    """Gives each test that many times its bound of time, or the default's where it has none."""
    import pytest

    for item in items:
        own = item.get_closest_marker("timeout")
        item.add_marker(pytest.mark.timeout(times * (own.args[0] if own else default_s)), append=False)


def needs_machine(what: str) -> pytest.MarkDecorator:
    """Skips a test under an emulator, where `what`, a part of a sentence, is otherwise."""
    import pytest  # programs without it read the slowdown

    return pytest.mark.skipif(emulated(), reason=f"under an emulator {what}")
