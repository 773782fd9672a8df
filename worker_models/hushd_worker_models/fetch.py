"""Downloads one file from a web server by a plain GET: resumes after interruptions, and checks what has come.

The partial download is a file beside its target; a later call continues at its end.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hushd_protocol.errors import HushdError

from .web import BROKEN, EMPTY_TRIES, Patience, Response, Web, host, total

STOP_LOOK_INTERVAL_S = 0.2  # seconds between two checks whether this download is to stop
_DOWNLOAD_PIECE_BYTES = 1 << 18  # bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file to download, and all that is known of it beforehand.

    Attributes:
        target: the path of the complete file, which is not fetched if it is correct.
        part: the path of the partial file; only one process at a time may have it.
        size: the file's size in bytes.
        sha256: its hash in hexadecimal, if the source reports it.
    """

    url: str
    target: Path
    part: Path
    size: int
    sha256: str = ""

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
        self._done = 0
        self._hash = hashlib.sha256()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends the download from another thread, because another file of the same model cannot be fetched."""
        self._stopped.set()

    def run(self) -> str:
        """Downloads the file to its target; returns its SHA-256.
        Raises `model_missing` if the file cannot be fetched, or is wrong; `output_failed` if it cannot be written."""
        target, part = self._download.target, self._download.part
        try:
            if target.exists():
                with open(target, "rb") as file:
                    self._read(file)
                if self._is_right():
                    part.unlink(missing_ok=True)
                    return self._hash.hexdigest()
                self._restart()
            with open(part, "a+b") as file:
                file.seek(0)
                self._read(file)
                self._fetch_missing(file)
                os.fsync(file.fileno())
            if not self._is_right():
                part.unlink()
                raise HushdError(
                    "model_missing",
                    f"{host(self._download.url)} has sent a wrong file ({self._download.name} has a wrong checksum): "
                    "it was deleted; try again, or ask that server's operator.",
                )
            os.replace(part, target)
            return self._hash.hexdigest()
        except OSError as error:  # the disk's: errors of connections are handled where they occur
            raise unwritable(target, error) from error

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
            self._wait(min(seconds, STOP_LOOK_INTERVAL_S))
            seconds -= STOP_LOOK_INTERVAL_S

    def _add(self, data: bytes) -> None:
        self._hash.update(data)
        self._done += len(data)
        self._report(len(data))

    def _restart(self) -> None:
        self._report(-self._done)
        self._done = 0
        self._hash = hashlib.sha256()

    def _is_right(self) -> bool:
        """Returns whether the file is whole, and matches the hash that the source has reported, if any."""
        return self._done == self._download.size and self._download.sha256 in ("", self._hash.hexdigest())

    def _fetch_missing(self, part: BinaryIO) -> None:
        patience = Patience(self._sleep, self._download.url, EMPTY_TRIES)
        while (done_before := self._done) < self._download.size:
            try:
                self._ask(part)
            except BROKEN as error:
                if self._done > done_before:
                    patience.gained()
                patience.lost(error)

    def _ask(self, part: BinaryIO) -> None:
        """Makes one request and reads its answer to the end. Raises BROKEN if the connection breaks off before."""
        size = self._download.size
        with self._web.open(self._download.url, {"Range": f"bytes={self._done}-"} if self._done else {}) as response:
            if self._done and not _continues(response, self._done):
                part.truncate(0)  # the server does not support ranges
                self._restart()
            if (stated := total(response.headers)) not in (None, size):
                raise HushdError(
                    "model_missing",
                    f"{host(self._download.url)} has {stated} bytes for {self._download.name} instead of {size}: "
                    "the file has changed, or a proxy answers for the server.",
                )
            # `read1`, since bytes that `read` has collected are lost with the connection.
            while self._done < size and (data := response.read1(min(_DOWNLOAD_PIECE_BYTES, size - self._done))):
                self._check()
                try:
                    part.write(data)
                    part.flush()  # the bytes survive if this process is killed
                except OSError as error:
                    raise unwritable(self._download.target, error) from error
                self._add(data)
            if self._done < size:
                raise ConnectionError(f"the connection broke off at {self._done} of {size} bytes")


def unwritable(path: Path, error: OSError) -> HushdError:
    """Returns the error for a failed write to `path`."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room, and try again; the partial download is kept" if full else "check that folder's permissions"
    return HushdError("output_failed", f"{path} cannot be written ({error.strerror or error}): {remedy}.")


def _continues(response: Response, start: int) -> bool:
    """Returns whether an answer begins at the requested byte, `start`."""
    return response.status == 206 and str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")
