"""Tests of the rights that a kernel with each version of Landlock is asked to take from a process: all it knows."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hushd_protocol.system import landlock

# The rights to files that each version knows, and those to what is not a folder, by Linux's landlock.h.
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1, 6: (1 << 16) - 1}
OF_A_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15


class Kernel:
    """A kernel with a version of Landlock, which keeps what it is asked."""

    def __init__(self, version: int, refuses: int = 0) -> None:
        self.version, self._refuses = version, refuses
        self.ruleset = b""
        self.rules: list[int] = []
        self.restricted = self.unprivileged = False

    def __call__(self, number: int, *arguments: object) -> int:
        if number == self._refuses:
            return -1
        match number, arguments:
            case 444, (None, 0, 1):
                return self.version or -1
            case 444, (bytes(attributes), size, 0):
                assert size == len(attributes)
                self.ruleset = attributes
                return os.open("/dev/null", os.O_RDONLY)
            case 445, (_, 1, bytes(rule), 0):
                self.rules.append(struct.unpack("=Qi", rule)[0])
            case 446, (_, 0):
                self.restricted = True
        return 0


@pytest.fixture
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel(*request.param if isinstance(request.param, tuple) else (request.param,))
    monkeypatch.setattr(landlock, "_call", made)
    monkeypatch.setattr(landlock, "no_new_privileges", lambda: setattr(made, "unprivileged", True))
    return made


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7], indirect=True)
@pytest.mark.parametrize("tcp", [False, True])
def test_all_that_a_version_knows_is_given_up(kernel: Kernel, tcp: bool, tmp_path: Path) -> None:
    """All rights to files since the first, TCP since the fourth, signals and abstract sockets since the sixth. A right
    that the kernel does not know would have it refuse all of them."""
    (file := tmp_path / "file").touch()
    assert landlock.restrict([tmp_path], [tmp_path], [file], tcp=tcp, programs=True) == kernel.version
    known = RIGHTS[min(kernel.version, 6)]
    rights, connections, scopes = struct.unpack("=QQQ", kernel.ruleset.ljust(24, b"\0"))
    assert rights == known
    assert connections == (0b11 if kernel.version >= 4 and not tcp else 0)
    assert scopes == (0b11 if kernel.version >= 6 else 0)
    read, write, device = kernel.rules
    assert read == 1 << 0 | 1 << 2 | 1 << 3  # execute, read, list
    assert write == known & ~(1 << 0 | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 15)  # no program, device or socket
    assert device == known & OF_A_FILE & ~1
    assert kernel.unprivileged
    assert kernel.restricted


@pytest.mark.parametrize("kernel", [6], indirect=True)
def test_nothing_is_executed_unless_programs_may_be(kernel: Kernel, tmp_path: Path) -> None:
    """Of a file in place of a folder only the rights of files are asked for: the kernel refuses others."""
    (file := tmp_path / "file").touch()
    landlock.restrict([tmp_path, file])
    assert kernel.rules == [1 << 2 | 1 << 3, 1 << 2]


@pytest.mark.parametrize("kernel", [6], indirect=True)
def test_a_missing_folder_is_left_out(kernel: Kernel, tmp_path: Path) -> None:
    """The others stay readable, and the process is restricted."""
    landlock.restrict([tmp_path / "none", tmp_path])
    assert len(kernel.rules) == 1
    assert kernel.restricted


@pytest.mark.parametrize("kernel", [0], indirect=True)
def test_a_kernel_without_landlock_restricts_nothing(kernel: Kernel, tmp_path: Path) -> None:
    """It says so by the version 0, and is asked for nothing."""
    assert landlock.version() == landlock.restrict([tmp_path]) == 0
    assert not kernel.ruleset
    assert not kernel.restricted


@pytest.mark.parametrize("kernel", [(6, 444 + 2)], indirect=True)
def test_a_refusal_is_an_error_and_leaves_no_descriptor(kernel: Kernel, tmp_path: Path) -> None:
    """A process that is not restricted never goes on as if it were."""
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="Landlock: "):
        landlock.restrict([tmp_path])
    assert os.listdir("/proc/self/fd") == before
