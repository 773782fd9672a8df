"""One file from a web server: no byte twice, whatever breaks off, and none that is not the file's.

What has come so far is a file beside the place where the whole will be; who comes later goes on at its end. The
library that usually does this, huggingface_hub 2.4, throws away what it has when it fails or is ended.
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

from .web import BROKEN, TRIES, Patience, Response, Web, copy, host, total

LOOK_S = 0.2  # between two looks whether somebody else is done with the file, or with all of this


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file, and all that is known of it before it comes.

    Attributes:
        target: where it belongs; what is there already is not fetched.
        part: where it is kept until it is whole. Its name says of which content it is a part, as far as that is known.
        size: in bytes; None until the server says it.
        sha256: in hexadecimal, where its source tells it.
        git: its SHA-1 as git counts it, where its source tells only that.
        condition: the ETag that `part` belongs to, empty where its name says it all.
    """

    url: str
    target: Path
    part: Path
    size: int | None
    sha256: str = ""
    git: str = ""
    condition: str = ""

    @property
    def name(self) -> str:
        """For people, who do not know `target`'s where that is a hash."""
        return urllib.parse.unquote(self.url.rpartition("/")[2])


class WrongContent(HushdError):
    """The file has another hash or size than its source says."""

    def __init__(self, download: Wanted) -> None:
        super().__init__(
            "model_missing",
            f"{host(download.url)} has sent another file than it says ({download.name} has a wrong checksum): "
            "it was thrown away; try again, or ask whoever runs that server.",
        )


class Fetch:
    """The way of one file.

    Args:
        wait: sleeps so many seconds, and raises what ends everything when somebody has said so.
        report: called with the bytes that are more at hand than at the last call; fewer, where some were no good.
    """

    def __init__(
        self, web: Web, download: Wanted, wait: Callable[[float], None], report: Callable[[int], None]
    ) -> None:
        self._web = web
        self._wanted = download
        self._wait = wait
        self._report = report
        self._size = download.size
        self._done = 0
        self._hashes = _Hashes(download)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends it from another thread, since another file of the same model cannot be had."""
        self._stopped.set()

    def run(self) -> str:
        """Brings the file to its target; returns its SHA-256.

        Raises:
            HushdError: `model_missing` when it cannot be had, or is not what it should be; `output_failed` when it
                cannot be written.
        """
        try:
            with self._alone() as part:
                if part is None:
                    if self._is_kept(self._wanted.target):
                        return self._hashes.sha256
                    self._wanted.target.unlink(missing_ok=True)  # damaged, whoever has brought it
                    self._restart()
                    return self.run()
                resumed = self._go_on(part)
                if not self._brought(part):
                    if not resumed:
                        raise WrongContent(self._wanted)
                    # What was kept may have been written badly, at a loss of power.
                    self._forget(part)
                    if not self._brought(part):
                        raise WrongContent(self._wanted)
                os.fsync(part.fileno())
                os.replace(self._wanted.part, self._wanted.target)
                return self._hashes.sha256
        except OSError as error:  # the disk's: those of connections are dealt with where they occur
            raise unwritable(self._wanted.target, error) from error

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO | None]:
        """The part, ours alone; None when the whole is there, maybe because another process has brought it."""
        download = self._wanted
        while not download.target.exists():
            with open(download.part, "a+b") as part:
                try:
                    fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._rest(LOOK_S)
                    continue
                # Whoever had it may have renamed or removed it.
                if download.part.exists() and os.path.samestat(os.fstat(part.fileno()), download.part.stat()):
                    try:
                        yield part
                    except WrongContent:
                        download.part.unlink(missing_ok=True)
                        raise
                    return
        yield None

    def _is_kept(self, target: Path) -> bool:
        """Returns whether the part on disk is the whole, and right."""
        with open(target, "rb") as file:
            self._read(file)
        return self._size in (None, self._done) and self._hashes.right

    def _go_on(self, part: BinaryIO) -> bool:
        """Reads the part on disk; returns whether there is one."""
        part.seek(0)
        self._read(part)
        if self._size is not None and self._done > self._size:
            self._forget(part)
        return self._done > 0

    def _read(self, file: BinaryIO) -> None:
        while data := file.read(1 << 20):
            self._check()
            self._add(data)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise HushdError("cancelled", "Another file of the model cannot be had.")
        self._wait(0.0)

    def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self._check()
            self._wait(min(seconds, LOOK_S))
            seconds -= LOOK_S

    def _add(self, data: bytes) -> None:
        self._hashes.update(data)
        self._done += len(data)
        self._report(len(data))

    def _forget(self, part: BinaryIO) -> None:
        part.truncate(0)
        self._restart()

    def _restart(self) -> None:
        self._report(-self._done)
        self._done = 0
        self._hashes = _Hashes(self._wanted)

    def _brought(self, part: BinaryIO) -> bool:
        """Fetches the missing part; returns whether the whole is right."""
        patience = Patience(self._rest, self._wanted.url, TRIES)
        while self._size is None or self._done < self._size:
            before = self._done
            try:
                self._ask(part)
            except urllib.error.HTTPError as error:
                if error.code == 416:  # there is no more, or the file has become shorter
                    error.close()
                    if self._size is None and self._done:
                        break
                    self._forget(part)
                    patience.lost(error)
                else:
                    patience.lost(error)
            except BROKEN as error:
                if self._done > before:
                    patience.gained()
                patience.lost(error)
            else:
                patience.gained()
        return self._hashes.right

    def _ask(self, part: BinaryIO) -> None:
        """One request, until it ends or breaks off.

        Raises:
            BROKEN: it has not brought all.
        """
        headers = {}
        if self._done:
            headers["Range"] = f"bytes={self._done}-"
            if self._wanted.condition.startswith('"'):  # weak ones are not for that
                headers["If-Range"] = self._wanted.condition
        with self._web.open(self._wanted.url, headers) as response:
            if self._done and not _continues(response, self._done):
                self._forget(part)  # the server knows no ranges, or it is another file now
            size = total(response.headers)
            if self._size is None:
                self._size = size
            elif size not in (None, self._size):
                raise HushdError(
                    "model_missing",
                    f"{host(self._wanted.url)} has {size} bytes for {self._wanted.name} where there should be "
                    f"{self._size}: it has changed, or something between you and it answers in its name.",
                )

            def take(data: bytes) -> None:
                self._check()
                try:
                    part.write(data)
                    part.flush()  # what has come is kept, even if we are killed now
                except OSError as error:
                    raise unwritable(self._wanted.target, error) from error
                self._add(data)

            room = (self._size if self._size is not None else 1 << 62) - self._done
            came = copy(response, room, take)
            if self._size is None:
                self._size = self._done
            elif came < room:
                raise ConnectionError(f"it breaks off at {self._done} of {self._size} bytes")


class _Hashes:
    def __init__(self, download: Wanted) -> None:
        self._wanted = download
        self._sha256 = hashlib.sha256()
        self._git = hashlib.sha1(b"blob %d\0" % (download.size or 0), usedforsecurity=False) if download.git else None

    def update(self, data: bytes) -> None:
        self._sha256.update(data)
        if self._git:
            self._git.update(data)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def right(self) -> bool:
        """True if it is what the source said, as far as that has said anything."""
        if self._wanted.sha256:
            return self.sha256 == self._wanted.sha256
        return self._git is None or self._git.hexdigest() == self._wanted.git


def unwritable(path: Path, error: OSError) -> HushdError:
    """The disk does not take `path`."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room, and try again; what has arrived is kept" if full else "see whose folder that is"
    return HushdError("output_failed", f"{path} cannot be written ({error.strerror or error}): {remedy}.")


def _continues(response: Response, start: int) -> bool:
    """Returns whether an answer begins where we asked it to."""
    return response.status == 206 and str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")
