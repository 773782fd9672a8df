"""Starts and reaps every child process: workers, the gateway, and short-lived processes that answer one question.

Each gets a log in the state folder, the allowed part of our environment, the default limits (`process.Limits`),
and a lifeline, by which it never outlives this process. A worker, which may be any program and lives for long, writes
its log through a pipe (`worker_logs`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zmq
from hushd_protocol.system import log_files

from .process import Launch, Process, environment

MAX_LAST_WORDS = 300  # characters
_PIPE_BYTES = 1 << 16  # bytes that a pipe holds


@dataclass(slots=True, eq=False)
class Running:
    """A child, from its start until `close`.

    Attributes:
        log: the file that gets its output.
        log_start: where its output begins in `log`; None if it goes to our own log instead.
        pipe: the descriptor from which its output is read; -1 if it writes the log itself.
        until: the time by which it must have ended; infinite where there is none, and once it has passed.
        late: whether it had not ended by then, and was killed.
    """

    process: Process
    log: Path
    log_start: int | None
    _children: Children
    _lifeline: int  # our end: closing it kills the child's process group
    pipe: int = -1
    until: float = math.inf
    late: bool = False
    _written: int = 0  # bytes, to our own log

    def poll(self, ready: Container[object] | None = None) -> int | None:
        """Returns its status as Popen does once it has ended, None while it runs. The loop wakes until `close`.
        `ready`: the readable descriptors, by which most children need not be asked; elsewhere than on Linux SIGCHLD
        wakes the loop, and all are asked."""
        descriptor = self.process.exit_fd
        if not (ready is None or descriptor is None or descriptor in ready):
            return None
        if (status := self.process.poll()) is not None:
            self._children.unreaped.discard(self.process.pid)
        return status

    def on_time(self, now: float) -> bool:
        """Kills it once its time has passed; returns True then, and never again."""
        if self.until > now:
            return False
        self.until, self.late = math.inf, True
        self.process.kill()
        return True

    def write_log(self) -> int | None:
        """Moves the output that waits in the pipe to the log; returns its bytes, None once nobody can write more."""
        try:
            output = os.read(self.pipe, _PIPE_BYTES)
        except BlockingIOError:
            return 0
        except OSError:
            return None
        if output and self.log_start is not None:
            size = log_files.append(self.log, output)
            self.log_start = 0 if 0 < size < self.log_start else self.log_start  # a new file was begun
        elif self._written < log_files.ROTATE_BYTES:
            self._written += len(output)
            with suppress(OSError):
                os.write(2, output)
        return len(output) or None

    def end_log(self) -> None:
        """Moves the rest of the output to the log, but no survivor's flood, and closes the pipe."""
        for _ in range(log_files.ROTATE_BYTES // _PIPE_BYTES):
            if not self.write_log():
                break
        os.close(self.pipe)
        self.pipe = -1

    def output(self) -> str:
        """Returns the tail of its output."""
        return "" if self.log_start is None else log_files.tail(self.log, self.log_start)

    def last_words(self) -> str:
        """Returns the last line of its output, or an empty string."""
        lines = self.output().strip().splitlines()
        return lines[-1][:MAX_LAST_WORDS] if lines else ""

    def close(self) -> None:
        """Closes its descriptors, which also ends a process that still runs."""
        if self.process.exit_fd is not None:
            self._children.poller.unregister(self.process.exit_fd)
        self.process.close()
        os.close(self._lifeline)


class Children:
    """All children.
    `unreaped`: the pids of those whose end nobody has seen, which no other process can have."""

    def __init__(self, poller: zmq.Poller, launch: Launch) -> None:
        self.poller = poller
        self.unreaped: set[int] = set()
        self._launch = launch

    def start(
        self,
        command: Sequence[str],
        output: Path,
        *variables: Mapping[str, str],
        answer: int | None = None,
        question: int | None = None,
        inherited: Sequence[int] = (),
        piped: bool = False,
        until: float = math.inf,
    ) -> Running:
        """Starts a child. Raises OSError or ValueError if the child cannot be started.

        Args:
            output: its log; if that cannot be opened, the child writes to ours.
            variables: added to its environment; later ones override earlier ones.
            answer: a descriptor for its standard output, instead of the log.
            question: a descriptor for its standard input; by default that is empty.
            inherited: descriptors that it inherits under the same numbers.
            piped: whether the caller reads its output from `Running.pipe`, and writes the log.
            until: the time by which it must have ended, see `Running.on_time`.
        """
        # One pipe per child: the process group that the pipe's end kills belongs to the pipe, not to a descriptor.
        lifeline, our_end = os.pipe()
        try:
            descriptor, begin = log_files.open_for_child(output)
            pipe = -1
            try:
                if piped:
                    written = descriptor
                    pipe, descriptor = os.pipe()
                    with suppress(OSError):
                        os.close(written)
                    os.set_blocking(pipe, False)
                lifeline_variables = {"HUSHD_LIFELINE": str(lifeline), "HUSHD_SUPERVISOR": str(os.getpid())}
                child_environment = environment(os.environ, *variables, lifeline_variables)
                process = self._launch(
                    command,
                    child_environment,
                    stdout=descriptor if answer is None else answer,
                    stderr=descriptor,
                    lifeline=lifeline,
                    inherited=inherited,
                    **({} if question is None else {"stdin": question}),
                )
                self.unreaped.add(process.pid)
                if process.exit_fd is not None:
                    self.poller.register(process.exit_fd, zmq.POLLIN)
                return Running(process, output, begin, self, our_end, pipe, until)
            except BaseException:
                if pipe >= 0:
                    os.close(pipe)
                raise
            finally:
                with suppress(OSError):  # a full disk may report an error only now
                    os.close(descriptor)
        except BaseException:
            os.close(our_end)
            raise
        finally:
            os.close(lifeline)
