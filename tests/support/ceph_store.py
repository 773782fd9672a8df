"""Ceph's own server of S3, radosgw, on this machine, beside a monitor and a disk that is memory: all on loopback."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import urllib.request
import uuid
from pathlib import Path

from support.peer import wait_until
from support.ports import free_port
from support.s3_server import CREDENTIALS

PROGRAMS = ("ceph-mon", "ceph-osd", "ceph", "ceph-authtool", "radosgw", "radosgw-admin", "monmaptool")
CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor}]
public addr = 127.0.0.1
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
keyring = {folder}/keyring
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms client mode = crc
ms service mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{port}
"""


def is_there() -> bool:
    """Returns whether Ceph is installed: Debian's packages radosgw, ceph-mon and ceph-osd."""
    return all(map(shutil.which, PROGRAMS))


class CephStore:
    """The server, with a user of `s3_server.CREDENTIALS`. A context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="c", dir="/tmp"))  # sockets have long names below it
        self._port, monitor, fsid = free_port(), free_port(), uuid.uuid4()
        for name in ("mon", "osd"):
            (self.folder / name).mkdir()
        names = {"fsid": fsid, "monitor": monitor, "folder": self.folder, "port": self._port}
        (self.folder / "ceph.conf").write_text(CONFIG.format(**names))
        self._running: list[subprocess.Popen[bytes]] = []
        try:
            self._begin(monitor, str(fsid))
        except BaseException:
            self.close()
            raise

    def _begin(self, monitor: int, fsid: str) -> None:
        monitors, disk = str(self.folder / "monmap"), str(uuid.uuid4())
        self._do("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{monitor}]", monitors)
        self._do("ceph-authtool", "--create-keyring", str(self.folder / "keyring"), "--gen-key", "-n", "client.rgw.a")
        self._do("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors)
        self._start("ceph-mon", "-i", "a")
        self._do("ceph", "osd", "new", disk)
        self._do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self._start("ceph-osd", "-i", "0")
        self._start("radosgw", "-n", "client.rgw.a")
        wait_until(self._answers, "radosgw", 180.0)
        access, secret = CREDENTIALS.values()
        user = ("--uid", "node", "--display-name", "node", "--access-key", access, "--secret", secret)
        self._do("radosgw-admin", "user", "create", *user)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which libraries find the server and their credentials for it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "us-east-1"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> CephStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, with all that it holds."""
        for process in reversed(self._running):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=10):
                return True
        except OSError:
            return False

    def _command(self, program: str, *words: str) -> list[str]:
        return [
            program,
            *(() if program in ("monmaptool", "ceph-authtool") else ("-c", f"{self.folder}/ceph.conf")),
            *words,
        ]

    def _do(self, program: str, *words: str) -> None:
        done = subprocess.run(self._command(program, *words), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, (program, done.stderr[-2000:])

    def _start(self, program: str, *words: str) -> None:
        quiet = subprocess.DEVNULL
        self._running.append(subprocess.Popen([*self._command(program, *words), "-f"], stdout=quiet, stderr=quiet))
