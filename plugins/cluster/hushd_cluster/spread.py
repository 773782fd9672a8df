"""Spreads a corpus over the cluster: one Ray task a recording, and one driver that hands recordings out.

Recordings and transcripts in a store pass the driver by: nodes read and write them. A recording on the driver's disk
travels with its task, and a transcript for the driver's disk comes back. A task that died with its node is sent again.
`nodes` decides whose fault a failure is.
"""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import ray
from hushd_protocol.errors import HushdError

from . import failures, node, scratch, session
from .attempt import Task
from .cost import Figures
from .feed import Feed
from .joints import Joints
from .nodes import Nodes
from .outputs import Failure, Outputs
from .reading import unreadable
from .recording import Recording
from .task import Outcome, transcribe

AHEAD = 2  # tasks for each CPU: the next one's bytes travel while one runs
LOOK_S = 1.0  # between two looks at the cluster's nodes
FRUITLESS = 50  # failures in a row that are not a recording's fault, after which the cluster itself is at fault
FRUITLESS_S = 60.0  # and for so long, as one place at the end
LEFT_S = 300.0  # for which a node that leaves gets no recordings while there are others
CLEAR_S = 10.0  # for which the nodes have time to remove their copies of recordings
LATER = 20  # recordings that are handed out before one that failed is tried again
STORE_SHARE = 0.5  # the share of the driver node's object store for recordings under way
ITS_OWN = frozenset(("model_missing", "engine_missing", "model_too_large"))  # of a recording that names its model
_NODE_LABEL = "ray.io/node-id"


class Sent(NamedTuple):
    """A recording under way: the bytes that travel with it, and the nodes that it was to avoid."""

    recording: Recording
    size: int
    avoided: frozenset[str]


class Spread:
    """One run over a corpus.

    Args:
        feed: the recordings.
        outputs: their transcripts.
        options: for `Client.transcribe`, besides the audio.
        attempts: failures or crashes after which a recording is set aside.
        cpus: reserved by Ray for each recording.
        price: of a node for an hour.
        stretch_s: seconds of the stretches into which long recordings are cut; 0: none is cut.
        report: called with the figures at each recording's end, and once a second.
        check: called once a second; raises `HushdError` if the run must end.

    Attributes:
        figures: of the run.
        failed: the recordings set aside in this run.
        left_out: the reasons why nodes were left out, by host name.
    """

    def __init__(
        self,
        feed: Feed,
        outputs: Outputs,
        options: Mapping[str, Any],
        *,
        attempts: int = 3,
        cpus: float = 1.0,
        price: float | None = None,
        stretch_s: float = 0.0,
        report: Callable[[Figures], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._feed = feed
        self._outputs = outputs
        self._again: deque[tuple[int, Recording]] = deque()  # to be tried again, once so many were handed out
        self._silent: deque[Recording] = deque()  # of places that do not answer, to be tried again at the end
        self._silent_since: dict[str, float] = {}  # by key, since their first failure at the end
        self._handed_out = 0
        self._running: dict[Any, Sent] = {}  # by the result's reference
        self._news: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()  # references with their results
        self._alive: set[str] = set()  # nodes at the last look
        self._places = 1
        self._looked = -LOOK_S
        self._nodes = Nodes(attempts)
        self._hosts: dict[str, str] = {}
        self._leaving: dict[str, float] = {}  # nodes that hand recordings back, with the times
        self._room = 0.0  # bytes of recordings under way that the driver may hold
        self._held = 0  # bytes of them
        self._fruitless = 0
        self._fruitful = time.monotonic()  # the time of the last success
        self._options = dict(options)
        self._cpus = cpus
        self._report = report
        self._check = check
        self._joints = Joints(stretch_s)
        self._run = os.urandom(8).hex()
        self._task = ray.remote(num_cpus=cpus, max_retries=0, scheduling_strategy="SPREAD")(transcribe)
        self.figures = Figures(time.monotonic(), price)
        self.failed: dict[str, Failure] = {}

    def run(self) -> None:
        """Transcribes all recordings.

        Raises:
            HushdError: an error that affects all recordings, such as a missing model.
        """
        self._room = _store_bytes() * STORE_SHARE
        self._feed.begin()
        try:
            while not self._feed.has_ended or self._again or self._silent or self._running:
                self._look()
                self._hand_out()
                for reference, outcome in self._ended():
                    if sent := self._running.pop(reference, None):  # else it was taken back
                        self._held -= sent.size
                        self._take(sent.recording, outcome)
            self._clear()
        finally:
            self._feed.close()
            for reference in self._running:
                ray.cancel(reference, force=True)
            self.figures.look(time.monotonic(), self._alive)

    def _clear(self) -> None:
        """Has the nodes remove their copies of long recordings, if there are some."""
        if self._joints.has_cut:
            remove = ray.remote(num_cpus=0, max_retries=0)(scratch.remove_unused)
            asked = [remove.options(label_selector={_NODE_LABEL: each}).remote() for each in self._alive]
            ray.wait(asked, num_returns=len(asked), timeout=CLEAR_S)

    @property
    def left_out(self) -> dict[str, HushdError]:
        return {self._hosts[each]: error for each, error in self._nodes.left_out.items()}

    def _look(self) -> None:
        """Looks at the cluster, once a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        self._check()
        self._alive = {str(each["NodeID"]) for each in session.alive()}
        self._places = max(1, int(AHEAD * ray.cluster_resources().get("CPU", 0) / self._cpus))
        self._recall()
        self.figures.look(now, self._alive)
        self._tell()

    def _hand_out(self) -> None:
        while len(self._running) < self._places and (recording := self._next()):
            if recording.is_remote:
                self._send(recording, None, 0)
                continue
            try:
                size = node.size_of(recording.place)
                if size > self._room - self._held and self._held:  # one larger than the room travels alone
                    self._again.appendleft((0, recording))
                    return
                data = ray.put(node.mapped(recording.place))
            except (OSError, ValueError) as error:
                self._put_aside(recording, unreadable(recording, error))
                continue
            self._send(recording, data, size)

    def _next(self) -> Recording | None:
        """Returns the next recording to hand out; None if there is none now."""
        while self._again and (self._again[0][0] <= self._handed_out or self._feed.has_ended):
            recording = self._again.popleft()[1]
            if self._joints.is_live(recording):
                return recording
        while self._silent and self._feed.has_ended:
            recording = self._silent.popleft()
            if self._joints.is_live(recording):
                return recording
        return self._feed.take()

    def _send(self, recording: Recording, data: Any, size: int) -> None:
        """Sends a recording to a node at which it has not failed."""
        avoided = self._avoided(recording)
        others = {_NODE_LABEL: f"!in({','.join(avoided)})"} if avoided else None
        options = {**self._options, **recording.options}
        task = Task(recording, options, self._outputs.form, self._outputs.url, self._joints.stretch_s, self._run)
        reference = self._task.options(label_selector=others).remote(data, task)
        self._running[reference] = Sent(recording, size, frozenset(avoided))
        self._held += size
        self._handed_out += 1
        reference.future().add_done_callback(partial(self._tell_end, reference))

    def _avoided(self, recording: Recording) -> list[str]:
        """Returns the nodes that it is not sent to: where it failed, and those that leave while there are others."""
        avoided = self._nodes.avoided(recording.key, self._alive)
        now = time.monotonic()
        leaving = {node_id for node_id, since in self._leaving.items() if now - since < LEFT_S} & self._alive
        return sorted(leaving.union(avoided)) if self._alive - leaving.union(avoided) else avoided

    def _tell_end(self, reference: Any, result: Any) -> None:
        self._news.put((reference, result))

    def _recall(self) -> None:
        """Takes back tasks that wait for a lost node: Ray would keep them forever."""
        for reference, sent in list(self._running.items()):
            if sent.avoided and not self._alive - sent.avoided:
                ray.cancel(reference, force=True)
                del self._running[reference]
                self._held -= sent.size
                self._again.append((0, sent.recording))

    def _ended(self) -> list[tuple[Any, Outcome]]:
        """Waits a while for a result; returns all that have arrived."""
        wait_s = LOOK_S if self._feed.has_ended or len(self._running) >= self._places else LOOK_S / 20
        news = []
        try:
            news.append(self._news.get(timeout=wait_s))
            while True:
                news.append(self._news.get_nowait())
        except queue.Empty:
            pass
        return [(reference, _outcome(result)) for reference, result in news]

    def _take(self, recording: Recording, outcome: Outcome) -> None:
        name, error = recording.name, outcome.error
        self._hosts[outcome.node] = outcome.host
        if not self._joints.is_live(recording):
            return  # a stretch of a recording that was given up
        if outcome.leaves:
            self._leaving[outcome.node] = time.monotonic()
            self._again.appendleft((0, recording))
        elif outcome.long_s:
            language = "" if recording.options.get("language") or self._options.get("language") else outcome.language
            self._again.extendleft((0, each) for each in self._joints.begin(recording, outcome.long_s, language)[::-1])
        elif error is None and recording.stretch:
            self._succeeded(recording, outcome, recordings=0)
            if joint := self._joints.ended(recording):
                self._again.appendleft((0, joint))
        elif error is None:
            if self._is_saved(recording, outcome):
                self._outputs.done(name)
                self._joints.end(recording)
                self._succeeded(recording, outcome)
        elif error.scope == "command" and not (recording.options or outcome.is_its_own):
            raise error  # wrong options fail at every node
        elif error.scope != "machine" and (error.culprit == "supervisor" or error.retry_after_ms is not None):
            self._put_off(recording, error, outcome.is_its_own)
        elif error.scope == "command" or self._is_given_up(recording, outcome, error):
            if self._is_saved(recording, outcome):  # `listen` too keeps the readable part of a truncated recording
                self._put_aside(recording, error)
        else:
            self._again.append((self._handed_out + LATER, recording))

    def _succeeded(self, recording: Recording, outcome: Outcome, recordings: int = 1) -> None:
        self._nodes.succeeded(outcome.node, recording.key, self._alive)
        self._fruitless, self._fruitful = 0, time.monotonic()
        self.figures.count(outcome.node, outcome.host, outcome.sound_s, outcome.work_s, recordings)
        self._tell()

    def _is_saved(self, recording: Recording, outcome: Outcome) -> bool:
        """Writes the transcript that a node sent; returns False if none can have this name, which sets it aside."""
        try:
            if outcome.transcript:
                self._outputs.save(recording.name, outcome.transcript)
        except HushdError as error:
            if error.scope == "machine":
                raise
            self._put_aside(recording, error)
            return False
        return True

    def _is_given_up(self, recording: Recording, outcome: Outcome, error: HushdError) -> bool:
        of_model = error.code in ITS_OWN and bool(recording.options.keys() & {"engine", "model"})
        of_place = outcome.is_its_own and error.scope == "machine" and self._feed.source.is_mixed
        return self._nodes.failed(outcome.node, recording.key, error, self._alive, is_its_own=of_model or of_place)

    def _put_off(self, recording: Recording, error: HushdError, is_its_own: bool) -> None:
        """Queues a recording again whose node was lost, or has no room; to the end if its place does not answer.

        There it is tried again for a minute, and set aside if others were transcribed.
        """
        now = time.monotonic()
        if is_its_own and self._feed.has_ended and (self.figures.done or self._feed.done_before):
            if now - self._silent_since.setdefault(recording.key, now) >= FRUITLESS_S:
                self._put_aside(recording, error)
                return
        else:
            self._fruitless += 1
            if self._fruitless >= FRUITLESS and now - self._fruitful >= FRUITLESS_S:
                raise error
        if is_its_own:
            self._silent.append(recording)
        else:
            self._again.appendleft((0, recording))

    def _put_aside(self, recording: Recording, error: HushdError) -> None:
        name = recording.name
        failure = Failure(error.code, error.message, error.exit_code, max(1, self._nodes.attempts(recording.key)))
        self._joints.end(recording)
        self._outputs.put_aside(name, failure)
        self.failed[name] = failure
        self.figures.set_aside += 1
        self._tell()

    def _tell(self) -> None:
        self.figures.total = self._feed.total
        self._report(self.figures)


def _outcome(result: Any) -> Outcome:
    """Returns the outcome that a finished task has left."""
    try:
        outcome: Outcome = result.result()
        return outcome
    except ray.exceptions.RayError as lost:  # the task was lost
        return Outcome("", "", error=failures.of(lost))


def _store_bytes() -> float:
    """Returns the size of this node's object store, which holds all recordings under way."""
    own = ray.get_runtime_context().get_node_id()
    sizes: list[Any] = [each["Resources"] for each in session.alive() if each["NodeID"] == own]
    return float(sizes[0].get("object_store_memory", 0)) if sizes else 0.0
