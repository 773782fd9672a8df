"""The files for service managers: systemd's own tool takes them, and they say what hushd needs them to say."""

from __future__ import annotations

import configparser
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_cli.commands import service as units
from hushd_supervisor.system import activation
from support.outside import needs

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
needs_systemd = needs("systemd-analyze")


class Unit(configparser.RawConfigParser):
    """A unit file; a key that is given several times has all its values."""

    optionxform = staticmethod(str)  # type: ignore[assignment]

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters="=")
        self.read(path)


def verify(folder: Path, *options: str) -> str:
    """Returns the output of `systemd-analyze verify` for the units in `folder`."""
    files = [str(path) for path in sorted(folder.glob("hushd*"))]
    done = subprocess.run(
        ["systemd-analyze", *options, "--man=no", "verify", *files],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)},
        check=False,
    )
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")


@needs_systemd
@pytest.mark.parametrize("kind", ["user", "system"])
def test_systemd_takes_the_units(kind: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about them, nor about those with a strange path to Python."""
    python = tmp_path / "my 50% python"
    python.symlink_to(sys.executable)
    for name in (*units.UNITS, *(units.DOOR.values() if kind == "user" else ())):
        text = (PACKAGING / "systemd" / kind / name).read_text()
        (tmp_path / name).write_text(text.replace("=/usr/bin/python3 ", f"={units.quoted(str(python))} "))
    assert verify(tmp_path, *(["--user"] if kind == "user" else [])) == ""


@pytest.mark.parametrize("kind", ["user", "system"])
def test_the_units_keep_what_the_supervisor_relies_on(kind: str) -> None:
    """Its words to the manager, its workers' lives, its socket's name and privacy."""
    unit = Unit(PACKAGING / "systemd" / kind / "hushd.service")
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["KillMode"] == "mixed"  # SIGTERM to workers would end their jobs
    assert unit["Service"]["OOMPolicy"] == "continue"  # a worker's end is not the service's
    assert "MemoryDenyWriteExecute" not in unit["Service"]
    assert unit["Unit"]["Requires"] == "hushd.socket"
    socket = Unit(PACKAGING / "systemd" / kind / "hushd.socket")["Socket"]
    assert socket["FileDescriptorName"] == activation.NAME
    assert socket["SocketMode"] == "0600"
    where = {"user": "%t/hushd/client.sock", "system": "/run/hushd/client.sock"}
    assert socket["ListenStream"] == where[kind]
    assert "Accept" not in socket


@pytest.mark.parametrize(("kind", "name"), units.DOOR.items())
def test_the_units_of_the_door_are_known_by_their_names(kind: str, name: str) -> None:
    """The name says the kind to the supervisor, whose one service takes them beside the clients' socket."""
    unit = Unit(PACKAGING / "systemd/user" / name)
    assert unit["Socket"]["FileDescriptorName"] == kind
    assert kind in activation.DOOR_PREFIXES
    assert unit["Socket"]["Service"] == "hushd.service"
    assert unit["Unit"]["Requires"] == "hushd.socket"
    assert unit["Socket"]["ListenStream"].startswith("127.0.0.1:")


def test_the_agent_of_launchd_is_a_property_list() -> None:
    """Label, program, the socket under the name that is asked for, 0600. (No more of launchd is tested.)"""
    agent = plistlib.loads((PACKAGING / "launchd/org.hushd.plist").read_bytes())
    assert agent["Label"] == activation.LABEL == units.LABEL
    assert agent["ProgramArguments"] == [units.PYTHON, "-P", "-m", "hushd_supervisor"]
    assert agent["Sockets"][activation.NAME]["SockPathMode"] == 0o600
    assert agent["Umask"] == 0o077
    assert "KeepAlive" not in agent  # it leaves when idle
