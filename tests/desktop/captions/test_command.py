"""The command's refusals that need no sound server."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hushd import HushdError
from hushd_desktop.captions import command
from hushd_protocol.system import paths


@pytest.mark.parametrize("which", ["--microphone", "--both"])
def test_a_microphone_of_an_attached_machine(runtime: Path, which: str) -> None:
    """It would give silence for ever, lent as it is to who holds the floor: captions are refused, and told where."""
    attached = paths.find().attached
    attached.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as machine:
        machine.bind(str(attached / "desk-1.sock"))
        machine.listen()
        with pytest.raises(HushdError, match="run `hushd captions` there") as refusal:
            command.main("hushd captions", [which])
    assert refusal.value.code == "unsupported"
