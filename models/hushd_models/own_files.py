"""The user's files that describe programs and servers, each a model of its engine: `FOLDER/NAME.toml` beside the
configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.names import is_name
from hushd_protocol.system import paths
from hushd_schema import toml
from hushd_schema.toml import Table

from .installation import document

F = TypeVar("F")


class OwnFiles(Generic[F]):
    """The files in one folder.

    Args:
        page: the document that describes them.
        make: returns what a file says, by its path and content; raises HushdError with a sentence about the file.
    """

    def __init__(self, folder: str, page: str, make: Callable[[Path, Table], F]) -> None:
        self._folder, self._page, self._make = folder, page, make

    @property
    def folder(self) -> Path:
        return paths.find().config.parent / self._folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.toml"

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.toml") if is_name(path.stem))

    def read(self, name: str) -> F:
        """Reads a file anew. Raises `model_missing` for one that is missing or invalid."""
        path = self.path(name)
        try:
            if not path.exists():
                raise HushdError("bad_request", "there is no such file")
            return self._make(path, toml.load(path))
        except HushdError as error:
            named = error.message if str(path) in error.message else f"{path}: {error.message}"
            raise HushdError("model_missing", f"{named.rstrip('.')} (see {document(self._page)}).") from error

    def find(self, name: str) -> F | None:
        """Returns the same; None for an invalid file, which is a model, too, so that its use reports the mistake."""
        try:
            return self.read(name)
        except HushdError:
            return None

    def every(self) -> dict[str, F | None]:
        """Returns all files by name."""
        return {name: self.find(name) for name in self.names()}
