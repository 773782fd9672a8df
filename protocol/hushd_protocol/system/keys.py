"""The key files of this machine, in its state folder: its own secret key, and the public keys that may come to it.

`secret` has the secret key, readable by the user alone. `allowed` has a line for each machine: a name, and its public
key. `seen/NAME` was last touched when that machine connected.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hushd_protocol.endpoint import KEY_BYTES, key_text, read_key
from hushd_protocol.errors import HushdError
from hushd_protocol.names import NAME
from hushd_protocol.suggest import quoted

from . import atomic_file, best_effort
from .paths import Paths

_NAME = re.compile(NAME, re.ASCII)


class KeyFiles:
    """Reads and changes the files; every change is whole or not at all.

    Raises:
        HushdError: from every method: `unauthorised` for files that others can read, `bad_request` for content that is
            no key, `output_failed` for what cannot be written.
    """

    def __init__(self, paths: Paths) -> None:
        self.folder = paths.state / "keys"
        self.allowed_file = self.folder / "allowed"
        self._secret_file = self.folder / "secret"

    # --- this machine's own ------------------------------------------------------------------------------------------

    def secret(self) -> bytes | None:
        """Returns the secret key; None where there is none yet."""
        text = self._read(self._secret_file)
        return None if text is None else read_key(text.strip())

    def public(self) -> bytes | None:
        """Returns the public key; None where there is none yet."""
        secret = self.secret()
        return None if secret is None else public_of(secret)

    def generate(self, *, anew: bool = False) -> bytes:
        """Returns the public key, of a new pair where there is none, or `anew`."""
        import zmq
        from zmq.utils import z85

        check_curve()
        with self._locked():
            if (present := self.public()) and not anew:
                return present
            _, secret = zmq.curve_keypair()
            self._write(self._secret_file, f"{key_text(z85.decode(secret))}\n")
        public = self.public()
        assert public
        return public

    # --- others' -----------------------------------------------------------------------------------------------------

    def allowed(self) -> dict[str, bytes]:
        """Returns the public keys that may come, by name."""
        keys: dict[str, bytes] = {}
        for number, line in enumerate((self._read(self.allowed_file) or "").splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            name, _, key = line.strip().partition(" ")
            try:
                check_name(name)
                keys[name] = read_key(key.strip())
            except HushdError as error:
                raise HushdError("bad_request", f"{self.allowed_file}, line {number}: {error.message}") from error
        return keys

    def allow(self, name: str, key: bytes) -> None:
        """Lets the machine with the public key `key` come, under a name."""
        check_name(name)
        with self._locked():
            keys = self.allowed()
            if keys.get(name, key) != key:
                raise HushdError(
                    "bad_request",
                    f"{name} has another key already: run `hushd keys revoke {name}` first, or choose another name.",
                )
            if other := next((machine for machine, known in keys.items() if known == key and machine != name), ""):
                raise HushdError("bad_request", f"This key is allowed already, as {other}.")
            self._write_allowed(keys | {name: key})

    def revoke(self, name: str) -> None:
        """No longer lets the machine of that name come."""
        with self._locked():
            keys = self.allowed()
            if name not in keys:
                known = f": known are {', '.join(sorted(keys))}" if keys else ": none is allowed"
                raise HushdError("bad_request", f"There is no key {quoted(name)}{known}.")
            del keys[name]
            self._write_allowed(keys)
            with best_effort.writing(self.folder / "seen" / name):
                (self.folder / "seen" / name).unlink(missing_ok=True)

    def touch(self, name: str) -> None:
        """Notes that a machine has connected; a disk that is full or read-only is no reason to refuse it."""
        mark = self.folder / "seen" / name
        with best_effort.writing(mark):
            mark.parent.mkdir(mode=0o700, exist_ok=True)
            mark.touch(mode=0o600)

    def seen(self, name: str) -> float | None:
        """Returns the time at which a machine last connected; None for never."""
        try:
            return (self.folder / "seen" / name).stat().st_mtime
        except OSError:
            return None

    # --- files -------------------------------------------------------------------------------------------------------

    def _read(self, path: Path) -> str | None:
        try:
            with open(path, encoding="ascii") as file:
                info = os.fstat(file.fileno())
                if info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077:
                    raise HushdError(
                        "unauthorised", f"{path} is open to other users: make it yours, and its mode 0600."
                    )
                return file.read(1_000_000)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise HushdError("bad_request", f"{path} cannot be read ({error}).") from error

    def _write_allowed(self, keys: dict[str, bytes]) -> None:
        self._write(self.allowed_file, "".join(f"{name} {key_text(key)}\n" for name, key in keys.items()))

    def _write(self, path: Path, text: str) -> None:
        try:
            atomic_file.replace(path, text, 0o600, sync=True)
        except OSError as error:
            raise HushdError("output_failed", f"{path} cannot be written ({error.strerror}).") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Makes the folder, 0700, and keeps other commands from changing it meanwhile."""
        with atomic_file.locked_folder(self.folder, 0o700) as folder:
            try:
                os.fchmod(folder, 0o700)
            except OSError as error:
                raise HushdError("output_failed", f"{self.folder} cannot be changed ({error.strerror}).") from error
            yield


def public_of(secret: bytes) -> bytes:
    """Returns the public key of a secret one."""
    import zmq
    from zmq.utils import z85

    assert len(secret) == KEY_BYTES
    public: bytes = z85.decode(zmq.curve_public(z85.encode(secret)))
    return public


def check_curve() -> None:
    """Raises `unsupported` where the ZeroMQ library of this machine was built without CURVE."""
    import zmq

    if not zmq.has("curve"):
        raise HushdError(
            "unsupported",
            "The ZeroMQ library here was built without CURVE, which connections between machines need: install pyzmq "
            "from PyPI (`pip install --force-reinstall pyzmq`).",
        )


def check_name(name: str) -> None:
    """Raises `bad_request` for what cannot be a key's name."""
    if not _NAME.fullmatch(name):
        raise HushdError(
            "bad_request", f"{quoted(name)} is no name for a key: use letters, digits and . _ + -, such as laptop."
        )
