"""The machine that has attached itself to this one, as a program finds it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hushd.transport.link import Link
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_remote.attached import SUFFIX, find, lender


@pytest.fixture
def lent(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of a machine that listens."""
    monkeypatch.delenv("HUSHD_DEVICES", raising=False)
    path = paths.find().attached / "desk.sock"
    path.parent.mkdir()
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as server:
        server.bind(os.fspath(path))
        server.listen(1)
        yield path


def test_a_folder_that_others_can_write_to_counts_as_empty(lent: Path) -> None:
    """Another user's socket in a folder of the temporary one would hear and say all that is ours."""
    where = paths.find()
    assert lender(where) == f"attached:{lent}"
    where.runtime.chmod(0o777)
    assert find(where, SUFFIX) is None
    assert not paths.is_private(where.runtime / "nothing")


def test_an_attached_machine_is_reached_at_the_path_that_names_it(runtime: Path) -> None:
    """The machine that attached itself last has another. Where nobody answers, a sentence says what to do."""
    machine = Link(endpoint=f"attached:{runtime}/laptop.models.sock")
    with pytest.raises(HushdError, match="laptop, which was attached to this machine"):
        machine.find()
    assert machine.devices


def test_a_machine_that_leaves_while_one_looks(lent: Path) -> None:
    """A socket that has gone since the folder was listed hides no other machine."""
    (lent.parent / "gone.sock").symlink_to("nowhere")  # listed, and not found
    assert find(paths.find(), SUFFIX) == lent


def test_a_socket_that_takes_no_more_connections(lent: Path) -> None:
    """It is passed over at once, as that of an sshd that hangs must be, in place of being waited for."""
    waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2)]
    for each in waiting:
        each.setblocking(False)
        each.connect(os.fspath(lent))
    assert find(paths.find(), SUFFIX) is None
    for each in waiting:
        each.close()
