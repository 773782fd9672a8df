"""Calls of tools: a call is answered with its task's result, or before the host's timeout with a ticket; a cancelled
call ends its task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from hushd_mcp.work import ENDED, Task, TaskRegistry, Work

from .answers import of_task, refusal

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

HOST_TIMEOUT_S = 25.0  # hosts give up after 60 s, some of them after 30
MAX_THREADS = 200  # threads of all sessions that share the calls
PROGRESS_INTERVAL_S = 0.25  # seconds between two looks at a task's progress
REPORT_S = 1.0  # seconds between two progress notifications of the same state


class Calls:
    """Answers the calls of one server.

    Over standard input and output a ticket is useless to a host that starts a process for each call, because its tasks
    end with the process. Such a host calls without listing the tools first. Its call is answered when the task has
    ended.

    Args:
        patience: seconds after which a call is answered with a ticket; None: `HOST_TIMEOUT_S`, except for such hosts.
        holder: the name shown by `hushd status`; None: the host's own.

    Attributes:
        resumable: whether the host can come back with a ticket.
        voice: that speaks where a call names none; empty for the configured one.
    """

    def __init__(self, tasks: TaskRegistry, patience: float | None = None, holder: str | None = None) -> None:
        self.tasks = tasks
        self.voice = ""
        self._at_once = 0
        self.resumable = patience is not None
        self._patience = HOST_TIMEOUT_S if patience is None else patience
        self._holder = holder
        self._threads: anyio.CapacityLimiter | None = None

    @classmethod
    def of(cls, tasks: TaskRegistry, about: JsonObject) -> Calls:
        """Returns the calls of the session that a pipe describes: `holder`, `patience`, `voice`, `resumable`."""
        calls = cls(tasks, about.get("patience"), about.get("holder"))
        calls.resumable = calls.resumable or bool(about.get("resumable"))
        calls.voice = about.get("voice") or ""
        return calls

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds one of the session's places for calls meanwhile. Raises `server_busy` if it has none left."""
        if self._at_once >= self.tasks.most:
            raise HushdError(
                "server_busy", f"{self.tasks.most} calls of this session run already: call again after one."
            )
        self._at_once += 1
        try:
            yield
        finally:
            self._at_once -= 1

    async def carry_out(self, context: Context, kind: str, work: Work, *, wait: bool = True) -> CallToolResult:
        """Returns the result of `work`, or its ticket after `patience`, or at once without `wait`."""
        try:
            task = self.tasks.begin(kind, self.holder(context), work)
        except HushdError as error:
            return refusal(error)
        return await self.attend(context, task, math.inf if wait or not self.resumable else 0.0)

    async def attend(self, context: Context, task: Task, seconds: float) -> CallToolResult:
        """Returns the task's result, or its state after `seconds`, at most as long as a call may take.
        The host gets progress notifications meanwhile. A cancelled call ends the task."""
        began = time.monotonic()
        patience = min(seconds, self._patience if self.resumable else math.inf)
        progress = ProgressReporter(context, began)
        try:
            with task.awaited():
                while not task.finished.is_set() and (left := began + patience - time.monotonic()) > 0:
                    await progress.report(task)
                    await self._in_thread(task.finished.wait, min(left, PROGRESS_INTERVAL_S))
        except anyio.get_cancelled_exc_class():
            task.end()
            raise
        task.reported = task.finished.is_set()
        return of_task(task)

    async def ask(self, ask: Callable[[], CallToolResult]) -> CallToolResult:
        """Returns the result of `ask`, run off the event loop."""
        try:
            return await self._in_thread(ask)
        except HushdError as error:
            return refusal(error)

    def holder(self, context: Context) -> str:
        """Returns the caller's name, as `hushd status` shows it."""
        host = context.session.client_params
        name = self._holder or (host.client_info.name if host else "")
        return "".join(sign for sign in name if sign.isprintable())[:40].strip() or "mcp"

    async def _in_thread(self, function: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
        """Returns the result of `function`, run on a thread. A cancelled call does not wait for it."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(MAX_THREADS)
        return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=self._threads)


class ProgressReporter:
    """Sends a call's progress notifications: at every change, and every `REPORT_S` in between.
    They count the recording's seconds, or the call's if there is no recording."""

    def __init__(self, context: Context, began: float) -> None:
        self._context = context
        self._began = began
        self._reported = ("", "")
        self._reported_at = 0.0
        self._progress = -1.0  # each report must be higher

    async def report(self, task: Task) -> None:
        """Sends the task's state, if it is new."""
        now = time.monotonic()
        state, heard_text = task.state, task.heard
        done, total = task.audio or (now - self._began, None)
        old = now - self._reported_at < REPORT_S and (state, heard_text) == self._reported
        if state in ENDED or old or done <= self._progress:
            return
        self._reported, self._reported_at, self._progress = (state, heard_text), now, done
        await self._context.report_progress(done, total, f"{state}: {heard_text[-200:]}" if heard_text else state)
