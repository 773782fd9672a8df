"""`hushd watch FOLDER`: writes down each recording that is put into a folder, once it is whole.

There is no list of what is done: as for make, a recording needs a transcript that is not older than itself. So the
command may end at any time, and the next one goes on. While nothing is to be done it holds no connection, and the
supervisor and its workers leave as they would without it.
"""

from __future__ import annotations

import os
import stat
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from hushd.transcripts.formats import FORMATS
from hushd_protocol.errors import HushdError
from hushd_protocol.names import AUTO
from hushd_schema.sound_file import SUFFIXES

from hushd_cli.arguments import Parser
from hushd_cli.commands.listen import options as of_listen
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.transcripts.transcript import Transcript

    from .listen.output import Output

LOOK_S = 1.0  # between two looks at the folder
WHOLE_S = 2.0  # a recording is whole when nobody has written to it for so long
AGAIN_S = 10.0  # until one is tried again that failed for what may pass, such as memory that others use
# Errors of the command line or the machine: the next recording would fare no better.
OF_ALL = (
    "bad_request", "unsupported", "engine_missing", "model_missing", "model_too_large", "version_mismatch",
    "unauthorised", "output_failed", "cancelled",
)  # fmt: skip


def main(prog: str, argv: Sequence[str]) -> int:
    options = _parse(prog, argv)
    try:
        return Watch(options).run()
    except KeyboardInterrupt:  # the way to end it
        if options.once:
            raise
        return 0


def _parse(prog: str, argv: Sequence[str]) -> Namespace:
    parser = make_parser(prog)
    options = parser.parse(argv, "folders", files=True)
    if len(options.folders) != 1:
        parser.error("Name one FOLDER.")
    if options.speed and options.model != AUTO:
        raise HushdError("bad_request", "--speed chooses among models: give --model auto too.")
    (options.folder,) = options.folders
    options.diarize |= options.speakers is not None
    options.output_dir = options.output_dir or options.folder
    return options


def make_parser(prog: str) -> Parser:
    """The parser of the command; its options are those that `listen` has for files."""
    parser = Parser(
        prog,
        "Writes down the recordings in FOLDER, and each that is put there later, once it is whole, until Ctrl-C. "
        "One that has a transcript which is not older than itself is left alone. "
        "The paths of the transcripts go to standard output.",
    )
    parser.usage = "%(prog)s [OPTION…] FOLDER"
    parser.examples = (
        ("hushd watch ~/Recordings", "a text beside each recording"),
        ("hushd watch ~/Recordings -f srt -o ~/Subtitles", "subtitles, in another folder"),
        ("hushd watch --once ~/Recordings", "what is there now, as for cron"),
    )
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="the folder of the recordings; those below it are not looked at"
    )
    group = parser.add_argument_group("output")
    group.add_argument(
        "-f",
        "--output-format",
        "--format",
        dest="format",
        choices=(*FORMATS, of_listen.ALL),
        default="txt",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} or {of_listen.ALL} of them; default: txt, a line a sentence",
    )
    group.add_argument(
        "-o", "--output-dir", metavar="DIR", help="the folder of the transcripts, NAME.FORMAT; default: FOLDER"
    )
    of_listen.add_doubtful(group)
    group.add_argument("--once", action="store_true", help="end once every recording that is there has been tried")
    of_listen.add_transcription(parser)
    of_listen.add_cutting(parser)
    parser.add_worker_options()
    return parser


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _written(path: str) -> int:
    """The time of the last write to a file, 0 for a folder and whatever else is not a file."""
    status = os.stat(path)
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0


class _State(NamedTuple):
    """A recording as it was when somebody looked: another state is another recording."""

    written: int  # ns since 1970
    size: int


class Folder:
    """The recordings of a folder: which of them are whole and have no transcript yet. Reads no clock.

    Args:
        formats: of the transcripts in the folder `target`; a recording is done when it has one of each.

    Attributes:
        growing: whether the last look saw a recording that was not known to be whole.
        doubles: recordings whose transcripts would have one name, so that none of them is written down.
    """

    def __init__(self, place: str, target: str, formats: Sequence[str]) -> None:
        self._place, self._target, self._formats = place, target, formats
        self._seen: dict[str, tuple[_State, float]] = {}
        self._tried: dict[str, _State] = {}
        self._put_off: dict[str, float] = {}
        self.growing = False
        self.doubles: list[list[str]] = []

    def next(self, now: float) -> str | None:
        """Returns the name of a recording that is whole and has to be written down, the oldest first.

        Raises:
            HushdError: `input_unreadable` when the folder cannot be read.
        """
        self.growing, self.doubles = False, []
        states = dict(self._recordings())
        self._seen = {name: (state, self._since(name, state, now)) for name, state in states.items()}
        due: list[tuple[int, str]] = []
        for _, same in groupby(sorted(states, key=_stem), _stem):
            name, *others = sorted(same)
            if others:
                self.doubles.append([name, *others])
            elif self._is_due(name, now):
                due.append((states[name].written, name))
        return min(due)[1] if due else None

    def leave(self, name: str) -> None:
        """Leaves a recording alone until somebody writes to it."""
        self._tried[name] = self._seen[name][0]

    def put_off(self, name: str, until: float) -> None:
        """Leaves a recording alone until that time."""
        self._put_off[name] = until

    def path(self, name: str) -> str:
        return os.path.join(self._place, name)

    def transcripts(self, name: str) -> list[str]:
        """Returns the paths of a recording's transcripts, one a format."""
        return [os.path.join(self._target, f"{_stem(name)}.{form}") for form in self._formats]

    def _recordings(self) -> Iterator[tuple[str, _State]]:
        try:
            with os.scandir(self._place) as entries:
                for entry in entries:
                    if os.path.splitext(entry.name)[1].lower() in SUFFIXES and not entry.name.startswith("."):
                        try:
                            status = entry.stat()
                        except OSError:
                            continue  # it has just gone, or leads nowhere
                        if stat.S_ISREG(status.st_mode) and status.st_size:
                            yield entry.name, _State(status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise HushdError(
                "input_unreadable", f"The folder {self._place!r} cannot be read ({error.strerror})."
            ) from error

    def _is_due(self, name: str, now: float) -> bool:
        state, since = self._seen[name]
        if self._tried.get(name) == state or self._is_done(name, state):
            return False
        whole = now - since >= WHOLE_S
        self.growing |= not whole
        return whole and now >= self._put_off.get(name, now)

    def _since(self, name: str, state: _State, now: float) -> float:
        earlier, since = self._seen.get(name, (None, now))
        return since if earlier == state else now

    def _is_done(self, name: str, state: _State) -> bool:
        try:
            return all(_written(path) >= state.written for path in self.transcripts(name))
        except OSError:
            return False  # there is none


class Watch:
    """The watching of one folder: one recording after the other, and each in a connection of its own."""

    def __init__(self, options: Namespace) -> None:
        from .listen.output import Output

        formats = tuple(FORMATS) if options.format == of_listen.ALL else (options.format,)
        self._options = options
        self._folder = Folder(options.folder, options.output_dir, formats)
        self._folder.next(time.monotonic())  # complains before a folder for transcripts is made
        self._output: Output = Output(Namespace(**vars(options), output=None), [])
        self._told: set[str] = set()

    def run(self) -> int:
        """Writes down one recording after the other; with `--once` returns the highest exit code of the failures."""
        status, folder = 0, self._folder
        console.note(f"Watching {self._options.folder}: Ctrl-C ends it.")
        while True:
            name = folder.next(time.monotonic())
            for names in folder.doubles:
                same = " and ".join(map(repr, names))
                self._tell(f"{same} would have the same transcript: rename all but one.")
            if name is not None:
                status = max(status, self._try(name))
            elif self._options.once and not folder.growing:
                return status
            else:
                time.sleep(LOOK_S)

    def _try(self, name: str) -> int:
        """Writes a recording down; complains about what fails, and returns its exit code."""
        try:
            self._output.save(name, self._transcript(name))
        except HushdError as error:
            if error.code in OF_ALL:
                raise
            self._tell(error.message)
            if error.retryable and not self._options.once:
                self._folder.put_off(name, time.monotonic() + AGAIN_S)
            else:
                self._folder.leave(name)
            return error.exit_code
        self._folder.leave(name)
        console.write("".join(f"{path}\n" for path in self._folder.transcripts(name)))
        return 0

    def _transcript(self, name: str) -> Transcript:
        from hushd.client import Client
        from hushd.transport.warning import NO_EFFECT

        from hushd_cli.terminal.download import shown_pulls, shown_waits

        from .listen.progress import Progress

        options, path = self._options, self._folder.path(name)
        progress, line = Progress([(name, 0)]), console.StatusLine()

        def show(done: float, total: float) -> None:
            progress.heard(0, done, total, time.monotonic())
            line.show(progress.line)

        try:
            with (
                shown_pulls() as on_pull,
                shown_waits() as on_wait,
                Client(holder="cli", on_pull=on_pull, on_wait=on_wait, compute_device=options.compute_device) as client,
            ):
                transcript = client.transcribe_stream(
                    path,
                    engine=options.engine,
                    model=options.model,
                    speed=options.speed,
                    keep_alive=options.keep_alive,
                    on_progress=show,
                    **of_listen.transcribe_options(options),
                ).transcript()
        finally:
            line.clear()
        for warning in transcript.warnings:
            self._tell(warning.message if warning.code == NO_EFFECT else f"{path}: {warning.message}")
        return transcript

    def _tell(self, text: str) -> None:
        """Writes a sentence to standard error, once."""
        if text not in self._told:
            self._told.add(text)
            console.complain(text)
