"""The keys of other machines that may come, as the file says at this moment; libzmq asks for each connection (ZAP)."""

from __future__ import annotations

import os
from collections.abc import Callable

from hushd_protocol.endpoint import key_text
from hushd_protocol.errors import HushdError
from hushd_protocol.system.keys import KeyFiles

_VERSION, _ALLOWED, _REFUSED = b"1.0", b"200", b"400"
COMPLAINTS = 64
CREDENTIALS = 6  # the frame of a ZAP request that has the key; before it id, domain, address, identity, mechanism


class Keyring:
    """Names by public key; read again whenever the file has changed, and empty while it cannot be read.

    Args:
        record: writes to the supervisor's log (level, text).
    """

    def __init__(self, files: KeyFiles, record: Callable[[str, str], None]) -> None:
        self._files = files
        self._record = record
        self._version: tuple[int, ...] | None = ()
        self._names: dict[str, str] = {}
        self._lost: set[str] = set()
        self._refused: set[str] = set()

    def name(self, key: str) -> str:
        """The name of the machine with this key, as text; empty for one that may not come."""
        return self._names.get(key, "")

    def refresh(self) -> bool:
        """Looks at the file; returns whether it has changed."""
        if (version := self._look()) == self._version:
            return False
        self._version = version
        self._refused.clear()
        before = set(self._names.values())
        try:
            self._names = {key_text(key): name for name, key in self._files.allowed().items()}
        except HushdError as error:
            self._names = {}
            self._record("error", f"no other machine may come: {error.message}")
        self._lost |= before.difference(self._names.values())
        return True

    def take_lost(self) -> set[str]:
        """Returns the names that may no longer come, each once."""
        lost, self._lost = self._lost, set()
        return lost

    def judge(self, request: list[bytes]) -> list[bytes]:
        """Returns the answer to a ZAP request: whether a key may come, which then is the connection's `User-Id`."""
        key = key_text(request[CREDENTIALS]) if len(request) == CREDENTIALS + 1 else ""
        name = self.name(key)
        if not name:
            self._complain(request[3].decode(errors="replace"), key)
        status, user = (_ALLOWED, key.encode()) if name else (_REFUSED, b"")
        return [_VERSION, request[1], status, b"", user, b""]

    def _complain(self, address: str, key: str) -> None:
        """Logs a key that may not come: each once, and not very many, until the file changes."""
        if key not in self._refused and len(self._refused) < COMPLAINTS:
            self._refused.add(key)
            self._record("warning", f"refused {address}, whose key {key} is not allowed")

    def _look(self) -> tuple[int, ...] | None:
        try:
            info = os.stat(self._files.allowed_file)
        except OSError:
            return None
        return info.st_mtime_ns, info.st_ino, info.st_size, info.st_mode, info.st_uid
