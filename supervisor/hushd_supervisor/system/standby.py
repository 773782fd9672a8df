"""The template processes: their start, forks of workers from them, their size and their end. Linux only."""

from __future__ import annotations

import json
import select
import signal
import socket
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.limits import GO, READY, REFUSED, TEMPLATE_VARIABLE
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Dismiss, Prepare
from hushd_supervisor.core.events import Event, Exited, TemplateGone, TemplateReady

from . import children
from .children import Running
from .memory import measure
from .process import (
    Forked,
    Launch,
    Process,
    adopt_orphans,
    reap_orphans,
    template_command,
)
from .source import Outcome, Perform, Source

# The time for a template to fork, in which the whole loop waits: 4 to 8 ms on a calm machine. If it takes longer, the
# template is killed, and the worker is started without it.
FORK_S = 0.5
MAX_MESSAGE = 4096  # bytes of a template's message
LINUX_ONLY = "Templates work on Linux only: remove `standby` from the configuration."
# A process with threads cannot be a template, and OpenBLAS, in numpy, starts one per further core at its import.
# hushd's engines multiply nothing large with it.
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(slots=True, eq=False)
class _Template:
    name: str
    gen: int
    child: Running
    control: socket.socket
    heard: bool = False  # whether its first message was read
    ready: bool = False
    refusal: str = ""
    why: str = ""  # why it was killed here

    @property
    def process(self) -> Process:
        return self.child.process


class Templates(Source):
    """All template processes.

    Args:
        poller: watches for their messages and exits.
        launch: starts a process.
        paths: the paths of their logs.
        settings: the user's settings.
        command: returns a template's command line, by its name and the user's program for it, if there is one.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        launch: Launch,
        paths: Paths,
        settings: Settings,
        command: Callable[[str, Sequence[str]], Sequence[str]] = template_command,
    ) -> None:
        self._poller = poller
        self._launch = launch
        self._paths = paths
        self._settings = settings
        self._command = command
        self._known: dict[tuple[str, int], _Template] = {}
        self._adopts = False

    # --- actions of the pool -------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Applies new settings to the next starts."""
        self._settings = settings

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Prepare: self._prepare, Dismiss: self._dismiss}

    def _prepare(self, action: Prepare) -> Iterable[Outcome]:
        failed = self.prepare(action.name, action.gen)
        return (failed,) if failed else ()

    def _dismiss(self, action: Dismiss) -> Iterable[Outcome]:
        self.dismiss(action.name, action.gen)
        return ()

    def prepare(self, name: str, gen: int) -> TemplateGone | None:
        """Starts a template; returns a `TemplateGone` if it cannot be started."""
        if sys.platform != "linux":
            return TemplateGone(name, gen, LINUX_ONLY, final=True)
        try:
            if not self._adopts:
                adopt_orphans()
                self._adopts = True
            self._known[name, gen] = template = self._start(name, gen)
        except (HushdError, OSError, ValueError) as error:
            return TemplateGone(name, gen, str(error))
        for descriptor in (template.process.exit_fd, template.control.fileno()):
            self._poller.register(descriptor, zmq.POLLIN)
        return None

    def _start(self, name: str, gen: int) -> _Template:
        path = self._paths.worker_log(f"standby-{name}")
        settings = self._settings.for_worker(name)
        our_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            child = children.start(
                self._launch,
                self._command(name, settings.command),
                path,
                settings.environment,
                _NO_THREADS,
                {TEMPLATE_VARIABLE: str(child_end.fileno())},
                inherited=(child_end.fileno(),),
            )
        except BaseException:
            our_end.close()
            raise
        finally:
            child_end.close()
        our_end.setblocking(False)
        return _Template(name, gen, child, our_end)

    def dismiss(self, name: str, gen: int) -> None:
        """Kills a template; returns at once."""
        if template := self._known.get((name, gen)):
            _kill(template)

    def fork(
        self, gen: int, command: Sequence[str], environment: Mapping[str, str], output: int, lifeline: int
    ) -> Process | None:
        """Forks a worker from a template; returns None if the worker must be started without it.

        A template that fails, or is late, is killed.
        """
        template = next((template for template in self._known.values() if template.gen == gen), None)
        if template is None or not template.ready:
            return None
        message = json.dumps({"command": command, "environment": environment}).encode()
        try:
            socket.send_fds(template.control, [message], [output, lifeline])
            if not _readable(template.control, FORK_S):
                raise ValueError(f"it has not forked a worker within {FORK_S} s")
            answer = template.control.recv(MAX_MESSAGE)
            if not answer.isdigit():  # the template has ended, perhaps with a reason
                raise ValueError(_reason(answer) or "it has ended")
            forked = Forked(int(answer), lifeline)
            with suppress(OSError):  # the template has just died; the worker ends by itself
                template.control.send(GO)
            return forked
        except (OSError, ValueError) as error:
            template.why, template.ready = str(error), False
            _kill(template)
            return None
        finally:
            reap_orphans()

    # --- events for the loop -------------------------------------------------------------------------------------

    def look(self, event: Event, now: float) -> None:
        """Reaps what a worker that has ended leaves behind."""
        if self._adopts and isinstance(event, Exited):
            reap_orphans()

    def events(self, ready: Container[object], now: float) -> Iterator[TemplateReady | TemplateGone]:
        """Reads templates' messages and reaps ended ones."""
        for template in list(self._known.values()):
            if not template.heard and template.control.fileno() in ready and self._is_ready(template):
                yield TemplateReady(template.name, template.gen, measure.private(template.process.pid))
            if template.process.exit_fd in ready and template.process.poll() is not None:
                final = bool(template.refusal)
                status, last_words = template.process.poll(), template.child.last_words()
                reason = template.refusal or template.why or last_words or f"it ended with status {status}"
                self._remove(template)
                yield TemplateGone(template.name, template.gen, reason, final)

    def pids(self) -> dict[tuple[str, int], int]:
        """Returns the pids of the living templates, by name and generation."""
        return {key: template.process.pid for key, template in self._known.items()}

    def close(self) -> None:
        """Kills all templates."""
        for template in list(self._known.values()):
            _kill(template)
            self._remove(template)

    def _is_ready(self, template: _Template) -> bool:
        """Reads a template's first message; all later ones are answers."""
        self._poller.unregister(template.control.fileno())
        template.heard = True
        try:
            message = template.control.recv(MAX_MESSAGE)
        except OSError:
            message = b""
        template.ready = message == READY
        template.refusal = _reason(message)
        return template.ready

    def _remove(self, template: _Template) -> None:
        del self._known[template.name, template.gen]
        self._poller.unregister(template.process.exit_fd)
        if not template.heard:
            self._poller.unregister(template.control.fileno())
        template.child.close()
        template.control.close()


def _reason(message: bytes) -> str:
    """Returns the reason in a template's refusal, an empty string for any other message."""
    return message.removeprefix(REFUSED).decode(errors="replace") if message.startswith(REFUSED) else ""


def _kill(template: _Template) -> None:
    if template.process.exit_fd is not None:
        signal.pidfd_send_signal(template.process.exit_fd, signal.SIGKILL)


def _readable(control: socket.socket, seconds: float) -> bool:
    poller = select.poll()  # select() takes no descriptor above 1023
    poller.register(control, select.POLLIN)
    return bool(poller.poll(seconds * 1000))
