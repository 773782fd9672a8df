"""The outputs of transcripts: standard output, one file, or files named after their recordings."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hushd.transcripts.formats import TRANSCRIPT_FORMATS, render
from hushd.transcripts.segment import USUAL, Layout, Segment, Segments
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.suggest import escaped
from hushd_protocol.system.output_file import OutputFile, check_folder
from hushd_schema.results import ResultWarning

from .options import ALL

if TYPE_CHECKING:
    from hushd.transcripts.transcript import Transcript

_EXTENSION = re.compile(r"[A-Za-z][A-Za-z0-9]{0,4}")  # extension of a file; v1.2 may be a folder


class Feed:
    """The segments of one recording, for a format to read.

    Args:
        receive: returns the next segment, and at last the transcript.
        language: returns that of the segments so far, as far as it is known.

    Attributes:
        language: as far as it is known.
        language_probability, warnings, unlikely, model: known once the segments have been read.
        transcript: all of it, from then on.
    """

    transcript: Transcript

    def __init__(
        self, receive: Callable[[], Segment | Transcript], diarized: bool, language: Callable[[], str] = str
    ) -> None:
        self._receive = receive
        self._language = language
        self.diarized = diarized
        self.language_probability: float | None = None
        self.warnings: tuple[ResultWarning, ...] = ()
        self.unlikely: tuple[tuple[float, float], ...] = ()
        self.model = ""
        self._first: Segment | Transcript | None = None

    @property
    def language(self) -> str:
        return self._language()

    def begin(self) -> None:
        """Waits for the first segment, or the end. Raises the error of a recording that has none."""
        self._first = self._receive()
        self.diarized |= isinstance(self._first, Segment) and self._first.speaker != ""

    def __iter__(self) -> Iterator[Segment]:
        item = self._first or self._receive()
        while isinstance(item, Segment):
            yield item
            item = self._receive()
        self.transcript, self._language = item, lambda: item.language
        self.language_probability, self.model = item.language_probability, item.model
        self.warnings, self.unlikely = item.warnings, item.unlikely


class Output:
    """The output named by the options of `listen`, for the recordings `names`.
    Raises `output_failed` if the folder is missing or cannot be made, `bad_request` for an output that does not fit the
    recordings or the format.

    Attributes:
        printed: whether transcripts go to standard output.
        titled: whether a terminal shows the name of each recording before its text.
        awaited: whether nobody reads a text before its end: it goes to files.
    """

    def __init__(self, options: Namespace, names: Sequence[str]) -> None:
        place = options.output_dir or options.output or ("." if options.format == ALL else "-")
        self.printed = place == "-" and not options.output_dir
        self.awaited = not self.printed or os.path.isfile(1)  # standard output
        self._file = None if self.printed or options.output_dir or not _is_file(place) else place
        self._folder = place
        self._forms = self._formats(options.format)
        layout = Layout(options.max_line_width or USUAL.columns, options.max_line_count or USUAL.lines)
        self._render = partial(options.script.render if options.script else render, layout=layout)
        self.titled = len(names) > 1 and self._forms == ("txt",)
        if self._file is not None:
            self._check_file(names, named=bool(options.format))
        elif not self.printed:
            self._make_folder()
            self._check(names)

    def pieces(self, segments: Segments) -> Iterator[str]:
        """Yields a transcript for standard output, as its segments arrive."""
        return self._render(self._forms[0], segments)

    def save(self, name: str, transcript: Segments) -> None:
        """Writes the files of the recording `name`, each only once it is complete. Raises `output_failed`."""
        for form in self._forms:
            with OutputFile(self._path(name, form)) as file:
                for text in self._render(form, transcript):
                    file.write((escaped(text) if file.is_terminal else text).encode())

    def _formats(self, form: str | None) -> tuple[str, ...]:
        if form == ALL:
            if self.printed or self._file is not None:
                what = "Standard output" if self.printed else repr(self._file)
                raise HushdError("bad_request", f"{what} takes one format: name it with -f.")
            return tuple(TRANSCRIPT_FORMATS)
        extension = _extension(self._file or "")
        return (form or (extension if extension in TRANSCRIPT_FORMATS else "txt"),)

    def _make_folder(self) -> None:
        with os_errors_as("output_failed", f"The folder {self._folder!r} cannot be made"):
            os.makedirs(self._folder, exist_ok=True)

    def _check_file(self, names: Sequence[str], *, named: bool) -> None:
        file = str(self._file)
        if len(names) > 1:
            raise HushdError(
                "bad_request",
                f"{file!r} is one file, and there are {len(names)} recordings: name a folder, as {file}/.",
            )
        if not named and os.path.splitext(file)[1] and _extension(file) not in TRANSCRIPT_FORMATS:
            extensions = ", ".join(f".{form}" for form in TRANSCRIPT_FORMATS)
            raise HushdError(
                "bad_request", f"{file!r} names no format: end it with one of {extensions}, or name one with -f."
            )
        if names and _same(file, names[0]):
            raise HushdError("bad_request", f"The transcript of {names[0]!r} would replace it: name another file.")
        check_folder(file)

    def _check(self, names: Sequence[str]) -> None:
        seen: dict[str, str] = {}
        for name in names:
            path = self._path(name, self._forms[0])
            if seen.setdefault(path, name) != name:
                raise HushdError("bad_request", f"{seen[path]!r} and {name!r} would both become {path!r}.")
            if any(_same(self._path(name, form), name) for form in self._forms):
                raise HushdError("bad_request", f"The transcript of {name!r} would replace it: name another folder.")

    def _path(self, name: str, form: str) -> str:
        if self._file is not None:
            return self._file
        stem = os.path.splitext(os.path.basename("stdin" if name == "-" else name))[0]
        return os.path.join(self._folder, f"{stem}.{form}")


def _is_file(path: str) -> bool:
    """Returns whether `-o` names a file: an existing pipe or device, or a name with an extension and no folder."""
    if os.path.isdir(path) or path.endswith("/"):
        return False
    return _EXTENSION.fullmatch(_extension(path)) is not None or (os.path.exists(path) and not os.path.isfile(path))


def _extension(path: str) -> str:
    return os.path.splitext(path)[1][1:].lower()


def _same(path: str, name: str) -> bool:
    try:
        return os.path.samefile(path, name)
    except (OSError, ValueError):
        return False  # one of them does not exist
