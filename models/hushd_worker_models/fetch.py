"""Downloads one file from a web server by a plain GET: resumes after interruptions, and checks what has come.

The partial download is a file beside its target; a later call continues at its end.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
import urllib.error
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hushd_protocol.errors import HushdError

from .web import BROKEN, TRIES, Patience, Response, Web, host, total

LOOK_S = 0.2  # between two checks whether another process has finished the file, or this download is to stop
_PIECE = 1 << 18  # bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file to download, and all that is known of it beforehand.

    Attributes:
        target: the path of the complete file, which is not fetched if it is correct.
        part: the path of the partial file.
        size: the file's size in bytes; None until the server reports it.
        sha256: its hash in hexadecimal, if the source reports it.
        etag: the server's name of the content; empty if `part` is named after it.
    """

    url: str
    target: Path
    part: Path
    size: int | None
    sha256: str = ""
    etag: str = ""

    @property
    def name(self) -> str:
        """The file's name for people; that of `target` may be a hash."""
        return urllib.parse.unquote(self.url.rpartition("/")[2])


class Fetch:
    """The download of one file.

    Args:
        wait: sleeps for the given seconds; raises an exception if the download is to stop.
        report: called with the number of bytes added since the last call; negative if bad bytes were discarded.
    """

    def __init__(
        self, web: Web, download: Download, wait: Callable[[float], None], report: Callable[[int], None]
    ) -> None:
        self._web = web
        self._download = download
        self._wait = wait
        self._report = report
        self._size = download.size
        self._done = 0
        self._hash = hashlib.sha256()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends the download from another thread, because another file of the same model cannot be fetched."""
        self._stopped.set()

    def run(self) -> str:
        """Downloads the file to its target; returns its SHA-256.

        Raises:
            HushdError: `model_missing` if the file cannot be fetched, or is wrong; `output_failed` if it cannot be
                written.
        """
        download = self._download
        try:
            with self._alone() as part:
                if self._is_kept():
                    download.part.unlink()
                    return self._hash.hexdigest()
                self._restart()
                part.seek(0)
                self._read(part)
                resumed = self._done > 0
                # A power failure may have damaged what was there: then once more from the beginning.
                if not self._fetch_missing(part) and not (resumed and self._fetch_anew(part)):
                    download.part.unlink()
                    raise _wrong(download)
                os.fsync(part.fileno())
                os.replace(download.part, download.target)
                return self._hash.hexdigest()
        except OSError as error:  # of the disk: errors of connections are handled where they occur
            raise unwritable(download.target, error) from error

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """Yields the partial file, locked: models of one repository share files, and may be pulled at once."""
        while True:
            with open(self._download.part, "a+b") as part:
                try:
                    fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._sleep(LOOK_S)
                    continue
                # The last holder of the lock may have renamed or removed the file.
                if self._download.part.exists() and os.path.samestat(
                    os.fstat(part.fileno()), self._download.part.stat()
                ):
                    yield part
                    return

    def _is_kept(self) -> bool:
        """Returns whether the target is complete and correct, perhaps by another process's download."""
        if not self._download.target.exists():
            return False
        with open(self._download.target, "rb") as file:
            self._read(file)
        return self._size in (None, self._done) and self._is_right()

    def _read(self, file: BinaryIO) -> None:
        while data := file.read(1 << 20):
            self._check()
            self._add(data)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise HushdError("cancelled", "Another file of the model cannot be fetched.")
        self._wait(0.0)

    def _sleep(self, seconds: float) -> None:
        while seconds > 0:
            self._check()
            self._wait(min(seconds, LOOK_S))
            seconds -= LOOK_S

    def _add(self, data: bytes) -> None:
        self._hash.update(data)
        self._done += len(data)
        self._report(len(data))

    def _is_right(self) -> bool:
        """Returns whether the file matches the hash that the source has reported, if any."""
        return self._download.sha256 in ("", self._hash.hexdigest())

    def _forget(self, part: BinaryIO) -> None:
        part.truncate(0)
        self._restart()

    def _restart(self) -> None:
        self._report(-self._done)
        self._done = 0
        self._hash = hashlib.sha256()

    def _fetch_anew(self, part: BinaryIO) -> bool:
        self._forget(part)
        return self._fetch_missing(part)

    def _fetch_missing(self, part: BinaryIO) -> bool:
        """Fetches the missing bytes; returns whether the whole file is right."""
        patience = Patience(self._sleep, self._download.url, TRIES)
        while self._size is None or self._done < self._size:
            done_before = self._done
            try:
                self._ask(part)
            except BROKEN as error:
                if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                    if self._size is None and self._done:  # the part is complete
                        error.close()
                        break
                    self._forget(part)  # the file has become shorter
                elif self._done > done_before:
                    patience.gained()
                patience.lost(error)
            else:
                patience.gained()
        return self._is_right() and self._size in (None, self._done)

    def _ask(self, part: BinaryIO) -> None:
        """Makes one request and reads its answer to the end.

        Raises:
            BROKEN: the connection broke off before the end.
        """
        headers = {}
        if self._done:
            headers["Range"] = f"bytes={self._done}-"
            if self._download.etag.startswith('"'):  # If-Range takes no weak ETags
                headers["If-Range"] = self._download.etag
        with self._web.open(self._download.url, headers) as response:
            if self._done and not _continues(response, self._done):
                self._forget(part)  # the server does not support ranges, or the file has changed
            size = total(response.headers)
            if self._size is None:
                self._size = size
            elif size not in (None, self._size):
                raise HushdError(
                    "model_missing",
                    f"{host(self._download.url)} has {size} bytes for {self._download.name} instead of "
                    f"{self._size}: the file has changed, or a proxy answers for the server.",
                )
            while self._size is None or self._done < self._size:
                room = _PIECE if self._size is None else min(_PIECE, self._size - self._done)
                # `read1`, since bytes that `read` has collected are lost with the connection.
                if not (data := response.read1(room)):
                    break
                self._check()
                try:
                    part.write(data)
                    part.flush()  # so that the bytes survive if this process is killed
                except OSError as error:
                    raise unwritable(self._download.target, error) from error
                self._add(data)
            if self._size is None:
                self._size = self._done
            elif self._done < self._size:
                raise ConnectionError(f"the connection broke off at {self._done} of {self._size} bytes")


def unwritable(path: Path, error: OSError) -> HushdError:
    """Returns the error for a failed write to `path`."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room, and try again; the partial download is kept" if full else "check that folder's permissions"
    return HushdError("output_failed", f"{path} cannot be written ({error.strerror or error}): {remedy}.")


def _wrong(download: Download) -> HushdError:
    return HushdError(
        "model_missing",
        f"{host(download.url)} has sent a wrong file ({download.name} has a wrong checksum): "
        "it was deleted; try again, or ask that server's operator.",
    )


def _continues(response: Response, start: int) -> bool:
    """Returns whether an answer begins at the requested byte, `start`."""
    return response.status == 206 and str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")
