"""An sshd of this user's own, on the loopback, with keys and a configuration of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.machines import variables
from support.peer import wait_until
from support.ports import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
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
SetEnv HUSHD_RUNTIME_DIR={runtime}
"""


class SshServer:
    """The machine that agents run on: its folder, and the ssh that leads to it."""

    def __init__(self, folder: Path) -> None:
        if not SSHD or not shutil.which("ssh"):
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
        (keys / "sshd").write_text(CONFIGURATION.format(port=self.port, folder=keys, runtime=folder))
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._keys = keys
        with (keys / "log").open("w") as log:
            arguments = [SSHD, "-D", "-e", "-f", keys / "sshd"]
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=log)
        wait_until(self._answers, "sshd")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ssh(self, key: str = "own", port: int = 0) -> str:
        """The command that leads there."""
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
