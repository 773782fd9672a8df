"""The processes of templates: their start, the forks of workers from them, their size and their end. Linux only."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.messages import Ready
from hushd_protocol.standby import GO, READY, REFUSED, STAY, VARIABLE
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Dismiss, Prepare
from hushd_supervisor.core.events import Event, Exited, FromWorker, SpawnFailed, TemplateGone, TemplateReady
from hushd_supervisor.core.standby import holds_model

from . import children
from .children import Running
from .memory import measure
from .process import (
    Forked,
    Launch,
    Process,
    adopt_orphans,
    compute_environment,
    reap_orphans,
    template_command,
)
from .source import Outcome, Perform, Source

# For a template to fork, in which everybody waits: 4 to 8 ms on a calm machine. The worker of one that takes longer is
# started without it; it is kept all the same if it answers in the end, and else hangs.
FORK_S = 0.5
HANG_S = 60.0
LARGEST = 4096  # bytes of what a template sends
ELSEWHERE = "A template is kept on Linux only: without `standby` everything works here as it is."
# A library that starts threads when it is imported makes a template impossible: OpenBLAS, in numpy, starts one for
# each further core. hushd's engines multiply nothing large with it.
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(slots=True, eq=False)
class _Template:
    name: str
    gen: int
    child: Running
    control: socket.socket
    heard: bool = False  # its first message was read
    ready: bool = False
    late: float | None = None  # it owes an answer that nobody waits for: until when
    refusal: str = ""
    why: str = ""  # it was killed here

    @property
    def process(self) -> Process:
        return self.child.process


class Templates(Source):
    """All processes of templates.

    Args:
        poller: watches for what they send, and their end.
        launch: starts a process.
        paths: of the logs.
        settings: the user's.
        command: makes the command line of a template by its name, with the user's program for it, if there is one.
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
        self._stale = False  # a worker has loaded or ended since they were measured

    # --- actions of the pool -------------------------------------------------------------------------------------

    def configure(self, settings: Settings) -> None:
        """Applies other settings to the next starts."""
        self._settings = settings

    @property
    def count(self) -> int:
        """The number of templates."""
        return len(self._known)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Prepare: self._prepare, Dismiss: self._dismiss}

    def _prepare(self, action: Prepare) -> Iterable[Outcome]:
        failed = self.prepare(action.name, action.gen)
        return (failed,) if failed else ()

    def _dismiss(self, action: Dismiss) -> Iterable[Outcome]:
        self.dismiss(action.name, action.gen)
        return ()

    def prepare(self, name: str, gen: int) -> TemplateGone | None:
        """Starts a template; returns the reason why it cannot be started."""
        if sys.platform != "linux":
            return TemplateGone(name, gen, ELSEWHERE, final=True)
        try:
            if not self._adopts:
                adopt_orphans()
                self._adopts = True
            self._known[name, gen] = template = self._start(name, gen)
        except (HushdError, OSError, ValueError) as error:
            return TemplateGone(name, gen, str(error))
        watched = (template.process.exit_fd, template.control.fileno())
        try:
            for descriptor in watched:
                self._poller.register(descriptor, zmq.POLLIN)
        except MemoryError:
            del self._known[name, gen]
            for descriptor in watched:
                if descriptor in self._poller:
                    self._poller.unregister(descriptor)
            template.control.close()
            template.child.abandon()
            raise
        return None

    def _start(self, name: str, gen: int) -> _Template:
        path = self._paths.worker_log(f"standby-{name}")
        settings = self._settings.for_worker(name)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            child = children.start(
                self._launch,
                self._command(name, settings.command),
                path,
                compute_environment("cpu", os.environ) if holds_model(name) else {},
                settings.environment,
                _NO_THREADS,
                {VARIABLE: str(theirs.fileno())},
                inherited=(theirs.fileno(),),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return _Template(name, gen, child, ours)

    def dismiss(self, name: str, gen: int) -> None:
        """Kills a template; does not wait."""
        if template := self._known.get((name, gen)):
            _kill(template)

    def fork(
        self, gen: int, command: Sequence[str], environment: Mapping[str, str], output: int, lifeline: int
    ) -> Process | None:
        """Has a template fork a worker; None where it does not: start the worker without it. One that fails is killed,
        and one that is late spared."""
        template = next((template for template in self._known.values() if template.gen == gen), None)
        if template is None or not template.ready or template.late is not None:
            return None
        message = json.dumps({"command": command, "environment": environment}).encode()
        try:
            socket.send_fds(template.control, [message], [output, lifeline])
            if not _readable(template.control, FORK_S):
                template.control.send(STAY)
                template.late = math.inf
                self._poller.register(template.control.fileno(), zmq.POLLIN)
                return None
            answer = template.control.recv(LARGEST)
            if not answer.isdigit():  # it has ended, and says why
                raise ValueError(_reason(answer) or "it has ended")
            forked = Forked(int(answer), lifeline)
            with suppress(OSError):  # it has just died, and the worker ends by itself
                template.control.send(GO)
            return forked
        except (OSError, ValueError) as error:
            template.why = str(error)
            _kill(template)
            return None
        finally:
            reap_orphans()

    # --- events for the loop -------------------------------------------------------------------------------------

    def look(self, event: Event, now: float) -> None:
        match event:
            case FromWorker(_, _, Ready()) | Exited() | SpawnFailed():
                self._stale = bool(self._known)

    def deadline(self) -> float | None:
        late = [template.late for template in self._known.values() if template.late is not None]
        # The time of one that has just become so is not known before a turn.
        return -math.inf if self._stale or math.inf in late else min(late, default=None)

    def events(self, ready: Container[object], now: float) -> Iterator[TemplateReady | TemplateGone]:
        """Reads what templates send, and reaps those that have ended; measures them again when workers have changed."""
        for template in list(self._known.values()):
            if not template.heard and template.control.fileno() in ready and self._is_ready(template):
                yield _measured(template)
            if template.late is not None:
                self._wait_for(template, ready, now)
            if template.process.exit_fd in ready and template.process.poll() is not None:
                final = bool(template.refusal)
                status, words = template.process.poll(), template.child.last_words()
                reason = template.refusal or template.why or words or f"it ended with status {status}"
                self._remove(template)
                yield TemplateGone(template.name, template.gen, reason, final)
        if self._stale:
            self._stale = False
            reap_orphans()
            # After a worker has loaded or ended: what a worker changes it has copied.
            yield from [_measured(template) for template in self._known.values() if template.ready]

    def _wait_for(self, template: _Template, ready: Container[object], now: float) -> None:
        """Takes an answer that nobody waits for any more: that worker ends by itself. Kills what owes it for long."""
        assert template.late is not None
        if template.control.fileno() in ready:
            with suppress(OSError):
                template.control.recv(LARGEST)
            reap_orphans()
        elif template.late <= now:
            template.why = f"it has not forked a worker within {HANG_S:.0f} s"
            template.ready = False
            _kill(template)
        else:
            template.late = min(template.late, now + HANG_S)
            return
        self._poller.unregister(template.control.fileno())
        template.late = None

    def pids(self) -> dict[tuple[str, int], int]:
        """The living templates by name and generation."""
        return {key: template.process.pid for key, template in self._known.items()}

    def close(self) -> None:
        """Kills all templates; their lifelines do it too."""
        for template in list(self._known.values()):
            _kill(template)
            self._remove(template)

    def _is_ready(self, template: _Template) -> bool:
        """Takes the first message of a template, which only answers from then on."""
        self._poller.unregister(template.control.fileno())
        template.heard = True
        try:
            message = template.control.recv(LARGEST)
        except OSError:
            message = b""
        template.ready = message == READY
        template.refusal = _reason(message)
        return template.ready

    def _remove(self, template: _Template) -> None:
        del self._known[template.name, template.gen]
        self._poller.unregister(template.process.exit_fd)
        if not template.heard or template.late is not None:
            self._poller.unregister(template.control.fileno())
        template.child.close()
        template.control.close()


def _measured(template: _Template) -> TemplateReady:
    pid = template.process.pid
    usage = measure.resident_usage(pid)
    return TemplateReady(template.name, template.gen, measure.private(pid), usage.private if usage else 0)


def _reason(message: bytes) -> str:
    """The reason in a template's refusal; empty for any other message."""
    return message.removeprefix(REFUSED).decode(errors="replace") if message.startswith(REFUSED) else ""


def _kill(template: _Template) -> None:
    if template.process.exit_fd is not None:
        signal.pidfd_send_signal(template.process.exit_fd, signal.SIGKILL)


def _readable(control: socket.socket, seconds: float) -> bool:
    poller = select.poll()  # select() takes no descriptor above 1023
    poller.register(control, select.POLLIN)
    return bool(poller.poll(seconds * 1000))
