"""Combines calls of a model by several tasks into one.

Each task is a package's own algorithm for one piece of audio, on a separate thread. Whenever all tasks wait for a call,
compatible calls are made as one, with a batch as input. So each task decides about windows, second tries and words as
it would alone, and its text is the same.

faster-whisper's own `BatchedInferencePipeline` does less (1.2): it decodes each piece at the first temperature alone,
without a second try of a doubtful text, and all with one language and one prompt, where the pieces here are of several
jobs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Together = Callable[[list[Any]], Sequence[Any]]  # makes of several items their results, in the same order

_here = threading.local()


def call(key: Hashable, item: Any, together: Together) -> Any:
    """Returns the result for `item` of a call of the model: alone, or in a rendezvous together with others of its
    `key`.
    `together`: makes the call, for the items of all combined tasks."""
    rendezvous: Rendezvous[Any] | None = getattr(_here, "rendezvous", None)
    return together([item])[0] if rendezvous is None else rendezvous.wait_for(key, item, together)


def alone(act: Callable[[], T]) -> T:
    """Runs `act`, during which no other task of the same rendezvous runs, and returns its result."""
    return call(object(), None, lambda _: [act()])  # type: ignore[no-any-return]


def run(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Runs `tasks`, whose calls are combined and made on this thread, and returns their results. Raises the first
    exception of a task; an exception of a call is raised in each of its tasks."""
    return [task() for task in tasks] if len(tasks) == 1 else Rendezvous[T]().run(tasks)


@dataclass(eq=False)
class _Call:
    key: Hashable
    item: Any
    together: Together
    result: Any = None
    error: BaseException | None = None
    made: bool = False


class Rendezvous(Generic[T]):
    """Runs tasks concurrently until they have ended; at most one of them uses the model at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[_Call] = []
        self._active = 0  # the number of tasks that neither wait nor have ended

    def run(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Runs `tasks`, like the function `run`."""
        results: list[Any] = [None] * len(tasks)
        errors: list[BaseException] = []
        self._active = len(tasks)

        def run_one(number: int, task: Callable[[], T]) -> None:
            _here.rendezvous = self
            try:
                results[number] = task()
            except BaseException as error:
                errors.append(error)
            self._count_down()

        threads = [
            threading.Thread(target=run_one, args=(number, task), name=f"piece-{number}", daemon=True)
            for number, task in enumerate(tasks)
        ]
        for thread in threads:
            thread.start()
        while calls := self._next_calls():
            self._make(calls)
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return results

    def wait_for(self, key: Hashable, item: Any, together: Together) -> Any:
        """Waits until a task's call has been made, and returns its result."""
        mine = _Call(key, item, together)
        with self._changed:
            self._calls.append(mine)
            self._count_down()
            self._changed.wait_for(lambda: mine.made)
        if mine.error is not None:
            raise mine.error
        return mine.result

    def _count_down(self) -> None:
        """Counts a task that now waits or has ended."""
        with self._changed:
            self._active -= 1
            self._changed.notify_all()

    def _next_calls(self) -> list[_Call]:
        """Returns the calls for which all tasks wait; none once they have all ended."""
        with self._changed:
            self._changed.wait_for(lambda: not self._active)
            calls, self._calls = self._calls, []
            return calls

    def _make(self, calls: list[_Call]) -> None:
        groups: dict[Hashable, list[_Call]] = {}
        for call in calls:
            groups.setdefault(call.key, []).append(call)
        for group in groups.values():
            try:
                for call, result in zip(group, group[0].together([call.item for call in group]), strict=True):
                    call.result = result
            except BaseException as error:
                for call in group:
                    call.error = error
        with self._changed:
            self._active = len(calls)
            for call in calls:
                call.made = True
            self._changed.notify_all()
