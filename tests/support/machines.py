"""Two machines on one: a supervisor that listens for others, and the keys and folders of a second machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import zmq
from hushd_protocol.endpoint import Endpoint
from hushd_protocol.system import paths
from hushd_protocol.system.keys import KeyFiles, public_of
from support.peer import CONFIG, Peer, Supervisor, wait_until

LISTEN = '[remote]\nlisten = "tcp+curve://127.0.0.1:0"\n' + CONFIG


@dataclass(frozen=True)
class Desk:
    """A supervisor for other machines.

    Attributes:
        keys: its key files.
        endpoint: where it listens.
    """

    supervisor: Supervisor
    keys: KeyFiles
    endpoint: Endpoint

    @classmethod
    def of(cls, supervisor: Supervisor) -> Desk:
        """The machine of a supervisor that was started in this environment."""
        keys = KeyFiles(paths.find())
        public = keys.public()
        assert public
        ports = re.findall(r"at tcp\+curve://127\.0\.0\.1:(\d+)", supervisor.log())
        assert ports, supervisor.log()
        return cls(supervisor, keys, Endpoint(public, "127.0.0.1", int(ports[-1])))

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """Has this process be a program of the desk again."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables(self.supervisor.folder).items():
                patch.setenv(name, value)
            patch.delenv("HUSHD_ENDPOINT", raising=False)
            yield

    def machines(self) -> dict[str, int]:
        """The connections of each other machine, as `hushd status` shows them."""
        with self.supervisor.connect() as peer:
            return dict(peer.control("status")["remote"]["machines"])

    def check_keys(self) -> dict[str, int]:
        """As `hushd keys` has it read its files."""
        with self.supervisor.connect() as peer:
            return dict(peer.control("keys")["machines"])


@dataclass(frozen=True)
class Laptop:
    """A second machine: its folders, and its key."""

    folder: Path
    keys: KeyFiles

    @classmethod
    def at(cls, folder: Path) -> Laptop:
        folder.mkdir(mode=0o700)
        keys = KeyFiles(paths.find(variables(folder)))
        keys.generate()
        return cls(folder, keys)

    @property
    def public(self) -> bytes:
        public = self.keys.public()
        assert public
        return public

    def environment(self, endpoint: object) -> dict[str, str]:
        """The environment of a program on it."""
        return {**os.environ, **variables(self.folder), "HUSHD_ENDPOINT": str(endpoint)}

    def peer(self, endpoint: Endpoint, hello: bool = True) -> Peer:
        """A raw client that comes with its key."""
        secret = self.keys.secret()
        assert secret
        return RemotePeer(endpoint, secret, hello=hello)


def variables(folder: Path) -> dict[str, str]:
    """The variables of hushd on a machine whose files are in `folder`."""
    return {
        "HUSHD_RUNTIME_DIR": str(folder),
        "HUSHD_STATE_DIR": str(folder / "state"),
        "HUSHD_CONFIG": str(folder / "config.toml"),
        "HUSHD_AUTOSTART": "0",
    }


class RemotePeer(Peer):
    """A raw client on another machine, with any key."""

    def __init__(self, endpoint: Endpoint, secret: bytes, *, server: bytes | None = None, hello: bool = True) -> None:
        self._keys = (server or endpoint.key, public_of(secret), secret)
        super().__init__(Path(f"127.0.0.1:{endpoint.port}"), hello=hello)

    def _connect(self, path: Path) -> None:
        server, public, secret = self._keys
        self.socket.set(zmq.CURVE_SERVERKEY, server)
        self.socket.set(zmq.CURVE_PUBLICKEY, public)
        self.socket.set(zmq.CURVE_SECRETKEY, secret)
        self.monitor = self.socket.get_monitor_socket()
        self.socket.connect(f"tcp://{path}")

    def close(self) -> None:
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        super().close()


@contextmanager
def on(laptop: Laptop, endpoint: object) -> Iterator[None]:
    """Has this process be a program of the laptop."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in laptop.environment(endpoint).items():
            patch.setenv(name, value)
        yield


def wait_for_machines(desk: Desk, expected: dict[str, int]) -> None:
    wait_until(lambda: desk.machines() == expected, f"{expected} connections")
