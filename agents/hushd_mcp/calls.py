"""Calls of tools: each is answered with its task's result, or in time with a ticket; a cancelled call ends its task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread
from hushd.voice_assignments import names
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from .answers import of_task, refusal
from .task import ENDED, Task, TaskRegistry, Work

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

PATIENCE_S = 25.0  # hosts give up after 60 s, some of them after 30
MARGIN = 0.8  # of a host's limit, so that the answer arrives before it
TICK_S = 0.25  # between two looks at a task's progress
REPORT_S = 1.0  # between two progress notifications of the same state
MOST = 200  # calls at once; also the most that may wait for the floor


class Calls:
    """Answers the calls of one server.

    Over standard input and output a ticket is worth nothing to a host that starts a process for each call, because its
    tasks end with the process. Such a host is known by its first call: it comes without a look at the list of tools.
    That call is answered when its task has ended.

    Args:
        tasks: the tasks of the calls.
        patience: seconds after which a call is answered with a ticket; None: `PATIENCE_S`, but for such hosts.
        holder: the name shown by `hushd status`; None: the host's own.
        shared: whether any number of sessions have the same tasks, so that a ticket outlives its own.
        folder: in which the host has started its server; empty: unknown.

    Attributes:
        resumable: whether the host can come back with a ticket.
        answered: the id of an `initialize` that has had its answer; None: there is none.
        called: the time at which a request came or was answered last.
    """

    def __init__(
        self,
        tasks: TaskRegistry,
        patience: float | None = None,
        holder: str | None = None,
        *,
        shared: bool = False,
        folder: str = "",
    ) -> None:
        self.tasks = tasks
        self.answered: object = None
        self.called = time.monotonic()
        self._open = 0
        self.resumable = shared or patience is not None
        self._patience = PATIENCE_S if patience is None else patience
        self._limits: dict[str | None, float] = {}  # of sessions, see `note_cancelled`
        self._began: dict[tuple[str | None, str], float] = {}  # by session and request
        self._holder = holder
        self._folder = folder
        self._threads: anyio.CapacityLimiter | None = None

    @classmethod
    def of(cls, tasks: TaskRegistry, about: JsonObject) -> Calls:
        """Those of the session that a relay tells about: `holder`, `patience` and `folder`, the `answered` request, and
        what an earlier process has `remembered`."""
        calls = cls(tasks, about.get("patience"), about.get("holder"), folder=about["folder"])
        calls.resumable = calls.resumable or bool(about.get("resumable"))
        if about.get("limit"):
            calls._limits[""] = about["limit"]
        calls.answered = about.get("answered")
        return calls

    def remembered(self) -> JsonObject:
        """The facts about the host that the next process for its session has to know."""
        return {"resumable": self.resumable, "limit": self._limits.get("")}

    def resting_since(self) -> float:
        """The time since which there was nothing to do: no call, no task, and no result that may still be asked for."""
        return time.monotonic() if self._open or self.tasks.awaited() else self.called

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Marks a request that is not answered."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self.called = time.monotonic()

    async def carry_out(
        self, context: Context, kind: str, work: Work, *, wait: bool = True, word: str = ""
    ) -> CallToolResult:
        """The result of `work`, or its ticket: after `patience`, or at once without `wait`. `word`: see `Task`."""
        try:
            task = self.tasks.begin(kind, self.holder(context), work, session_of(context.request_context), word)
        except HushdError as error:
            return refusal(error)
        return await self.attend(context, task, math.inf if wait or not self.resumable else 0.0)

    async def attend(self, context: Context, task: Task, seconds: float) -> CallToolResult:
        """The task's result, or its state after `seconds`, which are never more than a call may take.

        Meanwhile the host gets progress notifications. A cancelled call ends the task.
        """
        began = time.monotonic()
        request = (session_of(context.request_context), str(context.request_id))
        patience = min(seconds, self._limit(request[0]))
        progress = ProgressReporter(context, began)
        self._began[request] = began
        if len(self._began) > MOST:  # a call that ends with its stream is never popped
            del self._began[next(iter(self._began))]
        try:
            with task.awaited():
                while not task.finished.is_set() and (left := began + patience - time.monotonic()) > 0:
                    await progress.report(task)
                    await self._in_thread(task.finished.wait, min(left, TICK_S))
        except anyio.get_cancelled_exc_class():
            task.end()
            raise
        self._began.pop(request, None)
        task.told = task.finished.is_set()
        return of_task(task)

    async def ask(self, ask: Callable[[], CallToolResult]) -> CallToolResult:
        """The result of `ask`, which runs off the event loop."""
        try:
            return await self._in_thread(ask)
        except HushdError as error:
            return refusal(error)

    def note_cancelled(self, session: str | None, params: JsonObject) -> None:
        """Learns a host's limit from a cancellation that has it as the reason: the next calls end before it."""
        began = self._began.pop((session, str(params.get("requestId"))), None)
        if session is not None and began is not None and "timed out" in str(params.get("reason")):
            self._limits[session] = (time.monotonic() - began) * MARGIN

    def holder(self, context: Context) -> str:
        """The caller's name, as `hushd status` shows it."""
        host = context.session.client_params
        name = self._holder or (host.client_info.name if host else "")
        return "".join(sign for sign in name if sign.isprintable())[:40].strip() or "mcp"

    def speaker(self, context: Context) -> str:
        """The name under which people speak of the caller: that of the project in whose folder its host has started
        its server; the host's own where that is unknown, or no project's."""
        name = names.of_folder(self._folder) if self._folder and not self._holder else ""
        return self.holder(context) if name.startswith("agent") or not name else name

    def _limit(self, session: str | None) -> float:
        """Seconds that a call of this session may take."""
        if not self.resumable:
            return math.inf
        return min(self._patience, self._limits.get(session, math.inf))

    async def _in_thread(self, function: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
        """The result of `function`. A cancelled call does not wait for it."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(MOST)
        return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=self._threads)


def session_of(context: ServerRequestContext[Any, Any]) -> str | None:
    """The name of the host's session: over standard input and output there is one; None where each request stands
    alone."""
    return "" if context.request is None else context.request.headers.get("mcp-session-id")


class ProgressReporter:
    """Progress notifications of one call: at every change, and once in `REPORT_S` in between.

    They count seconds: of the recording where there is one, else of the call.
    """

    def __init__(self, context: Context, began: float) -> None:
        self._context = context
        self._began = began
        self._reported = ("", "")
        self._at = 0.0
        self._progress = -1.0  # it must grow

    async def report(self, task: Task) -> None:
        """Sends the task's state, if that is new."""
        now = time.monotonic()
        state, heard = task.state, task.heard
        done, total = task.audio or (now - self._began, None)
        old = now - self._at < REPORT_S and (state, heard) == self._reported
        if state in ENDED or old or done <= self._progress:
            return
        self._reported, self._at, self._progress = (state, heard), now, done
        await self._context.report_progress(done, total, f"{state}: {heard[-200:]}" if heard else state)
