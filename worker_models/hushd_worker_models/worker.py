"""The worker that changes the models folder: it pulls models."""

from __future__ import annotations

import re
from collections.abc import Callable

from hushd_models import inventory
from hushd_models.inventory import Row
from hushd_models.store import Store
from hushd_protocol import JsonObject, __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.description import EngineDescription, ModelDescription, RoleDescription
from hushd_schema.operations.models import PULL, ModelResult
from hushd_schema.results import Capabilities
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

from .hub import Access, access
from .pull import Pull
from .task import Task

ENGINE, MODEL = "store", "local"
_ENDPOINT = re.compile(r"(https?://[^\s@]+)?")  # address without user name and password, which must not be passed on


def describe() -> RoleDescription:
    """Returns the answer to `--describe`: one engine, always installed, with one model, which stands for the user's
    folder."""
    model = ModelDescription(name=MODEL, languages=(), memory_mb=60, embedded=True, installed=True)
    engine = EngineDescription(name=ENGINE, installed=True, install="", default_model=MODEL, models=(model,))
    return RoleDescription(role="models", version=__version__, engines=(engine,))


class Worker(BaseWorker):
    """The worker that `hushd_worker.harness.serve` runs."""

    slots = 4

    def __init__(self, engine: str) -> None:
        self._engine = engine

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Loads nothing. Raises `engine_missing` for any engine but `store`."""
        if self._engine != ENGINE:
            raise HushdError("engine_missing", f"There is one worker for models, models/{ENGINE}/{MODEL}.")
        return Capabilities(engine=ENGINE, model=MODEL)

    def run(self, job: Job) -> JsonObject:
        """Runs `pull` {"model", "endpoint", "offline"} ; reports its progress in bytes, and its steps.

        Returns `model`, `size` (bytes) and `location`.

        Raises:
            HushdError: `bad_request` for invalid parameters; `model_missing` if the model cannot be fetched;
                `output_failed` if it cannot be written; `unsupported` for another op.
            Cancelled: soon after a cancel; the partial download is kept.
        """
        if job.op != PULL.name:
            raise HushdError("unsupported", f"A worker for models can pull, not {job.op[:40]!r}.")
        given = PULL.read(job.params)
        row, how = inventory.row(_store(), given["model"]), _access(given.get("endpoint", ""), given.get("offline"))
        return Task().run(lambda task: _pulled(row, how, task), job).data()


def _store() -> Store:
    return Store(paths.find())


def _access(endpoint: str, offline: bool | None) -> Access:
    """Returns the access to the hub: the client's, else that of this worker's environment.
    Raises `bad_request`; the address, which may hold a password, is not repeated."""
    if not _ENDPOINT.fullmatch(endpoint):
        raise HushdError("bad_request", "The hub's address (HF_ENDPOINT) must be such as https://huggingface.co.")
    return access(endpoint, offline)


def _pulled(row: Row, how: Access, task: Task) -> ModelResult:
    """Downloads a model, unless it is whole; what its engine's package has brought is taken as it is, and offline also
    what another program has."""
    if row.known is None:
        raise HushdError("bad_request", f"{row.model} was put there by hand, so hushd does not know its source.")
    if row.state == "installed" and (row.origin == "package" or (row.origin == "hub" and how.offline)):
        return ModelResult(model=row.model, size=row.size, location=str(row.folder or ""))
    manifest = Pull(row.known, _store(), task, how).run()
    return ModelResult(model=manifest.model, size=manifest.size, location=str(_store().location(manifest)))
