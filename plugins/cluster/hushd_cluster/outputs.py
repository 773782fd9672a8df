"""The transcripts of a corpus: a folder on the driver's disk, or one that nodes write to by its URL.

Each transcript is written whole under a name that belongs to one recording. So an existing one is complete, and an
interrupted run needs no other record. Beside them is the list of recordings set aside.
"""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from hushd.transcripts.transcript import Transcript
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file

from . import claim, store
from .faults import OF_NAME
from .ledger import Ledger
from .recording import OWN, SET_ASIDE, Recording, is_url, shown

PARTS = f"{OWN}/parts"  # of transcripts that are not whole yet, each NAME.json
MAX_SET_ASIDE = 50_000  # recordings, which the driver holds in 40 MB; a corpus with more is not one of recordings
KEEP_S = 5.0  # between two writes of the list, at least


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording set aside: the error's code, sentence and exit code, and the number of attempts."""

    code: str
    message: str
    exit: int
    attempts: int


class Outputs(ABC):
    """The transcripts, each RECORDING.FORMAT, and the list set aside.

    Attributes:
        url: of the folder that nodes write to; None where the driver writes.
        set_aside: the recordings on the list, by name.
    """

    url: str | None = None

    def __init__(self, place: str, form: str) -> None:
        self._place = place
        self.form = form
        self.set_aside: dict[str, Failure] = {}
        self._kept_at = -KEEP_S
        self._is_kept = True

    @abstractmethod
    def claimed(self) -> AbstractContextManager[Callable[[], None]]:
        """Holds the folder against other drivers, and reads the list set aside.

        Yields a check that raises `HushdError` once another driver has taken the folder.
        """

    def learn(self, *, times: bool = True) -> None:  # noqa: B027 - of a disk a look at each is as quick
        """Finds out in bulk which transcripts exist; on the thread that then asks `is_done`.

        Args:
            times: whether it matters when they were written; a folder is listed in a quarter of the time without.
        """

    @abstractmethod
    def _written(self, recording: Recording) -> int | None:
        """Returns the time at which a recording's transcript was written, in ns since 1970; None if there is none."""

    def is_done(self, recording: Recording) -> bool:
        """Returns whether a transcript exists that is not older than the recording."""
        written = self._written(recording)
        return written is not None and written >= recording.written

    def exists(self, recording: Recording) -> bool:
        """Returns whether there is a transcript of any age."""
        return self._written(recording) is not None

    def is_begun(self, recording: Recording) -> bool:
        """Returns whether there is a part of its transcript."""
        return False

    def pass_over(self, name: str) -> bool:
        """Returns whether a transcript of this name was learned, the first time that it is asked about; later False."""
        return False

    def is_passed(self, name: str) -> bool:
        """Returns whether `pass_over` has returned True for this name."""
        return False

    @abstractmethod
    def save(self, name: str, transcript: Transcript) -> None:
        """Writes a transcript that came to the driver; raises `output_failed`, or `bad_request` for its name."""

    @abstractmethod
    def _keep(self, content: bytes) -> None:
        """Writes the list set aside."""

    def done(self, name: str) -> None:
        """Takes a recording off the list set aside."""
        if self.set_aside.pop(name, None):
            self._changed()

    def put_aside(self, name: str, failure: Failure) -> None:
        """Adds a recording to the list set aside.

        Raises:
            HushdError: the recording's, if the list is full.
        """
        if len(self.set_aside) >= MAX_SET_ASIDE:
            raise HushdError(
                failure.code, f"{MAX_SET_ASIDE} recordings are set aside, the last one {name!r}: {failure.message}"
            )
        self.set_aside[name] = failure
        self._changed()

    def keep(self) -> None:
        """Writes the list set aside, if it has changed."""
        if not self._is_kept:
            rows = {name: asdict(failure) for name, failure in self.set_aside.items()}
            content = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
            self._keep(content.encode(errors="backslashreplace"))  # so JSON has what is not Unicode in a file's name
            self._is_kept, self._kept_at = True, time.monotonic()

    def _changed(self) -> None:
        self._is_kept = False
        if time.monotonic() - self._kept_at >= KEEP_S:
            self.keep()

    def _take_list(self, content: bytes | None) -> None:
        try:
            rows = json.loads(content or b"{}")
            self.set_aside = {name: Failure(**failure) for name, failure in rows.items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            place = f"{shown(self._place)}/{SET_ASIDE}"
            raise HushdError("bad_request", f"{place!r} is not a list that hushd wrote: move it away.") from None


class Disk(Outputs):
    """Transcripts in a folder on the driver's disk, which the driver alone writes.

    Raises:
        HushdError: `output_failed` if the folder cannot be made.
    """

    def __init__(self, folder: str, form: str) -> None:
        super().__init__(folder, form)
        try:
            os.makedirs(folder, exist_ok=True)
            self._take_list(self._list.read_bytes() if self._list.exists() else None)
        except OSError as error:
            raise HushdError("output_failed", f"{folder!r} cannot be used ({error.strerror}).") from error

    @contextmanager
    def claimed(self) -> Iterator[Callable[[], None]]:
        with claim.of_folder(self._place):
            yield lambda: None

    def save(self, name: str, transcript: Transcript) -> None:
        path = Path(self._path(name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.replace(path, transcript.render(self.form))
        except OSError as error:
            code = "bad_request" if error.errno in OF_NAME else "output_failed"
            why = "a file has the name of its folder" if isinstance(error, FileExistsError) else error.strerror
            raise HushdError(code, f"{str(path)!r} cannot be written ({why}).") from error

    def _keep(self, content: bytes) -> None:
        try:
            atomic_file.replace(self._list, content)
        except OSError as error:
            raise HushdError("output_failed", f"{SET_ASIDE} cannot be written ({error.strerror}).") from error

    @property
    def _list(self) -> Path:
        return Path(self._place) / SET_ASIDE

    def _path(self, name: str) -> str:
        return os.path.join(self._place, f"{name}.{self.form}")

    def _written(self, recording: Recording) -> int | None:
        try:
            path = Path(self._path(recording.name))
            return path.stat().st_mtime_ns if path.is_file() else None
        except OSError:
            return None


class Stored(Outputs):
    """Transcripts below a URL, which nodes write; the driver lists them, and writes the list set aside."""

    def __init__(self, url: str, form: str) -> None:
        store.check_target(url)
        super().__init__(url, form)
        self.url = url
        self._store = store.opened(url)
        self._ledger = Ledger()

    @contextmanager
    def claimed(self) -> Iterator[Callable[[], None]]:
        with claim.of_store(self._store, console.note) as held:
            self._take_list(self._store.read(SET_ASIDE))

            def check() -> None:
                if held.lost:
                    raise held.lost

            yield check

    def learn(self, *, times: bool = True) -> None:
        for below in ("", PARTS):
            try:
                self._ledger.learn((item.name, item.written) for item in self._store.items(below, times=times))
            except FileNotFoundError:
                pass  # nothing was written yet

    def is_begun(self, recording: Recording) -> bool:
        return self._ledger.written(f"{PARTS}/{recording.name}.json") is not None

    def pass_over(self, name: str) -> bool:
        return self._ledger.pass_over(f"{name}.{self.form}")

    def is_passed(self, name: str) -> bool:
        return self._ledger.is_passed(f"{name}.{self.form}")

    def save(self, name: str, transcript: Transcript) -> None:
        self._store.replace(f"{name}.{self.form}", transcript.render(self.form).encode())

    def _keep(self, content: bytes) -> None:
        self._store.replace(SET_ASIDE, content)

    def _written(self, recording: Recording) -> int | None:
        return self._ledger.written(f"{recording.name}.{self.form}")


def of_place(place: str, form: str) -> Outputs:
    """Returns the transcripts at a path or a URL, in the format `form`; raises `HushdError` if it cannot be used."""
    return Stored(place, form) if is_url(place) else Disk(place, form)
