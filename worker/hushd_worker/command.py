"""Engines that are programs: reads the small TOML files that describe how to run one, each engine with its own keys,
and runs it to its end, its time limit or its cancellation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, TypeAlias, TypeVar

from hushd_models.own_files import OwnFiles
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.suggest import did_you_mean, listed
from hushd_protocol.system import best_effort, paths
from hushd_protocol.system.lifeline import remove_left
from hushd_protocol.system.process_tree import kill_tree
from hushd_schema import kinds
from hushd_schema.kinds import Rule, table
from hushd_schema.toml import Table

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program and its arguments, with placeholders such as `{voice}`.
    `words`: the arguments; a tuple is a group, which is left out if one of its placeholders is empty."""

    program: str
    words: tuple[str | tuple[str, ...], ...]

    @property
    def placeholders(self) -> set[str]:
        return {name for word in self.words for name in _names((word,) if isinstance(word, str) else word)}

    def arguments(self, values: Mapping[str, str]) -> list[str]:
        """Returns the arguments with `values` for the placeholders; a value's own braces are not placeholders."""
        arguments: list[str] = []
        for word in self.words:
            group = (word,) if isinstance(word, str) else word
            if isinstance(word, str) or all(values[name] for name in _names(group)):
                arguments += [_PLACEHOLDER.sub(lambda match: values[match[1]], part) for part in group]
        return arguments

    def find(self, folder: Path) -> str | None:
        """Returns the absolute path of the program, or None; a relative path starts at `folder`."""
        return shutil.which(folder / self.program if "/" in self.program else self.program)


# The key `run`, in which a list is a group.
_Run: TypeAlias = Annotated[
    list[str | list[str]],
    Rule('["program", "argument", …]', lambda words: words and words[0] and isinstance(words[0], str)),
]


def command_line(run: Sequence[str | list[str]], placeholders: Sequence[str]) -> CommandLine:
    """Returns the command line of the key `run`. Raises `bad_request` if it has an unknown placeholder, or a group
    without any."""
    program, *arguments = run
    return CommandLine(
        program=os.path.expanduser(str(program)),
        words=tuple(
            _group(word, placeholders) if isinstance(word, list) else words("run", [word], placeholders)[0]
            for word in arguments
        ),
    )


def words(key: str, value: Sequence[str], placeholders: Sequence[str]) -> tuple[str, ...]:
    """Checks arguments of a program and returns them with `~` expanded, since no shell does it. Raises `bad_request` if
    an argument has an unknown placeholder."""
    for name in _names(tuple(value)):
        if name not in placeholders:
            hint = did_you_mean(name, placeholders) or f": the placeholders are {listed(placeholders)}"
            raise HushdError("bad_request", f"{{{name}}} in {key} is not a placeholder{hint}")
    return tuple(map(os.path.expanduser, value))


def _group(value: list[str], placeholders: Sequence[str]) -> tuple[str, ...]:
    group = words("run", value, placeholders)
    if not any(_names(group)):
        raise HushdError("bad_request", f"the group {value!r} in run has no placeholder, so it could never be left out")
    return group


def _names(words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        yield from _PLACEHOLDER.findall(word)


def read(
    content: Table, record: type, placeholders: Sequence[str], *needed: tuple[str, str]
) -> tuple[CommandLine, Table]:
    """Returns the command line in the content of a file, and the values of its other keys, which are those of `record`.
    Raises `bad_request` for an invalid value.

    Args:
        needed: keys that it must have besides `run`, each with an example.
    """
    given = table(content, {"run": _Run, **kinds.of(record)})
    for key, example in (("run", '["program", "argument", …]'), *needed):
        if not given.get(key):
            raise HushdError("bad_request", f"it needs {key} = {example}")
    return command_line(given.pop("run"), placeholders), given


class _Spec(Protocol):
    @property
    def line(self) -> CommandLine: ...


S = TypeVar("S", bound=_Spec)


def loaded(files: OwnFiles[S], name: str) -> tuple[S, str]:
    """Returns the content of a file and its program. Raises `model_missing` for an invalid file, `engine_missing` for a
    missing program."""
    spec = files.read(name)
    if (program := spec.line.find(files.folder)) is None:
        where = files.path(name)
        raise HushdError("engine_missing", f"The program {spec.line.program!r} of {where} is not installed.")
    return spec, program


_CANCEL_LOOK_INTERVAL_S = 0.1  # seconds between two checks for a cancel
# Seconds to read the rest from the pipes of a program that has exited; its children may hold them open.
_PIPE_READ_TIMEOUT_S = 1.0
_MAX_OUTPUT = 16_000_000  # bytes; 20 s of sound are a tenth of that


class Failed(Exception):
    """A program's failure. The message follows the program's name; `tail` is the end of its standard error."""

    def __init__(self, sentence: str, tail: str = "", *, too_slow: bool = False) -> None:
        super().__init__(sentence)
        self.tail = tail
        self.too_slow = too_slow


def run(command: Sequence[str], data: bytes, timeout: float, check: Callable[[], None]) -> bytes:
    """Runs `command` with `data` on standard input, for at most `timeout` seconds, and returns its output.

    Args:
        check: called ten times a second; its exceptions end the program and are passed on.

    Raises:
        Failed: it ended with a status other than 0, took too long or printed too much.
        OSError: it could not be started.
    """
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except ValueError as error:  # a NUL in a prompt
        raise Failed(f"cannot be given its arguments ({error})") from error
    try:
        printed, errors = _watch(process, data, timeout, check)
    finally:
        _end(process)
    tail = errors[-4096:].decode(errors="replace").strip()
    if process.returncode:
        status = f"exit status {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        last = f": {tail.splitlines()[-1].strip().rstrip('.')[:300]}" if tail else ""
        raise Failed(f"failed ({status}{last})", tail)
    return printed


@contextmanager
def reported(program: str, hint: str) -> Iterator[None]:
    """Turns failures of `run` into `worker_failed`, naming `program`; `hint` is advice for one that took too long."""
    try:
        yield
    except Failed as error:
        slow = f": {hint}" if error.too_slow else ""
        raise HushdError(
            "worker_failed", f"The program {program!r} {error}{slow}.", detail={"stderr": error.tail}
        ) from error
    except OSError as error:
        raise HushdError("worker_failed", f"The program {program!r} could not be run ({reason(error)}).") from error


def sound_file() -> Path:
    """Returns a path for the sound that this worker's program reads or writes, and removes those of killed workers.

    It is in the runtime folder, which is removed at logout and private to the user.
    """
    folder = paths.find().runtime
    with best_effort.writing(folder):  # the folder exists already
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_left(folder, "command-*.wav")
    return folder / f"command-{os.getpid()}.wav"


def remove(path: Path) -> None:
    """Removes a sound file, if possible."""
    with best_effort.writing(path):
        path.unlink(missing_ok=True)


def _watch(
    process: subprocess.Popen[bytes], data: bytes, timeout: float, check: Callable[[], None]
) -> tuple[bytes, bytes]:
    limit = time.monotonic() + timeout
    exited, unsent = None, data or None
    while True:
        try:
            return process.communicate(unsent, timeout=_CANCEL_LOOK_INTERVAL_S)
        except subprocess.TimeoutExpired as waiting:
            printed, errors = waiting.stdout or b"", waiting.stderr or b""
            unsent = None  # communicate() keeps the rest
        check()
        now = time.monotonic()
        if len(printed) + len(errors) > _MAX_OUTPUT:
            raise Failed(f"printed more than {_MAX_OUTPUT // 1_000_000} MB")
        if process.poll() is None:
            if now >= limit:
                tail = errors[-4096:].decode(errors="replace").strip()
                raise Failed(f"was ended after {timeout:g} s", tail, too_slow=True)
        elif exited is None:
            exited = now
        elif now >= exited + _PIPE_READ_TIMEOUT_S:
            return printed, errors


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program and all its descendants, one by one, because they share this process's group."""
    if process.poll() is None:
        kill_tree(process.pid)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with suppress(OSError):  # its unread input is lost with it
                pipe.close()
