"""A recording on a node, wherever it comes from: its bytes, a folder that the nodes share, or a copy from its URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from hushd_protocol.errors import HushdError

from . import copies, node, store
from .recording import Recording, shown
from .stretches import Long


@contextmanager
def recorded(data: bytes | None, recording: Recording, run: str = "") -> Iterator[Path]:
    """Yields the path of a recording on this node.

    Args:
        data: its bytes, if they came with the task.
        run: the run, whose tasks on this node share a copy of a long recording.

    Raises:
        HushdError: if it cannot be read or kept, or from the block, with the recording's name in place of the path.
    """
    if data is not None:
        with node.as_file(data, recording.name) as path:
            yield path
        return
    if urlsplit(recording.place).scheme.lower() == "file":
        path = Path(store.path_of(recording.place))
        with _named(path, recording):
            try:
                node.size_of(path)
            except FileNotFoundError:
                raise
            except (OSError, ValueError) as error:
                raise unreadable(recording, error) from None
            yield path
        return
    with _named(copies.path(recording.place, run), recording), copies.of(recording.place, run) as copy:
        copy.is_kept = recording.stretch is not None
        try:
            yield copy.path
        except Long:
            copy.is_kept = True
            raise


def unreadable(recording: Recording, error: OSError | ValueError) -> HushdError:
    """Returns why a recording's path cannot be opened, as `node.size_of` says."""
    why = getattr(error, "strerror", None) or "no file can have this name"
    return HushdError("input_unreadable", f"{recording.name!r} cannot be read ({why}).")


@contextmanager
def _named(path: Path, recording: Recording) -> Iterator[None]:
    """Replaces a path in errors by the recording's name, and says so if there is no file."""
    try:
        with node.named(path, recording.name):
            yield
    except FileNotFoundError:
        raise HushdError(
            "input_unreadable", f"{recording.name} cannot be read: there is no {shown(recording.place)}."
        ) from None
