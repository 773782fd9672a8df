"""Spreads a corpus over the cluster: one Ray task a recording, and one driver that sends recordings and writes
transcripts.

The bytes travel with the task, so nodes need no shared folder. A task that died with its node is sent again: only the
driver writes transcripts, so none is written twice. `nodes` decides whose fault a failure is.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import ray
from hushd import Client
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError

from . import failures, node, session
from .corpus import Corpus, Failure
from .nodes import Nodes

AHEAD = 2  # tasks for each CPU: the next one's bytes travel while one runs
LOOK_S = 1.0  # between two counts of the cluster's nodes
PATIENCE_S = 10.0  # longest wait of a task whose node has no room
FRUITLESS = 50  # failures in a row that are not a recording's fault, after which the cluster itself is at fault
STORE_SHARE = 0.5  # the share of the driver node's object store for recordings under way
_NODE_LABEL = "ray.io/node-id"


class Sent(NamedTuple):
    """A recording under way: its size in bytes, and the nodes that it was to avoid."""

    name: str
    size: int
    avoided: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A recording's outcome at a node.

    Attributes:
        node, host: the node's id in Ray, and its host name.
        transcript: with an error, of the part that could be read.
    """

    node: str
    host: str
    transcript: Transcript | None = None
    error: HushdError | None = None


class Spread:
    """One run over a corpus.

    Args:
        options: for `Client.transcribe`, besides the audio.
        attempts: failures or crashes after which a recording is set aside.
        cpus: reserved by Ray for each recording.
        report: called at each recording's end with the numbers done and in total.

    Attributes:
        failed: the recordings set aside in this run.
        left_out: the reasons why nodes were left out, by host name.
    """

    def __init__(
        self,
        corpus: Corpus,
        names: list[str],
        options: Mapping[str, Any],
        *,
        attempts: int = 3,
        cpus: float = 1.0,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._corpus = corpus
        self._waiting = deque(names)
        self._total = len(names)
        self._ended = 0
        self._running: dict[Any, Sent] = {}  # by the result's reference
        self._alive: set[str] = set()  # nodes at the last count
        self._nodes = Nodes(attempts)
        self._hosts: dict[str, str] = {}
        self._room = 0.0  # bytes of recordings under way that the driver may hold
        self._fruitless = 0
        self._options = dict(options)
        self._cpus = cpus
        self._report = report
        self._task = ray.remote(num_cpus=cpus, max_retries=0, scheduling_strategy="SPREAD")(_transcribe)
        self.failed: dict[str, Failure] = {}

    def run(self) -> None:
        """Transcribes all recordings.

        Raises:
            HushdError: an error that affects all recordings, such as a missing model.
        """
        self._room = _store_bytes() * STORE_SHARE
        try:
            while self._waiting or self._running:
                self._alive = {str(each["NodeID"]) for each in session.alive()}
                self._recall()
                self._hand_out()
                for reference in _ended(list(self._running)):
                    self._take(self._running.pop(reference).name, reference)
        finally:
            for reference in self._running:
                ray.cancel(reference, force=True)

    @property
    def left_out(self) -> dict[str, HushdError]:
        return {self._hosts[each]: error for each, error in self._nodes.left_out.items()}

    def _hand_out(self) -> None:
        places = max(1, int(AHEAD * ray.cluster_resources().get("CPU", 0) / self._cpus))
        room = self._room - sum(sent.size for sent in self._running.values())
        while self._waiting and len(self._running) < places:
            name = self._waiting.popleft()
            try:
                size = os.path.getsize(self._corpus.path(name))
                if size > room and self._running:  # one larger than the room travels alone
                    self._waiting.appendleft(name)
                    return
                data = ray.put(node.mapped(self._corpus.path(name)))
            except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
                why = getattr(error, "strerror", None) or "it is empty"
                self._put_aside(name, HushdError("input_unreadable", f"{name!r} cannot be read ({why})."))
                continue
            room -= size
            self._send(name, data, size)

    def _send(self, name: str, data: Any, size: int) -> None:
        """Sends a recording to a node at which it has not failed."""
        avoided = self._nodes.avoided(name, self._alive)
        others = {_NODE_LABEL: f"!in({','.join(avoided)})"} if avoided else None
        reference = self._task.options(label_selector=others).remote(data, name, self._options)
        self._running[reference] = Sent(name, size, frozenset(avoided))

    def _recall(self) -> None:
        """Takes back tasks that wait for a lost node: Ray would keep them forever."""
        for reference, sent in list(self._running.items()):
            if sent.avoided and not self._alive - sent.avoided:
                ray.cancel(reference, force=True)
                del self._running[reference]
                self._waiting.append(sent.name)

    def _take(self, name: str, reference: Any) -> None:
        try:
            outcome: Outcome = ray.get(reference)
        except ray.exceptions.RayError as lost:  # the task was lost
            outcome = Outcome("", "", error=failures.of(lost))
        error = outcome.error
        self._hosts[outcome.node] = outcome.host
        if error is None:
            assert outcome.transcript
            self._corpus.save(name, outcome.transcript)
            self._nodes.succeeded(outcome.node, name, self._alive)
            self._fruitless = 0
            self._end()
        elif error.scope == "command":  # wrong options fail at every node
            raise error
        elif error.scope != "machine" and (error.culprit == "supervisor" or error.retry_after_ms is not None):
            self._again(name, error)
        elif self._nodes.failed(outcome.node, name, error, self._alive):
            if outcome.transcript:  # `listen` too keeps the readable part of a truncated recording
                self._corpus.save(name, outcome.transcript)
            self._put_aside(name, error)
        else:
            self._waiting.append(name)

    def _again(self, name: str, error: HushdError) -> None:
        """Queues a recording again whose node was lost, or has no room."""
        self._fruitless += 1
        if self._fruitless >= FRUITLESS:
            raise error
        self._waiting.appendleft(name)

    def _put_aside(self, name: str, error: HushdError) -> None:
        failure = Failure(error.code, error.message, error.exit_code, max(1, self._nodes.attempts(name)))
        self._corpus.put_aside(name, failure)
        self.failed[name] = failure
        self._end()

    def _end(self) -> None:
        self._ended += 1
        self._report(self._ended, self._total)


def _ended(running: list[Any]) -> list[Any]:
    """Waits for a result and returns all that have arrived, since each wait is a round trip."""
    if not running:
        return []
    first, others = ray.wait(running, timeout=LOOK_S)
    more: list[Any] = ray.wait(others, num_returns=len(others), timeout=0)[0] if first and others else []
    return [*first, *more]


def _store_bytes() -> float:
    """Returns the size of this node's object store, which holds all recordings under way."""
    own = ray.get_runtime_context().get_node_id()
    sizes: list[Any] = [each["Resources"] for each in session.alive() if each["NodeID"] == own]
    return float(sizes[0].get("object_store_memory", 0)) if sizes else 0.0


def _transcribe(data: bytes, name: str, options: Mapping[str, Any]) -> Outcome:
    """Transcribes a recording on a node; returns errors, since Ray would wrap exceptions."""
    node_id = ray.get_runtime_context().get_node_id()
    host = f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"
    segments: list[Any] = []
    try:
        with (
            node.as_file(data, name) as path,
            closing(_client().transcribe_stream(path, priority="progress", **options)) as transcription,
        ):
            for segment in transcription:
                segments.append(segment)
            return Outcome(node_id, host, replace(transcription.transcript(), segments=tuple(segments)))
    except HushdError as error:
        if error.retry_after_ms:  # waits in this task's slot, so that no other task is sent here meanwhile
            time.sleep(min(PATIENCE_S, error.retry_after_ms / 1000))
        read_s = error.detail.get("read_s")
        begun = Transcript(tuple(segments), duration=float(read_s)) if segments and read_s else None
        return Outcome(node_id, host, begun, error)
    except OSError as error:
        return Outcome(
            node_id, host, error=HushdError("output_failed", f"It cannot keep a recording ({error.strerror}).")
        )


@cache
def _client() -> Client:
    """Returns this Ray process's client of the node's supervisor."""
    node.prepare()
    return Client(holder=node.HOLDER)
