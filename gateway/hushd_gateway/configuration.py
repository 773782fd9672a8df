"""The user's configuration while the gateway serves: each request sees the files as they are now."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_schema.settings import Settings, load
from hushd_schema.settings.access import read_token


class Configuration:
    """The settings and the HTTP token, as last read.
    Raises `bad_request` for a file with which no supervisor would start.

    Args:
        token: the token from the supervisor: the content of `[http] token_file`, which is read again with the
            configuration, or the value of an environment variable, which stays.
    """

    def __init__(self, path: Path, token: str = "") -> None:
        self._path = path
        self.settings: Settings = load(path)
        self.token = token
        self._fixed = bool(token) and not self.settings.http.token_file
        self._seen = self._file_states()

    def refresh(self) -> bool:
        """Reads the files again if they have changed; returns whether they had. A faulty file is ignored."""
        seen = self._file_states()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            settings = load(self._path)
            token = self.token if self._fixed else read_token(settings)
        except HushdError as error:
            print(f"the configuration stays as it was: {error}", file=sys.stderr)
            return False
        self.settings, self.token = settings, token
        self._seen = self._file_states()  # the token file may be another one
        return True

    def _file_states(self) -> list[Any]:
        """Returns the files' states, which show a change; the token's content is part of it, since it is short."""
        token_file = self.settings.http.token_file
        return [_identity(self._path), _identity(Path(token_file).expanduser()) if token_file else ()]


def _identity(path: Path) -> tuple[int, ...]:
    try:
        info = os.stat(path)
    except OSError:
        return ()
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns
