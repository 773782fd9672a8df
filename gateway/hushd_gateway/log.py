"""The gateway's log, bounded so that programs cannot fill the disk by causing entries."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from hushd_protocol.system import best_effort, log_files
from hushd_protocol.system.log_files import LogStream

MAX_LOG_LINE_CHARACTERS = 8192  # characters


class BoundedLog(LogStream):
    """Writes to standard error; at 1 MB moves the log file `path` aside."""

    def __init__(self, path: Path) -> None:
        super().__init__(2)
        self._path = path

    def _write(self, lines: list[str]) -> None:
        super()._write([line[:MAX_LOG_LINE_CHARACTERS] for line in lines if line.strip()])
        log_files.rotate(self._path)


class Brief(logging.Formatter):
    """Writes the kind and place of an error in place of its traceback and its text, which may contain speech."""

    def formatException(self, ei: Any) -> str:
        return _brief(ei[1])


def _brief(error: BaseException) -> str:
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "unknown"
    return f"{type(error).__name__} at {place}"


def report(error: BaseException, what: str) -> None:
    """Logs that `what` has failed, in one line."""
    print(f"{what} failed: {_brief(error)}", file=sys.stderr)


def take_over(path: Path) -> None:
    """Takes logging over, without asyncio's warnings, a line for each write to an ended connection."""
    sys.stderr = BoundedLog(path)
    best_effort.report_to(lambda sentence: print(sentence, file=sys.stderr))
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    assert logging.lastResort
    logging.lastResort.setFormatter(Brief())
