"""The machine that `hushd attach` is given."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_cli.commands.attach import command
from hushd_protocol.errors import HushdError


@pytest.mark.parametrize("host", ["", "a\nb", "\x1b[2J", "-oProxyCommand=x"])
def test_a_host_that_cannot_be_one_is_refused(host: str) -> None:
    """In one line that shows it, before ssh gets it and before anything of this process has changed."""
    with pytest.raises(HushdError, match="HOST must be a name that ssh knows") as caught:
        command.main("hushd attach", ["--", host])
    assert caught.value.code == "bad_request"
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("ssh", ["ssh 'x", "", "  "])
def test_an_ssh_that_cannot_be_run_is_refused(ssh: str) -> None:
    """In one line that shows it."""
    with pytest.raises(HushdError, match=r"--ssh .* cannot be run") as caught:
        command.main("hushd attach", ["--ssh", ssh, "host"])
    assert caught.value.code == "bad_request"


def test_a_folder_with_a_path_too_long_for_a_socket(runtime: Path) -> None:
    """It is refused with the length, instead of what libzmq says of it."""
    with pytest.raises(HushdError, match="bytes and the system allows 107: name a folder with a shorter path"):
        command.main("hushd attach", [str(runtime / ("x" * 100))])


def test_what_a_killed_one_left_is_swept(tmp_path: Path) -> None:
    """Only where its process is gone; other files, and those of other machines, stay."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = [f"m-{gone.pid}.sock", f"m-{gone.pid}.models.sock", f"m-{os.getpid()}.sock", "m-x.sock", "n-1.sock"]
    for name in [*names, f"n-{gone.pid}.sock"]:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(tmp_path / name))
    command._sweep(tmp_path, "m-*.sock")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[2:], f"n-{gone.pid}.sock"])
