"""The worker around the models folder: takes a job, or joins it to one that is at the same model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hushd_protocol import __version__, inventory, own_models, paths
from hushd_protocol.catalogue import Known
from hushd_protocol.errors import HushdError
from hushd_protocol.job import Job
from hushd_protocol.manifest import Manifest
from hushd_protocol.store import Store

from .pull import Pull
from .undertaking import Undertaking, Undertakings

ENGINE, MODEL = "store", "local"


def describe() -> dict[str, Any]:
    """What `--describe` prints: one engine, which needs nothing installed and has one model, the user's folder."""
    model = {"name": MODEL, "languages": [], "memory_mb": 60, "embedded": True, "installed": True}
    engine = {"name": ENGINE, "installed": True, "install": "", "default_model": MODEL, "models": [model]}
    return {"role": "models", "version": __version__, "engines": [engine]}


class Worker:
    """What `hushd_protocol.harness.serve` runs."""

    slots = 4

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._undertakings = Undertakings()

    def load(self, report: Callable[[str], None]) -> dict[str, Any]:
        """Nothing is loaded.

        Raises:
            HushdError: `engine_missing` for another engine than `store`.
        """
        if self._engine != ENGINE:
            raise HushdError("engine_missing", f"There is one worker for models, models/{ENGINE}/{MODEL}.")
        return {"engine": ENGINE, "ops": ["pull", "import", "quantize"]}

    def run(self, job: Job) -> dict[str, Any]:
        """Does `pull` {"model"}, `import` {"path", "name", "engine"} or `quantize` {"model", "to", "name"}; says how
        far it is in bytes, and at what.

        Returns `model`, `size` (bytes) and `location`.

        Raises:
            HushdError: `bad_request` for parameters that make no sense; `model_missing`, `output_failed` or
                `input_unreadable` for what cannot be had, kept, or is no model; `unsupported` for another op.
            Cancelled: soon; what has arrived is kept.
        """
        match job.op:
            case "pull":
                known = _known(_text(job, "model"))
                return self._undertakings.follow(known.model, job, lambda under: _told(_brought(known, under)))
            case "import":
                from .importing import Import

                path, name, engine = _text(job, "path"), _text(job, "name"), _text(job, "engine", "")

                def work(under: Undertaking) -> dict[str, Any]:
                    return _told(Import(path, name, engine, _store(), under).run())

                return self._undertakings.follow(f"import {engine} {name} {path}", job, work)
            case "quantize":
                from .quantize import Quantize

                model, to, name = _text(job, "model"), _text(job, "to"), _text(job, "name", "")
                return self._undertakings.follow(
                    f"quantize {model} {to} {name}",
                    job,
                    lambda under: _told(Quantize(model, to, name, _store(), under).run()),
                )
        raise HushdError("unsupported", f"A worker for models can pull, import and quantize, not {job.op[:40]!r}.")


def _store() -> Store:
    return Store(paths.find())


def _brought(known: Known, under: Undertaking) -> Manifest:
    """The model, made of a checkpoint that is here where that is possible, else downloaded."""
    from .quantize import INT8, Quantize, checkpoint_for

    if checkpoint := checkpoint_for(known.model, _store()):
        try:
            return Quantize(checkpoint, INT8, known.name, _store(), under).run()
        except HushdError as error:
            if error.code not in ("input_unreadable", "engine_missing", "bad_request", "server_busy"):
                raise
            under.say(f"{error.message.rstrip('.')}; downloading {known.model} instead")
            under.done = under.total = 0
    return Pull(known, _store(), under).run()


def _told(found: Manifest) -> dict[str, Any]:
    return {"model": found.model, "size": found.size, "location": str(_store().location(found))}


def _known(model: str) -> Known:
    """The model of that name, well-known or of the user's configuration.

    Raises:
        HushdError: `model_missing`, with the name that may have been meant; `bad_request` for one that has no source.
    """
    found = inventory.row(_store(), model, own_models.configured(paths.find().config))
    if found.known is None:
        raise HushdError("bad_request", f"{found.model} was brought here by hand: nobody else knows where to get it.")
    return found.known


def _text(job: Job, name: str, default: str | None = None) -> str:
    value = job.params.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise HushdError("bad_request", f"The parameter {name} of {job.op} must be a text.")
    return value
