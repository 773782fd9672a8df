"""The commands `say`, `listen` and `hushd`.

Every spoken word waits for their start, so this module imports next to nothing, and each command only what it needs,
when it needs it. They leave by `os._exit` once everything is written: shutting an interpreter down takes time and
gains nothing.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from hushd_protocol.limits import EXIT_BUG
from hushd_protocol.system.own_modules import guard
from hushd_protocol.system.trace import mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE  # as if by the signal, which Python ignores
_IMPORTING = "<frozen importlib._bootstrap>"  # the file name in a frame of Python's import
_LOADING = "<frozen importlib._bootstrap_external>"  # and in one of its loaders
_LATER_S = 0.01
_WAKE_S = (0.01, 0.1, 1.0)  # a busy machine may keep a thread waiting just before its wait begins
_CHAIN = 100  # a chain of causes may be a circle
_over = False  # whether the command has ended, after which no code would handle a signal's exception


def say() -> NoReturn:
    """Runs `say`."""
    _run("say", "hushd_cli.commands.say.command")


def listen() -> NoReturn:
    """Runs `listen`."""
    _run("listen", "hushd_cli.commands.listen.command")


def hushd() -> NoReturn:
    """Runs `hushd`."""
    _run("hushd", "hushd_cli.main")


def serve_beside() -> NoReturn:
    """Runs `hushd serve` beside a running supervisor."""
    _run("hushd serve", "hushd_cli.commands.serve.beside")


def agent_hook(event: bytes) -> NoReturn:
    """Handles an agent's event, in a background process."""
    sys.argv[1:] = [os.fsdecode(event)]
    _run("hushd agents hook", "hushd_cli.commands.agents.reaction")


def _run(command: str, module: str) -> NoReturn:
    """Runs `main(prog, argv)` of a module, and exits with the status it returns."""
    global _over
    mark("command started")
    guard()
    _take_signals(_leave)  # there is no work to cancel yet
    _open_standard_descriptors()
    status = EXIT_BUG
    try:
        main = import_module(module).main
        from hushd_cli.terminal import console

        console.program = command
        if (config := os.environ.get("HUSHD_CONFIG")) and sys.argv[1:2] != ["config"] and not os.path.exists(config):
            console.note(f"HUSHD_CONFIG names {config}, which does not exist: the defaults hold.")
        _take_signals(_unwind)
        sys.unraisablehook = _raise_again
        _wake_for_signals()
        try:
            status = main(command, sys.argv[1:])
        finally:
            _over = True
    except BaseException as error:
        status = _status_of(error)
    if device := sys.modules.get("hushd.audio.devices"):
        _take_signals(lambda *_: None)
        device.settle()
    _take_signals(_leave)  # there is no work to cancel any more
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            status = status or EXIT_BROKEN_PIPE
    mark("command ended")
    os._exit(status)


def _status_of(error: BaseException) -> int:
    """Returns the exit code for a command's end; prints the reason in one sentence, unless the user ended it.

    Tasks side by side fail in a group: one that was interrupted ends them all, and the pipe that broke under one breaks
    under all.
    """
    from hushd_protocol.errors import leaves

    errors = list(leaves(error))
    for leaving in errors:
        if (status := _asked_for(leaving)) is not None:
            return status
    failed = next((each for each in errors if not isinstance(each, BrokenPipeError)), None)
    return _explain(failed) if failed else EXIT_BROKEN_PIPE


def _explain(error: BaseException) -> int:
    """Prints the error as one sentence; returns the exit code."""
    from hushd_protocol.errors import HushdError

    from hushd_cli.terminal.console import complain

    if isinstance(error, HushdError):
        complain(error.message)
        return error.exit_code
    if (interrupted := _interrupt_behind(error)) is not None:
        return interrupted
    if os.environ.get("HUSHD_DEBUG"):
        import traceback

        complain(traceback.format_exc())
    complain(f"This is a bug in hushd ({type(error).__name__}: {error}): HUSHD_DEBUG=1 shows where.")
    return EXIT_BUG


def _interrupt_behind(error: BaseException) -> int | None:
    """Returns the exit code of the interrupt that became this error, or None.

    Python up to 3.11 makes a RuntimeError of whatever a `__set_name__` raises, and so of an interrupt there; a library
    that catches all exceptions may do so too.
    """
    cause: BaseException | None = error
    for _ in range(_CHAIN):
        cause = cause and (cause.__cause__ or cause.__context__)
        if cause and (status := _asked_for(cause)) is not None:
            return status
    return None


def _asked_for(error: BaseException) -> int | None:
    """Returns the exit code that Ctrl-C, a signal or `--help` asked for, or None of another error."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else None


def _take_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Sets `handler` for Ctrl-C, SIGTERM and SIGHUP.

    A signal that was ignored at the start stays ignored: SIGINT in a shell's background, SIGHUP under nohup.
    """
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def _unwind(number: int, frame: FrameType | None) -> None:
    """Raises an exception, so that the request is cancelled and no half-written file is left."""
    if _over:
        _leave(number, frame)
    if frame is not None and (_holds_a_lock(frame) or _begins_extension(frame)):
        _unwind_later(number)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        raise SystemExit(128 + number)


def _unwind_later(number: int) -> None:
    signal.signal(signal.SIGALRM, lambda _, frame: _unwind(number, frame))
    signal.setitimer(signal.ITIMER_REAL, _LATER_S)


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    """Raises a signal's exception again that was lost where none can be raised, as in a destructor."""
    if lost.exc_value is None or (status := _asked_for(lost.exc_value)) is None:
        sys.__unraisablehook__(lost)
    else:
        _unwind_later(status - 128)


def _wake_for_signals() -> None:
    """Wakes this thread after each signal, so that Python calls its handler.

    Python only notes a signal that reaches another thread, or this one in the moment before it waits for a lock, and
    calls the handler when the wait is over. A microphone's may last for ever.
    """
    try:
        read, write = os.pipe()
    except OSError:  # no descriptors are left: the command's own error about that is more useful
        return
    os.set_blocking(write, False)
    signal.signal(signal.SIGURG, lambda *_: None)  # ignored by default, which would wake no thread
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    _thread.start_new_thread(_wake, (read, _thread.get_ident()))


def _wake(signals: int, thread: int) -> None:
    while numbers := os.read(signals, 64):
        if numbers.strip(bytes([signal.SIGURG])):  # other signals than this one's own
            for pause in _WAKE_S:
                time.sleep(pause)
                signal.pthread_kill(thread, signal.SIGURG)


def _holds_a_lock(frame: FrameType) -> bool:
    """Returns whether an exception raised here could leave a lock held forever, or be lost, so that it must wait.

    That is so in Python's import while another thread imports, and in a `threading.Condition` that takes its lock or
    gives it back. A condition that waits has neither: `gotit` is the name its `wait` sets before it does. Functions of
    this module hold none, and a signal that was put off may come again while one of them handles it: what they have
    interrupted counts.
    """
    while frame.f_globals is globals() and frame.f_back is not None:
        frame = frame.f_back
    if frame.f_code.co_filename == _IMPORTING:
        return True
    condition = getattr(sys.modules.get("threading"), "Condition", None)  # the module may be loading
    return condition is not None and isinstance(frame.f_locals.get("self"), condition) and "gotit" not in frame.f_locals


def _begins_extension(frame: FrameType | None) -> bool:
    """Returns whether the signal came while an extension module begins, which may run Python code.

    An exception raised in that code may end the process with SIGSEGV: pyzmq 27's module, made by Cython 3, does so.
    """
    while frame is not None:
        loader = frame.f_locals.get("self") if frame.f_code.co_filename == _LOADING else None
        if type(loader).__name__ == "ExtensionFileLoader":
            return True
        frame = frame.f_back
    return False


def _open_standard_descriptors() -> None:
    """Opens /dev/null as each closed descriptor of 0, 1 and 2, for programs that replace this one too; otherwise a
    socket could get the number 1, and all output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY)  # gets the lowest free number, this one; writing to it fails
            os.set_inheritable(opened, True)
