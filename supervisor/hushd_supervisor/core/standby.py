"""Templates: processes that have imported an engine's libraries, from which workers are forked.

Templates are the first to leave when memory is short. Nothing depends on one: the loop forks a worker if the template
still answers, and starts it normally otherwise.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.names import base
from hushd_schema.settings import Settings

from .actions import Action, Dismiss, Log, Prepare, Spawn
from .events import TemplateGone, TemplateReady
from .memory.budget import WorkerSize

if TYPE_CHECKING:
    from hushd_schema.status import TemplateStatus

CALM_S = 2.0  # without a starting worker, before a template takes a core for its imports
START_S = 300.0  # the imports of an engine on torch take a minute on a busy machine
PAUSE_S = 60.0  # before the next template after one made room
DEATH_PAUSE_S = 600.0  # and after one died
PREFIX = "standby/"  # of a template's name among those of workers
GUESS = 60_000_000  # bytes, until the first was measured


class Phase(enum.Enum):
    """The phase of a template; the value is the word shown to users."""

    ABSENT = "absent"  # no process
    STARTING = "starting"  # imports
    READY = "ready"  # workers can be forked from it
    LEAVING = "leaving"  # SIGKILL was sent


class Move(NamedTuple):
    source: Phase
    target: Phase
    cause: str


MOVES: tuple[Move, ...] = (
    Move(Phase.ABSENT, Phase.STARTING, "nothing else starts, and there is room"),
    Move(Phase.STARTING, Phase.READY, "imported"),
    Move(Phase.STARTING, Phase.LEAVING, "too slow, memory short, configuration, shutdown"),
    Move(Phase.STARTING, Phase.ABSENT, "exit"),
    Move(Phase.READY, Phase.LEAVING, "memory short, configuration, shutdown"),
    Move(Phase.READY, Phase.ABSENT, "exit"),
    Move(Phase.LEAVING, Phase.ABSENT, "exit"),
)
ALLOWED = frozenset((move.source, move.target) for move in MOVES)
HAS_PROCESS = (Phase.STARTING, Phase.READY, Phase.LEAVING)


class Template:
    """One template, over all its processes.

    Args:
        size: a guess of the bytes that it takes.

    Attributes:
        name: ROLE/ENGINE.
        phase: only ever changed by `enter`.
        gen: the generation of the process that runs or ran last.
        size: bytes that its end would give back; a guess until it was measured.
        due: when it may start, or must be ready.
        why: the reason why there is none, for `status`.
    """

    def __init__(self, name: str, size: int = GUESS) -> None:
        self.name = name
        self.phase = Phase.ABSENT
        self.gen = 0
        self.size = size
        self.due = -math.inf
        self.why = ""

    def enter(self, phase: Phase, due: float = math.inf) -> None:
        """Moves to `phase`, for which `due` is the time."""
        assert (self.phase, phase) in ALLOWED, f"{self.phase} -> {phase}"
        self.phase, self.due = phase, due

    def start(self, gen: int, now: float) -> list[Action]:
        """Starts a process."""
        self.gen, self.why = gen, ""
        self.enter(Phase.STARTING, now + START_S)
        return [Prepare(self.name, gen)]

    def ready(self, size: int) -> None:
        """Notes that the process has imported everything, and what it takes."""
        if self.phase is Phase.STARTING:
            self.enter(Phase.READY)
        if self.phase in HAS_PROCESS:
            self.size = size  # also of one that leaves: it holds its memory until its exit

    def release(self, now: float, why: str) -> list[Action]:
        """Ends the process, or the wait for one; the next may start after a pause."""
        self.why = why
        if self.phase not in (Phase.STARTING, Phase.READY):
            return []
        self.enter(Phase.LEAVING, now + PAUSE_S)
        log = Log("INFO", f"the template of {self.name} leaves: {why}")
        return [log, Dismiss(self.name, self.gen)]

    def gone(self, event: TemplateGone, now: float) -> list[Action]:
        """Notes that the process has exited, or could not be started."""
        if event.gen != self.gen or self.phase not in HAS_PROCESS:
            return []
        if self.phase is Phase.LEAVING:
            self.enter(Phase.ABSENT, self.due)
            return []
        self.why = event.reason
        self.enter(Phase.ABSENT, math.inf if event.final else now + DEATH_PAUSE_S)
        return [Log("WARNING", f"the template of {self.name} is gone: {event.reason}")]

    def forgive(self) -> None:
        """Allows a start at once, since the configuration was read again."""
        if self.phase in (Phase.ABSENT, Phase.LEAVING):
            self.due = -math.inf


class Standby:
    """All templates, by name. Pure: the time is an argument."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._generations = itertools.count(1)
        self._templates = {name: Template(name) for name in settings.standby}
        self._calm_since: float | None = None
        self._started = False  # whether `settle` was ever called: until then `deadline` is now
        self._down = False

    @property
    def lives(self) -> bool:
        """True if any template has a process whose memory counts; False once the supervisor leaves."""
        return not self._down and any(template.phase in HAS_PROCESS for template in self._templates.values())

    # --- events --------------------------------------------------------------------------------------------------

    def handle(self, event: TemplateReady | TemplateGone, now: float) -> list[Action]:
        """Takes news of a template's process; news of an earlier process changes nothing."""
        template = self._templates.get(event.name)
        if template is None:
            return []
        if isinstance(event, TemplateGone):
            actions = template.gone(event, now)
            if template.phase is Phase.ABSENT and event.name not in self._settings.standby:
                del self._templates[event.name]
            return actions
        if event.gen == template.gen:
            template.ready(event.size)
        return []

    def configure(self, settings: Settings, now: float) -> list[Action]:
        """Ends the templates that are no longer wanted, or whose environment has changed."""
        previous, self._settings = self._settings, settings
        actions: list[Action] = []
        for name, template in list(self._templates.items()):
            if name not in settings.standby:
                actions += template.release(now, "it is no longer wanted")
                if template.phase is Phase.ABSENT:
                    del self._templates[name]
            elif settings.for_worker(name) != previous.for_worker(name):
                actions += template.release(now, "its settings have changed")
            template.forgive()
        if not self._down:
            for name in settings.standby:
                self._templates.setdefault(name, Template(name))
        return actions

    def shut(self, now: float) -> list[Action]:
        """Ends all templates and starts no other: the supervisor leaves."""
        self._down = True
        return self.release_all(now, "the supervisor leaves")

    # --- memory --------------------------------------------------------------------------------------------------

    def sizes(self) -> Iterator[tuple[WorkerSize, bool]]:
        """The memory of the templates, each with whether it is still starting; they leave before any worker."""
        for template in self._templates.values():
            if template.phase in HAS_PROCESS:
                leaving = template.phase is Phase.LEAVING
                size = WorkerSize(PREFIX + template.name, template.size, idle_s=0.0, leaving=leaving, standby=True)
                yield size, template.phase is Phase.STARTING

    def has(self, name: str) -> bool:
        """Returns whether a name among those of workers is a template's."""
        return name.startswith(PREFIX) and name.removeprefix(PREFIX) in self._templates

    def release(self, name: str, now: float) -> list[Action]:
        """Ends the template of this name."""
        return self._templates[name.removeprefix(PREFIX)].release(now, "it makes room")

    def release_all(self, now: float, why: str) -> list[Action]:
        """Ends all templates."""
        return [action for template in self._templates.values() for action in template.release(now, why)]

    # --- after every event ---------------------------------------------------------------------------------------

    def settle(self, now: float, *, calm: bool, short: bool, fits: Callable[[int], bool]) -> list[Action]:
        """Starts and ends templates.

        Args:
            calm: whether no worker is starting or waiting to start.
            short: whether memory is.
            fits: returns whether so many bytes fit with no worker leaving.
        """
        self._started = True
        if not self._templates or self._down:
            return []
        if not calm:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        actions = self.release_all(now, "memory is short") if short else []
        for template in self._templates.values():
            if template.phase is Phase.STARTING and template.due <= now:
                actions += template.release(now, f"it was not ready within {START_S:.0f} s")
            elif template.phase is Phase.ABSENT and self._start_at(template) <= now:
                if short or not fits(template.size):
                    template.due, template.why = now + PAUSE_S, "there is no room for it"
                else:
                    actions += template.start(next(self._generations), now)
        return actions

    def deadline(self) -> float:
        """The time at which `settle` has something to do, `math.inf` for never."""
        if self._down or not self._templates:
            return math.inf
        return min(map(self._due, self._templates.values())) if self._started else -math.inf

    def _due(self, template: Template) -> float:
        match template.phase:
            case Phase.ABSENT:
                return self._start_at(template)
            case Phase.STARTING:
                return template.due
        return math.inf

    def _start_at(self, template: Template) -> float:
        return math.inf if self._calm_since is None else max(template.due, self._calm_since + CALM_S)

    # --- workers -------------------------------------------------------------------------------------------------

    def through_template(self, action: Action) -> Action:
        """Has a worker forked from its engine's template, if that is ready and was started alike."""
        if not isinstance(action, Spawn):
            return action
        name = base(action.worker).rpartition("/")[0]
        template = self._templates.get(name)
        if template and template.phase is Phase.READY and self._alike(action.worker, name):
            return action.from_template(template.gen)
        return action

    def _alike(self, worker: str, name: str) -> bool:
        """Returns whether a template was started as the worker would be."""
        mine, template = self._settings.for_worker(worker), self._settings.for_worker(name)
        return (mine.command, mine.environment) == (template.command, template.environment)

    def status(self) -> list[tuple[int, TemplateStatus]]:
        """The status of each template, as far as the core knows it, with the generation of its process."""
        from hushd_schema.status import TemplateStatus  # imported only when used

        return [
            (
                template.gen,
                TemplateStatus(
                    name=template.name,
                    state=template.phase.value,
                    pid=None,
                    rss_mb=None,
                    pss_mb=None,
                    private_mb=round(template.size / 1e6, 1) if template.phase in HAS_PROCESS else None,
                    why=template.why,
                ),
            )
            for template in self._templates.values()
        ]
