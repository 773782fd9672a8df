"""The worker that changes the models folder: it pulls and imports models, each only once for jobs at the same time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hushd_models import inventory, user_models, verification
from hushd_models.catalogue import Known
from hushd_models.inventory import Row
from hushd_models.manifest import Manifest
from hushd_models.store import Store
from hushd_protocol import JsonObject, __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.operations.models import OPERATIONS, ModelResult
from hushd_schema.results import Capabilities
from hushd_worker.job import Job

from .hub import Access, access
from .pull import Pull
from .single_flight import SharedTask, SingleFlight

if TYPE_CHECKING:
    from hushd_schema.description import RoleDescription

ENGINE, MODEL = "store", "local"
_ENDPOINT = re.compile(r"(https?://[^\s@]+)?")  # without user name and password, which must not be passed on


def describe() -> RoleDescription:
    """Returns the answer to `--describe`: one engine, always installed, with one model, which stands for the user's
    folder."""
    from hushd_schema.description import EngineDescription, ModelDescription, RoleDescription  # not for a worker

    model = ModelDescription(name=MODEL, languages=(), memory_mb=60, embedded=True, installed=True)
    engine = EngineDescription(name=ENGINE, installed=True, install="", default_model=MODEL, models=(model,))
    return RoleDescription(role="models", version=__version__, engines=(engine,))


class Worker:
    """The worker that `hushd_worker.harness.serve` runs."""

    slots = 4

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._flights = SingleFlight()

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Loads nothing.

        Raises:
            HushdError: `engine_missing` for any engine but `store`.
        """
        if self._engine != ENGINE:
            raise HushdError("engine_missing", f"There is one worker for models, models/{ENGINE}/{MODEL}.")
        return Capabilities(engine=ENGINE, model=MODEL)

    def run(self, job: Job) -> JsonObject:
        """Runs `pull` {"model", "update", "endpoint", "offline"} or `import` {"path", "name", "engine"}; reports its
        progress in bytes, and its steps.

        Returns `model`, `size` (bytes) and `location`; after an update also `changed`.

        Raises:
            HushdError: `bad_request` for invalid parameters; `model_missing` if the model cannot be fetched;
                `output_failed` if it cannot be written; `input_unreadable` if it is not a model; `unsupported` for
                another op.
            Cancelled: soon after a cancel; the partial download is kept.
        """
        if job.op not in OPERATIONS:
            raise HushdError("unsupported", f"A worker for models can pull and import, not {job.op[:40]!r}.")
        return self._done(job).data()

    def _done(self, job: Job) -> ModelResult:
        """Runs the operation, as `run`."""
        given = OPERATIONS[job.op].read(job.params)
        if job.op == "import":
            from .importing import Import

            path, name, engine = given["path"], given["name"], given.get("engine", "")

            def work(task: SharedTask) -> ModelResult:
                return _result(Import(path, name, engine, _store(), task).run())

            return self._flights.follow(f"import {engine} {name} {path}", job, work)
        row, how = _row(given["model"]), _access(given.get("endpoint", ""), given.get("offline"))
        if (known := row.known) is None:
            return self._flights.follow(f"mend {row.model}", job, lambda task: _mended(row, task))
        bring = _updated if given.get("update") else _pulled
        about = f"{bring.__name__} {known.model} {how.endpoint} {how.offline}"
        return self._flights.follow(about, job, lambda task: bring(known, how, task))


def _store() -> Store:
    return Store(paths.find())


def _pulled(known: Known, how: Access, task: SharedTask) -> ModelResult:
    return _result(Pull(known, _store(), task, how).run())


def _updated(known: Known, how: Access, task: SharedTask) -> ModelResult:
    """Updates a model from its source, or pulls it if it is not installed."""
    store = _store()
    try:
        old = store.find(known.model)
    except HushdError:
        old = None  # its manifest is damaged: it will be replaced
    if old is None:
        return replace(_pulled(known, how, task), changed=True)
    if old.source.kind == "file":
        raise HushdError(
            "bad_request",
            f"{old.model} was imported from {old.source.place}: import a newer file under another --name.",
        )
    new = Pull(known, store, task, how, update=True).run()
    return replace(_result(new), changed=new.files != old.files)


def _result(manifest: Manifest) -> ModelResult:
    return ModelResult(model=manifest.model, size=manifest.size, location=str(_store().location(manifest)))


def _access(endpoint: str, offline: bool | None) -> Access:
    """Returns the access to the hub: the client's, else that of this worker's environment.

    Raises:
        HushdError: `bad_request`; the address, which may hold a password, is not repeated.
    """
    if not _ENDPOINT.fullmatch(endpoint):
        raise HushdError("bad_request", "The hub's address (HF_ENDPOINT) must be such as https://huggingface.co.")
    return access(endpoint, offline)


def _row(model: str) -> Row:
    """Returns the model of that name: a well-known, configured or imported one."""
    return inventory.row(_store(), model, user_models.configured(paths.find().config))


def _mended(row: Row, task: SharedTask) -> ModelResult:
    """Repairs a damaged model by importing it again, if no server has it.

    Raises:
        HushdError: `bad_request` for a model that the user has copied there; `model_missing` if its source is gone too.
    """
    manifest, store = row.manifest, _store()
    if manifest is None:
        raise HushdError("bad_request", f"{row.model} was copied here by hand, so hushd does not know its source.")
    problems = verification.verify(store, manifest)
    if not problems:
        return _result(manifest)
    if not os.path.exists(manifest.source.place):
        raise HushdError("model_missing", f"{row.model} is damaged ({problems[0]}): {verification.remedy(manifest)}.")
    from .importing import Import

    return _result(Import(manifest.source.place, manifest.name, manifest.engine, store, task).run())
