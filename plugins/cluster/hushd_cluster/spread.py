"""Spreads a corpus over the cluster: one Ray task a recording, which Ray schedules, and sends again if a node dies.

Recordings and transcripts in a store pass the driver by: nodes read and write them. A recording on the driver's disk
travels with its task, and a transcript for the driver's disk comes back. `nodes` decides whose fault a failure is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ray
from hushd.transport.source import File
from hushd_protocol.errors import HushdError, os_errors_as

from . import session
from .figures import Figures
from .nodes import Nodes
from .outputs import Failure, Outputs
from .recording import Recording, is_url
from .task import Outcome, Task, transcribe

TASKS_PER_CPU = 2  # tasks for each CPU: the next one's bytes travel while one runs
NODES_LOOK_INTERVAL_S = 1.0  # seconds between two looks at the cluster's nodes
LOST = 3  # times that Ray sends a task again whose node has died
ATTEMPTS = 3  # failures of a recording before it is set aside
FRUITLESS = 50  # failures in a row that are not a recording's fault, after which the cluster itself is at fault
FRUITLESS_S = 60.0  # seconds that these failures take at least
# Errors of a recording that names its model.
ITS_OWN = frozenset(("model_missing", "engine_missing", "model_too_large"))
_NODE_LABEL = "ray.io/node-id"


class Sent(NamedTuple):
    """A recording under way, and the nodes that it was to avoid."""

    recording: Recording
    avoided: frozenset[str]


class Spread:
    """One run over a corpus.

    Args:
        is_mixed: whether each recording names its own place, so that a place that fails says nothing of a node.
        cpus: reserved by Ray for each recording.
        report: called with the figures at each recording's end, and once a second.

    Attributes:
        left_out: the reasons why nodes were left out, by host name.
    """

    def __init__(
        self,
        recordings: Iterable[Recording],
        outputs: Outputs,
        options: Mapping[str, Any],
        *,
        is_mixed: bool = False,
        cpus: float = 1.0,
        report: Callable[[Figures], None] = lambda _: None,
    ) -> None:
        self.outputs = outputs
        self._waiting = deque(recordings)
        self._options = dict(options)
        self._is_mixed = is_mixed
        self._cpus = cpus
        self._report = report
        self._running: dict[Any, Sent] = {}  # tasks by the result's reference
        self._alive: set[str] = set()  # nodes at the last look
        self._places = 1  # recordings under way at once
        self._looked = -NODES_LOOK_INTERVAL_S
        self._nodes = Nodes(ATTEMPTS)
        self._hosts: dict[str, str] = {}
        self._fruitless = 0
        self._begun = self._fruitful = time.monotonic()  # times of the beginning, and of the last success
        self._task = ray.remote(num_cpus=cpus, max_retries=LOST, scheduling_strategy="SPREAD")(transcribe)
        self.figures = Figures(len(self._waiting))
        self.failed: dict[str, Failure] = {}

    @property
    def left_out(self) -> dict[str, HushdError]:
        return {self._hosts[each]: error for each, error in self._nodes.left_out.items()}

    def run(self) -> None:
        """Transcribes all recordings. Raises an error that affects them all, such as a missing model."""
        try:
            while self._waiting or self._running:
                self._observe_nodes()
                while self._waiting and len(self._running) < self._places:
                    self._send(self._waiting.popleft())
                if self._running:
                    ended, _ = ray.wait(list(self._running), timeout=NODES_LOOK_INTERVAL_S)
                    for reference in ended:
                        self._collect(self._running.pop(reference).recording, reference)
        finally:
            for reference in self._running:
                ray.cancel(reference, force=True)
            self._tell()

    def _observe_nodes(self) -> None:
        """Looks at the cluster, once a second."""
        now = time.monotonic()
        if now - self._looked < NODES_LOOK_INTERVAL_S:
            return
        self._looked = now
        self._alive = {str(each["NodeID"]) for each in session.alive()}
        self._places = max(1, int(TASKS_PER_CPU * ray.cluster_resources().get("CPU", 0) / self._cpus))
        for reference, sent in list(self._running.items()):  # Ray would keep what waits for a lost node forever
            if sent.avoided and not self._alive - sent.avoided:
                ray.cancel(reference, force=True)
                del self._running[reference]
                self._waiting.append(sent.recording)
        self._tell()

    def _send(self, recording: Recording) -> None:
        """Sends a recording to a node at which it has not failed."""
        data = None
        if not is_url(recording.place):
            try:
                data = _read(recording.place)
            except HushdError as error:
                self._put_aside(recording, error)
                return
        avoided = self._nodes.avoided(recording.name, self._alive)
        others = {_NODE_LABEL: f"!in({','.join(avoided)})"} if avoided else None
        task = Task(recording, {**self._options, **recording.options}, self.outputs.form, self.outputs.url)
        reference = self._task.options(label_selector=others).remote(data, task)
        self._running[reference] = Sent(recording, frozenset(avoided))

    def _collect(self, recording: Recording, reference: Any) -> None:
        try:
            outcome: Outcome = ray.get(reference)
        except ray.exceptions.RayError:  # Ray has tried it at several nodes
            error = HushdError("supervisor_lost", "The nodes that transcribed it have gone.")
            self._put_aside(recording, error)
            return
        self._hosts[outcome.node] = outcome.host
        if outcome.error is None:
            if self._is_saved(recording, outcome):
                self.outputs.done(recording.name)
                self._nodes.succeeded(outcome.node, recording.name, self._alive)
                self._fruitless, self._fruitful = 0, time.monotonic()
                self.figures.count(outcome.host, outcome.sound_s, outcome.work_s)
                self._tell()
        elif self._is_over(recording, outcome, outcome.error):
            if self._is_saved(recording, outcome):  # `listen` too keeps the readable part of a truncated recording
                self._put_aside(recording, outcome.error)
        else:
            self._waiting.append(recording)

    def _is_over(self, recording: Recording, outcome: Outcome, error: HushdError) -> bool:
        """Returns whether a recording that has failed is given up; raises `error` if all others would fail so."""
        if error.scope == "command":
            if recording.options or outcome.is_its_own:
                return True
            raise error  # wrong options fail at every node
        if error.scope != "machine" and (error.culprit == "supervisor" or error.retry_after_ms is not None):
            self._fruitless += 1
            if self._fruitless >= FRUITLESS and time.monotonic() - self._fruitful >= FRUITLESS_S:
                raise error
            if not outcome.is_its_own:  # the node has no room now, or its supervisor was lost
                return False
        of_model = error.code in ITS_OWN and bool(recording.options.keys() & {"engine", "model"})
        of_place = outcome.is_its_own and self._is_mixed
        return self._nodes.failed(outcome.node, recording.name, error, self._alive, is_its_own=of_model or of_place)

    def _is_saved(self, recording: Recording, outcome: Outcome) -> bool:
        """Writes the transcript that a node sent; returns False if none can have this name, which sets it aside."""
        try:
            if outcome.transcript:
                self.outputs.save(recording.name, outcome.transcript)
        except HushdError as error:
            if error.scope == "machine":
                raise
            self._put_aside(recording, error)
            return False
        return True

    def _put_aside(self, recording: Recording, error: HushdError) -> None:
        name = recording.name
        failure = Failure(error.code, error.message, error.exit_code, max(1, self._nodes.attempts(name)))
        self.outputs.put_aside(name, failure)
        self.failed[name] = failure
        self.figures.set_aside += 1
        self._tell()

    def _tell(self) -> None:
        self.figures.elapsed_s = time.monotonic() - self._begun
        self.figures.alive = len(self._alive)
        self._report(self.figures)


def _read(path: str) -> bytes:
    """Returns the bytes of a recording on the driver's disk; raises `input_unreadable`."""
    File(path)  # a pipe would be waited for, and a device has no end
    with os_errors_as("input_unreadable", f"{path!r} cannot be read"):
        return Path(path).read_bytes()
