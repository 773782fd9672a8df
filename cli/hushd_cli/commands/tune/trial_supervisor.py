"""A private supervisor, in its own folders, to try settings with real workers.

The user's supervisor and configuration are not touched; models are shared. The workers have a separate memory budget,
within the machine's free memory.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from hushd.audio.source import Audio
from hushd.client import Client
from hushd_protocol.errors import BUSY, HushdError
from hushd_protocol.system import paths
from hushd_schema import toml
from hushd_schema.settings.editing import plain, with_values
from hushd_schema.toml import Table

from .search import Environment, Measured, Trial, variables, words

RUNS = 5  # of which the median counts, after one pass to warm up
RUN_S = 1.0  # the least duration of a run: shorter work is repeated, since clock and scheduler are noisy
MAX_PASSES = 50  # of the work in a run
_LEFT_S = 30  # that worker and supervisor stay once a SIGKILL has ended the command, whatever the user's own do
_ADDRESSES = ("http", "wyoming")  # tables that make a supervisor listen


class TrialSupervisor:
    """A context manager; `client` is connected to the supervisor in it.

    Args:
        worker: a full name, `stt/moonshine/tiny-en`.
        sample: the recording to transcribe, or the text to speak.
        until: the monotonic time at which a run is given up.
    """

    def __init__(self, worker: str, sample: Audio | str, until: float) -> None:
        self.worker = worker
        self.audio_s = 0.0  # of the sample
        self._passes = 0  # of the work in a run; 0: not known yet
        self._role, self._engine, self._model = worker.split("/")
        self.variables = variables(self._engine, self._role)
        self._sample = sample
        self._until = until
        user = paths.find()
        self._config = toml.read(user.config)
        self._own_environment = own_settings(self._config, worker).get("environment", {})
        self._models = user.models

    @property
    def before(self) -> Environment:
        """The configured values of the tuned variables."""
        return {name: value for name, value in self._own_environment.items() if name in self.variables}

    def __enter__(self) -> TrialSupervisor:
        # A short path, since it has sockets.
        with _reported():
            self._folder = Path(tempfile.mkdtemp(prefix="hushd-tune-", dir="/tmp" if os.path.isdir("/tmp") else None))
        try:
            self._configure(self.before)
        except HushdError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._environment = dict(os.environ)
        os.environ |= {
            "HUSHD_RUNTIME_DIR": str(self._folder / "run"),
            "HUSHD_STATE_DIR": str(self._folder / "state"),
            "HUSHD_CONFIG": str(self._folder / "config.toml"),
            "HUSHD_MODELS_DIR": str(self._models),
            "HUSHD_AUTOSTART": "1",
        }
        for name in self.variables:  # the tried settings are in the configuration
            os.environ.pop(name, None)
        self.client = Client(holder="tune")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.client.shutdown()
        except HushdError:
            pass  # it never ran, or has ended
        finally:
            self.client.close()
            os.environ.clear()
            os.environ.update(self._environment)
            shutil.rmtree(self._folder, ignore_errors=True)

    def environment(self, tried: Environment) -> dict[str, str]:
        """Returns the worker's configured environment with these settings."""
        return {name: value for name, value in self._own_environment.items() if name not in self.variables} | dict(
            tried
        )

    def measure(self, tried: Environment, report: Callable[[], None] = lambda: None) -> Trial:
        """Starts the worker with these settings and lets it work; `report` is called before each run.

        Raises:
            HushdError: `deadline_exceeded` if there is no time left; errors that other settings would not change, such
                as `model_missing`, `input_unreadable`, or `server_busy` before anything has worked.
        """
        try:
            self._configure(tried)
            self.client.unload()
            self.client.reload()
            self.client.preload(self.worker)
            report()
            text = self._warm_up()
            runs = []
            for _ in range(RUNS):
                report()
                runs.append(self._run())
            return Trial(dict(tried), Measured.of(runs, self._memory_mb(), text))
        except HushdError as error:
            lasting = error.scope == "machine" or error.code in ("deadline_exceeded", "input_unreadable")
            if lasting or (error.code in BUSY and not self._passes):  # nothing has worked: others hold the memory
                raise
            return Trial(dict(tried), None, error.message)

    def _warm_up(self) -> str:
        """Works twice, to warm the worker up and to find how often the work fits into a run."""
        self._work()
        began = time.monotonic()
        text = self._work()
        if self._role == "stt" and not words(text):
            raise HushdError(
                "input_unreadable",
                f"No words were heard in {self._sample!s}: name a recording of somebody who speaks with --speech.",
            )
        if not self._passes:
            took = max(time.monotonic() - began, 1e-3)
            self._passes = min(MAX_PASSES, math.ceil(RUN_S / took))
        return text

    def _run(self) -> float:
        """Returns the seconds of one pass of the work."""
        began = time.monotonic()
        for _ in range(self._passes):
            self._work()
        return (time.monotonic() - began) / self._passes

    def _work(self) -> str:
        remaining_s = self._until - time.monotonic()
        if remaining_s <= 0:
            raise HushdError("deadline_exceeded", "There was no time left.")
        if self._role == "stt":
            transcript = self.client.transcribe(
                self._sample, engine=self._engine, model=self._model, deadline=remaining_s
            )
            self.audio_s = transcript.duration
            return " ".join(segment.text for segment in transcript.segments)
        speech = self.client.synthesize(str(self._sample), engine=self._engine, model=self._model, deadline=remaining_s)
        deque(speech, maxlen=0)
        self.audio_s = speech.duration
        return ""

    def _memory_mb(self) -> float:
        """Returns the peak of the process's resident memory, including pages that it shares."""
        workers = [worker for worker in self.client.status().workers if worker.name == self.worker]
        return max(worker.peak_rss_mb or worker.need_mb for worker in workers)

    def _configure(self, tried: Environment) -> None:
        values: Table = {"environment": self.environment(tried) or None, "memory_mb": None}
        values |= {"keep_alive": _LEFT_S, "pinned": False}
        table = with_values(toml.loads(self._config), self.worker, values)
        table["exit_when_idle"] = _LEFT_S
        for name in _ADDRESSES:  # the user's own supervisor listens there
            table.pop(name, None)
        with _reported():
            (self._folder / "config.toml").write_text(plain(table), encoding="utf-8")


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HushdError(
            "output_failed", f"Nothing can be tried ({error.strerror}): make room in the temporary folder."
        ) from error


def own_settings(config: str, worker: str) -> Mapping[str, Any]:
    """Returns the table `[worker."NAME"]` of a configuration.

    Raises:
        HushdError: `bad_request` if it is not TOML.
    """
    try:
        workers = toml.loads(config).get("worker", {})
    except ValueError as error:
        raise HushdError("bad_request", f"The configuration is not TOML: {error}.") from error
    table = workers.get(worker, {}) if isinstance(workers, dict) else {}
    return table if isinstance(table, dict) else {}
