"""Emulators are known by the architecture that the kernel gives as its own."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from support.emulator import emulated, lengthen


def test_a_process_is_emulated_where_the_kernel_has_another_architecture(tmp_path: Path) -> None:
    """Not where it has the same, nor where it does not say."""
    kernel = tmp_path / "arch"
    assert not emulated(kernel)
    kernel.write_text(f"{platform.machine()}\n")
    assert not emulated(kernel)
    kernel.write_text("sparc64\n")
    assert emulated(kernel)


@pytest.mark.timeout(700)
def test_a_bound_of_time_is_as_many_times_as_long(request: pytest.FixtureRequest) -> None:
    """Its own comes before the default, of which a test without one has as many."""
    before = next(request.node.iter_markers("timeout")).args[0]  # under an emulator 700 s ten times by now
    lengthen([request.node], 180, times=10)
    bound = request.node.get_closest_marker("timeout")
    assert bound is not None
    assert bound.args == (10 * before,)
    bare = pytest.Function.from_parent(request.node.parent, name="bare", callobj=lambda: None)
    lengthen([bare], 180, times=10)
    assert [mark.args for mark in bare.iter_markers("timeout")] == [(1800,)]
