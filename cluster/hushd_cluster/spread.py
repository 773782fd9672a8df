"""A corpus spread over the cluster: a task of Ray a recording, and one driver that hands out and writes down.

The bytes travel with the task, so the nodes share no folder. A task that dies with its node brings nothing, and is sent
again: the driver alone writes transcripts, so none is written twice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import ray
from hushd import Client
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError

from . import failures, node
from .corpus import Corpus, Failure

AHEAD = 2  # tasks for each CPU: while one is at work the bytes of the next travel
LOOK_S = 1.0  # for results, before the cluster is counted anew
PATIENCE_S = 10.0  # longest wait of a task whose node has no room
FRUITLESS = 50  # failures in a row that are no recording's fault, after which the cluster itself is at fault
OF_ALL = ("bad_request", "unsupported", "engine_missing", "model_missing", "version_mismatch", "no_supervisor")


class Spread:
    """One run over a corpus.

    Args:
        options: of `Client.transcribe`, besides its audio.
        attempts: after which a recording that fails, or that kills what works on it, is set aside.
        cpus: that Ray reserves for each recording.
        report: called with the numbers of recordings done and of all, when one has ended.

    Attributes:
        failed: those that were set aside in this run.
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
        self._running: dict[Any, str] = {}  # by the reference to the result
        self._tries: dict[str, int] = {}
        self._fruitless = 0
        self._options = dict(options)
        self._attempts = attempts
        self._cpus = cpus
        self._report = report
        self._task = ray.remote(_transcribe).options(num_cpus=cpus, max_retries=0, scheduling_strategy="SPREAD")
        self.failed: dict[str, Failure] = {}

    def run(self) -> None:
        """Transcribes all recordings.

        Raises:
            HushdError: what keeps all of them from being transcribed, such as a model that is not there.
        """
        try:
            while self._waiting or self._running:
                self._hand_out()
                done, _ = ray.wait(list(self._running), timeout=LOOK_S)
                for reference in done:
                    self._take(self._running.pop(reference), reference)
        finally:
            for reference in self._running:
                ray.cancel(reference, force=True)

    def _hand_out(self) -> None:
        room = max(1, int(AHEAD * ray.cluster_resources().get("CPU", 0) / self._cpus))
        while self._waiting and len(self._running) < room:
            name = self._waiting.popleft()
            try:
                data = ray.put(node.mapped(self._corpus.path(name)))
            except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
                why = getattr(error, "strerror", None) or "it is empty"
                self._put_aside(name, HushdError("input_unreadable", f"{name!r} cannot be read ({why})."))
                continue
            self._running[self._task.remote(data, name, self._options)] = name

    def _take(self, name: str, reference: Any) -> None:
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            outcome = failures.of(error)
        if isinstance(outcome, Transcript):
            self._corpus.save(name, outcome)
            self._fruitless = 0
            self._end()
        elif outcome.code in OF_ALL:
            raise outcome
        elif outcome.culprit == "supervisor" or outcome.retry_after_ms is not None:
            self._again(name, outcome)
        else:
            self._tries[name] = self._tries.get(name, 0) + 1
            if outcome.retryable and self._tries[name] < self._attempts:
                self._waiting.append(name)
            else:
                self._put_aside(name, outcome)

    def _again(self, name: str, error: HushdError) -> None:
        """Queues a recording that is not at fault: its node has gone, or has no room."""
        self._fruitless += 1
        if self._fruitless >= FRUITLESS:
            raise error
        self._waiting.appendleft(name)

    def _put_aside(self, name: str, error: HushdError) -> None:
        failure = Failure(error.code, error.message, error.exit_code, max(1, self._tries.get(name, 0)))
        self._corpus.put_aside(name, failure)
        self.failed[name] = failure
        self._end()

    def _end(self) -> None:
        self._ended += 1
        self._report(self._ended, self._total)


def _transcribe(data: bytes, name: str, options: Mapping[str, Any]) -> Transcript | HushdError:
    """On a node: transcribes a recording; returns what went wrong, since Ray would wrap what is raised."""
    try:
        with node.as_file(data, name) as path:
            return _client().transcribe(path, priority="progress", **options)
    except HushdError as error:
        if error.retry_after_ms:  # in our slot, so that nothing else is sent here meanwhile
            time.sleep(min(PATIENCE_S, error.retry_after_ms / 1000))
        return error


@cache
def _client() -> Client:
    """The node's, once for each process of Ray."""
    node.prepare()
    return Client(holder=node.HOLDER)
