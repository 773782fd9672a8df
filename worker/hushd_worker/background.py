"""A call on a separate thread, and its result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Background:
    """Calls `call` on a thread from its construction on."""

    def __init__(self, call: Callable[[], Any], name: str) -> None:
        self._call = call
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # passed to the waiting thread
            self._error = error

    def wait(self, seconds: float | None = None) -> bool:
        """Waits at most `seconds` for the end of the call; returns whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Any:
        """Waits for the end of the call; returns its result, or raises its exception."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result
