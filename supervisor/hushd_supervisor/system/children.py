"""The start of every child: workers, templates, the gateway, and those that answer one question.

They all get the same: a log in the state folder, the part of our environment that is theirs, the usual limits and
slices of time (`process.Limits`), and a lifeline. So none outlives this process, whichever of them it is and however
this process ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.system import log_files

from .process import Launch, Process, environment

LAST_WORDS = 300  # characters
REAP_MS = 100  # at most, for a process to end that was killed
# Starts a child in a way of its own: command, environment, descriptor for its output, the end of its lifeline.
Fork = Callable[[Sequence[str], Mapping[str, str], int, int], Process | None]


@dataclass(slots=True, eq=False)
class Running:
    """A child, from its start until `close`.

    Attributes:
        log: where its output goes, and from which byte on; None where it goes into our own.
    """

    process: Process
    log: Path
    log_start: int | None
    _lifeline: int  # our end, whose end kills the child's group

    def output(self) -> str:
        """The end of what it has written."""
        return "" if self.log_start is None else log_files.tail(self.log, self.log_start)

    def last_words(self) -> str:
        """The last line that it has written, empty if it has written none."""
        lines = self.output().strip().splitlines()
        return lines[-1][:LAST_WORDS] if lines else ""

    def close(self) -> None:
        """Closes its descriptors; one that still runs ends by that."""
        self.process.close()
        os.close(self._lifeline)

    def abandon(self) -> None:
        """Ends one that was only just started, and of which nothing more will be known."""
        self.process.kill()
        for _ in range(REAP_MS):
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        self.close()


def start(
    launch: Launch,
    command: Sequence[str],
    output: Path,
    *variables: Mapping[str, str],
    answer: int | None = None,
    question: int | None = None,
    inherited: Sequence[int] = (),
    fork: Fork | None = None,
) -> Running:
    """Starts a child.

    Args:
        launch: starts a process.
        output: its log; where that cannot be opened, it writes into ours.
        variables: added to its environment, the later ones in place of the earlier.
        answer: a descriptor for its standard output, in place of the log.
        question: a descriptor for its standard input; else that is empty.
        inherited: descriptors that it inherits under the same numbers.
        fork: is tried first, and returns None where it cannot.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    # A pipe for each child: the group that its end kills is a property of the pipe, not of the descriptor.
    lifeline, ours = os.pipe()
    try:
        descriptor, begin = log_files.open_for_child(output)
        try:
            tied = {"HUSHD_LIFELINE": str(lifeline), "HUSHD_SUPERVISOR": str(os.getpid())}
            whole = environment(os.environ, *variables, tied)
            process = fork(command, whole, descriptor, lifeline) if fork else None
            if process is None:
                process = launch(
                    command,
                    whole,
                    stdout=descriptor if answer is None else answer,
                    stderr=descriptor,
                    lifeline=lifeline,
                    inherited=inherited,
                    **({} if question is None else {"stdin": question}),
                )
            return Running(process, output, begin, ours)
        finally:
            with suppress(OSError):  # a full disk may tell so only now: the child has its log, or as much as fits
                os.close(descriptor)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(lifeline)
