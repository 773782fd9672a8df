"""Calls under way: what takes long goes on behind a ticket, and what is cancelled ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread
from hushd_protocol.errors import HushdError
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from .answers import of_task, refusal
from .task import ENDED, Task, TaskRegistry, Work

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

TICK_S = 0.25  # between looks at how far an errand is
NEWS_S = 1.0  # between two progress notifications of the same state
MOST = 200  # at once; also the most that may wait for the floor


class Calls:
    """How the calls of one server are answered.

    Args:
        desk: its errands.
        patience: seconds after which a call is answered with a ticket.
        holder: whose name `hushd status` shows; None: what the host calls itself.
    """

    def __init__(self, desk: TaskRegistry, patience: float, holder: str | None) -> None:
        self.desk = desk
        self._patience = patience
        self._holder = holder
        self._threads: anyio.CapacityLimiter | None = None

    async def carry_out(self, context: Context, kind: str, work: Work, *, wait: bool = True) -> CallToolResult:
        """The result of `work`, or its ticket: after a while, or at once where nobody is to wait."""
        try:
            task = self.desk.begin(kind, self.holder(context), work)
        except HushdError as error:
            return refusal(error.message, "failed")
        return await self.attend(context, task, math.inf if wait else 0.0)

    async def attend(self, context: Context, task: Task, seconds: float) -> CallToolResult:
        """The end of an errand, or how far it is after so many seconds, which are never more than a call may take.

        The host is told how far it is. A call that is cancelled ends the errand.
        """
        began = time.monotonic()
        patience = min(seconds, self._patience)
        news = News(context, began)
        try:
            while not task.finished.is_set() and (left := began + patience - time.monotonic()) > 0:
                await news.tell(task)
                await self._in_thread(task.finished.wait, min(left, TICK_S))
        except anyio.get_cancelled_exc_class():
            task.stop()
            raise
        return of_task(task)

    async def ask(self, ask: Callable[[], CallToolResult]) -> CallToolResult:
        """What `ask` returns, off the event loop."""
        try:
            return await self._in_thread(ask)
        except HushdError as error:
            return refusal(error.message)

    async def _in_thread(self, function: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
        """What `function` returns. A cancelled call does not wait for it."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(MOST)
        return await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True, limiter=self._threads)

    def holder(self, context: Context) -> str:
        """Who asks, as `hushd status` shows it."""
        host = context.session.client_params
        name = self._holder or (host.client_info.name if host else "")
        return "".join(sign for sign in name if sign.isprintable())[:40].strip() or "mcp"


class News:
    """Progress notifications of one call: at every change, and now and then in between.

    They count seconds: of the recording where there is one, else of the call.
    """

    def __init__(self, context: Context, began: float) -> None:
        self._context = context
        self._began = began
        self._told = ("", "")
        self._at = 0.0
        self._progress = -1.0  # it must grow

    async def tell(self, task: Task) -> None:
        """Tells where the errand is, if that is new."""
        now = time.monotonic()
        state, heard = task.state, task.heard
        done, total = task.audio or (now - self._began, None)
        old = now - self._at < NEWS_S and (state, heard) == self._told
        if state in ENDED or old or done <= self._progress:
            return
        self._told, self._at, self._progress = (state, heard), now, done
        await self._context.report_progress(done, total, f"{state}: {heard[-200:]}" if heard else state)
