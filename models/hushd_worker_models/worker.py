"""The worker that changes the models folder: it pulls and imports models."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from hushd_models import inventory, verification
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
from .task import Task

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

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Loads nothing.

        Raises:
            HushdError: `engine_missing` for any engine but `store`.
        """
        if self._engine != ENGINE:
            raise HushdError("engine_missing", f"There is one worker for models, models/{ENGINE}/{MODEL}.")
        return Capabilities(engine=ENGINE, model=MODEL)

    def run(self, job: Job) -> JsonObject:
        """Runs `pull` {"model", "endpoint", "offline"} or `import` {"path", "name", "engine"}; reports its progress in
        bytes, and its steps.

        Returns `model`, `size` (bytes) and `location`.

        Raises:
            HushdError: `bad_request` for invalid parameters; `model_missing` if the model cannot be fetched;
                `output_failed` if it cannot be written; `input_unreadable` if it is not a model; `unsupported` for
                another op.
            Cancelled: soon after a cancel; the partial download is kept.
        """
        if job.op not in OPERATIONS:
            raise HushdError("unsupported", f"A worker for models can pull and import, not {job.op[:40]!r}.")
        given = OPERATIONS[job.op].read(job.params)
        if job.op == "import":
            path, name, engine = given["path"], given["name"], given.get("engine", "")
            return Task().run(lambda task: _imported(path, name, engine, task), job).data()
        row, how = _row(given["model"]), _access(given.get("endpoint", ""), given.get("offline"))
        return Task().run(lambda task: _pulled(row, how, task), job).data()


def _store() -> Store:
    return Store(paths.find())


def _row(model: str) -> Row:
    """Returns the model of that name: a well-known or an imported one."""
    return inventory.row(_store(), model)


def _access(endpoint: str, offline: bool | None) -> Access:
    """Returns the access to the hub: the client's, else that of this worker's environment.

    Raises:
        HushdError: `bad_request`; the address, which may hold a password, is not repeated.
    """
    if not _ENDPOINT.fullmatch(endpoint):
        raise HushdError("bad_request", "The hub's address (HF_ENDPOINT) must be such as https://huggingface.co.")
    return access(endpoint, offline)


def _pulled(row: Row, how: Access, task: Task) -> ModelResult:
    """Downloads a model, unless it is whole; what its engine's package has brought is taken as it is, and offline also
    what another program has."""
    if row.known is None:
        return _mended(row, task)
    if row.state == "installed" and (row.origin == "package" or (row.origin == "hub" and how.offline)):
        return ModelResult(model=row.model, size=row.size, location=str(row.folder or ""))
    return _result(Pull(row.known, _store(), task, how).run())


def _imported(path: str, name: str, engine: str, task: Task) -> ModelResult:
    from .importing import Import

    return _result(Import(path, name, engine, _store(), task).run())


def _mended(row: Row, task: Task) -> ModelResult:
    """Repairs a damaged model, which no server has, by importing it again.

    Raises:
        HushdError: `bad_request` for a model that the user has copied there; `model_missing` if its source is gone too.
    """
    manifest = row.manifest
    if manifest is None:
        raise HushdError("bad_request", f"{row.model} was copied here by hand, so hushd does not know its source.")
    problems = verification.verify(_store(), manifest)
    if not problems:
        return _result(manifest)
    if not os.path.exists(manifest.source.place):
        raise HushdError("model_missing", f"{row.model} is damaged ({problems[0]}): {verification.remedy(manifest)}.")
    return _imported(manifest.source.place, manifest.name, manifest.engine, task)


def _result(manifest: Manifest) -> ModelResult:
    return ModelResult(model=manifest.model, size=manifest.size, location=str(_store().location(manifest)))
