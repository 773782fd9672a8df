"""`listen --watch FOLDER`: transcribes each recording added to a folder, once it is complete.

There is no list of finished recordings: as with make, each needs a transcript that is not older than itself. So the
command may end at any time, and the next one continues. While idle it holds no connection, so the supervisor and its
workers end as usual.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from hushd.transcripts.formats import FORMATS
from hushd_protocol.errors import HushdError

from hushd_cli.recordings import Recordings, State
from hushd_cli.terminal import console

from . import options as of_listen

if TYPE_CHECKING:
    from hushd.transcripts.transcript import Transcript

    from .output import Output

LOOK_S = 1.0  # between two looks at the folder
WHOLE_S = 2.0  # a recording is complete when it has not changed for so long
AGAIN_S = 10.0  # until a retry after a temporary error, such as memory used by others


def watch(options: Namespace) -> int:
    """Watches the options' folder; returns the exit code. Without `--once` Ctrl-C ends it, with 0."""
    try:
        return Watch(options).run()
    except KeyboardInterrupt:
        if options.once:
            raise
        return 0


class Folder(Recordings):
    """The recordings of a folder: which of them are complete and have no transcript yet. Reads no clock.

    Attributes:
        growing: whether the last look saw an incomplete recording.
        doubles: recordings whose transcripts would have the same name, none of which is transcribed.
    """

    def __init__(self, source: str, target: str, formats: Sequence[str]) -> None:
        super().__init__(source, target, formats)
        self._seen: dict[str, tuple[State, float]] = {}
        self._tried: dict[str, State] = {}
        self._put_off: dict[str, float] = {}
        self.growing = False
        self.doubles: list[list[str]] = []

    def next(self, now: float) -> str | None:
        """Returns the name of a complete recording without a transcript, the oldest first.

        Raises:
            HushdError: `input_unreadable` if the folder cannot be read.
        """
        self.growing, self.doubles = False, []
        states = {name: state for name, state in self.found() if state.size}
        self._seen = {name: (state, self._since(name, state, now)) for name, state in states.items()}
        due: list[tuple[int, str]] = []
        for _, same in groupby(sorted(states, key=self.transcripts), self.transcripts):
            name, *others = sorted(same)
            if others:
                self.doubles.append([name, *others])
            elif self._is_due(name, now):
                due.append((states[name].written, name))
        return min(due)[1] if due else None

    def leave(self, name: str) -> None:
        """Ignores a recording until it changes."""
        self._tried[name] = self._seen[name][0]

    def put_off(self, name: str, until: float) -> None:
        """Ignores a recording until that time."""
        self._put_off[name] = until

    def _is_due(self, name: str, now: float) -> bool:
        state, since = self._seen[name]
        if self._tried.get(name) == state or self.is_done(name, state):
            return False
        whole = now - since >= WHOLE_S
        self.growing |= not whole
        return whole and now >= self._put_off.get(name, now)

    def _since(self, name: str, state: State, now: float) -> float:
        earlier, since = self._seen.get(name, (None, now))
        return since if earlier == state else now


class Watch:
    """Watches one folder: transcribes its recordings one after the other, each in a connection of its own."""

    def __init__(self, options: Namespace) -> None:
        from .output import Output

        (folder,) = options.files
        target = options.output_dir or options.output or folder
        self._options = Namespace(**vars(options) | {"output_dir": target, "format": options.format or "txt"})
        formats = tuple(FORMATS) if options.format == of_listen.ALL else (self._options.format,)
        self._name, self._folder = folder, Folder(folder, target, formats)
        self._folder.next(time.monotonic())  # raises errors before a folder for transcripts is made
        self._output: Output = Output(self._options, [])
        self._reported: set[str] = set()

    def run(self) -> int:
        """Transcribes one recording after the other; with `--once` returns the highest exit code of the failures."""
        status, folder = 0, self._folder
        console.note(f"Watching {self._name}: Ctrl-C ends it.")
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
        """Transcribes a recording; reports a failure, and returns its exit code."""
        try:
            self._output.save(name, self._transcript(name))
        except HushdError as error:
            if error.scope != "request" and not error.retryable:
                raise  # the next recording would fail too
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
        from hushd.transport.warning import NO_EFFECT

        from hushd_cli.terminal.progress import Progress, shown_client

        options, path = self._options, self._folder.path(name)
        progress, line = Progress([(name, 0)]), console.StatusLine()

        def show(done: float, total: float) -> None:
            progress.heard(0, done, total, time.monotonic())
            line.show(progress.line)

        try:
            with shown_client(options.compute_device) as client:
                options.people = of_listen.voiceprints(client, options)
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
        if text not in self._reported:
            self._reported.add(text)
            console.complain(text)
