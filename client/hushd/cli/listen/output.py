"""Where transcripts go: to standard output, or into files named after their recordings."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence

from hushd_protocol.errors import HushdError

from hushd.output_file import OutputFile
from hushd.transcripts.formats import FORMATS, Segments, render

from .options import ALL, layout


class Output:
    """What the options of `listen` say of it, for recordings of these `names`.

    Attributes:
        printed: whether transcripts go to standard output.

    Raises:
        HushdError: `output_failed` when the folder cannot be made, `bad_request` when two transcripts would have the
            same name, or one that of its recording, or all formats were to go to standard output.
    """

    def __init__(self, options: Namespace, names: Sequence[str]) -> None:
        self._forms = tuple(FORMATS) if options.format == ALL else (options.format,)
        self._layout = layout(options)
        self._folder = options.output_dir or ("." if options.format == ALL else "-")
        self.printed = self._folder == "-"
        if self.printed and options.format == ALL:
            raise HushdError("bad_request", "Standard output takes one format: name it with -f.")
        if not self.printed:
            self._make_folder()
            self._check(names)

    def pieces(self, segments: Segments) -> Iterator[str]:
        """A transcript for standard output, as its segments become known."""
        return render(self._forms[0], segments, self._layout)

    def save(self, name: str, transcript: Segments) -> None:
        """Writes the files of the recording `name`, each of which appears only once it is whole.

        Raises:
            HushdError: `output_failed`.
        """
        for form in self._forms:
            with OutputFile(self._path(name, form)) as file:
                for text in render(form, transcript, self._layout):
                    file.write(text.encode())

    def _make_folder(self) -> None:
        try:
            os.makedirs(self._folder, exist_ok=True)
        except OSError as error:
            raise HushdError(
                "output_failed", f"The folder {self._folder!r} cannot be made ({error.strerror})."
            ) from error

    def _check(self, names: Sequence[str]) -> None:
        seen: dict[str, str] = {}
        for name in names:
            path = self._path(name, self._forms[0])
            if seen.setdefault(path, name) != name:
                raise HushdError("bad_request", f"{seen[path]!r} and {name!r} would both become {path!r}.")
            if any(_same(self._path(name, form), name) for form in self._forms):
                raise HushdError("bad_request", f"The transcript of {name!r} would replace it: name another folder.")

    def _path(self, name: str, form: str) -> str:
        stem = os.path.splitext(os.path.basename("stdin" if name == "-" else name))[0]
        return os.path.join(self._folder, f"{stem}.{form}")


def _same(path: str, name: str) -> bool:
    try:
        return os.path.samefile(path, name)
    except (OSError, ValueError):
        return False  # one of them is not there
