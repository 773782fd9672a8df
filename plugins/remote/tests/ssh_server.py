"""An sshd of this user's own, on the loopback, with keys and a configuration of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.peer import wait_until
from support.ports import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
SSH = shutil.which("ssh")
CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/own.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
SetEnv {variables}
"""


class SshServer:
    """The machine that agents run on: its folder, and the ssh that leads to it."""

    def __init__(self, folder: Path) -> None:
        if not SSHD or not SSH:
            pytest.skip("There is no sshd here: apt install openssh-server.")
        self.folder = folder
        folder.mkdir(mode=0o700)
        (folder / "config.toml").touch()
        keys = folder / "ssh"
        keys.mkdir(mode=0o700)
        for name in ("host", "own", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name], check=True)
        self.port = free_port()
        kind, key, *_ = (keys / "host.pub").read_text().split()
        (keys / "known").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")
        (keys / "sshd").write_text(CONFIGURATION.format(port=self.port, folder=keys, variables=self._environment()))
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._keys = keys
        with (keys / "log").open("w") as log:
            arguments = [SSHD, "-D", "-e", "-f", keys / "sshd"]
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=log)
        wait_until(self._answers, "sshd")

    def _environment(self) -> str:
        """The variables of a login there, whose PATH leads to hushd."""
        program = self.folder / "bin" / "hushd"
        program.parent.mkdir()
        program.write_text(
            f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -c 'from hushd_cli import entry; entry.hushd()' \"$@\"\n"
        )
        program.chmod(0o755)
        environment = {**variables(self.folder), "HUSHD_AUTOSTART": "1", "PATH": f"{program.parent}:/usr/bin:/bin"}
        return " ".join(f"{name}={value}" for name, value in environment.items())

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ssh(self, key: str = "own", port: int = 0) -> str:
        known = self._keys / "known"
        return (
            f"ssh -F none -p {port or self.port} -i {self._keys / key} -o IdentitiesOnly=yes "
            f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o HostKeyAlias=[127.0.0.1]:{self.port}"
        )

    @contextmanager
    def on_it(self) -> Iterator[None]:
        """Has this process be a program on that machine."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables(self.folder).items():
                patch.setenv(name, value)
            yield

    @property
    def sockets(self) -> list[str]:
        """The names of the machines that are attached."""
        return sorted(path.name for path in self.folder.glob("attached/*"))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def install_ssh(self, folder: Path, key: str = "own") -> None:
        """Makes a program `ssh` in `folder` that leads there, as a user's ~/.ssh/config would."""
        folder.mkdir(exist_ok=True)
        words = shlex.split(self.ssh(key))
        program = folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(SSH))} {shlex.join(words[1:])} "$@"\n')
        program.chmod(0o755)


def variables(folder: Path) -> dict[str, str]:
    """The variables of hushd on a machine whose files are in `folder`."""
    return {
        "HUSHD_RUNTIME_DIR": str(folder),
        "HUSHD_STATE_DIR": str(folder / "state"),
        "HUSHD_CONFIG": str(folder / "config.toml"),
        "HUSHD_AUTOSTART": "0",
    }
