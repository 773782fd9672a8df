"""Emulators are known by the architecture that the kernel gives as its own."""

from __future__ import annotations

import platform
from pathlib import Path

from support.emulator import emulated


def test_a_process_is_emulated_where_the_kernel_has_another_architecture(tmp_path: Path) -> None:
    """Not where it has the same, nor where it does not say."""
    kernel = tmp_path / "arch"
    assert not emulated(kernel)
    kernel.write_text(f"{platform.machine()}\n")
    assert not emulated(kernel)
    kernel.write_text("sparc64\n")
    assert emulated(kernel)
