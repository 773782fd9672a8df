"""The model that `hushd config set stt` or `tts` makes the usual one: it must work at the next request."""

from __future__ import annotations

from hushd_models import advice, catalogue
from hushd_protocol.errors import HushdError
from hushd_schema.settings import load

from hushd_cli.commands.models.index import ModelIndex


def usable(role: str, name: str) -> str:
    """Returns ENGINE/NAME of a model of `role`; of a bare name, such as `tiny`, the engine's that needs least memory,
    as `--model` has it. A name that nobody knows is returned unchanged: the check of the file refuses it.

    Raises:
        HushdError: `model_missing` if it is not installed, and not downloaded by itself either; with the commands.
    """
    index = ModelIndex()
    meant = catalogue.find(name, index.added)
    names = {name, meant.model if meant else ""}
    models = [
        row
        for row in index.rows()
        if row.role == role and (row.model in names or row.model.partition("/")[2].lower() == name.lower())
    ]
    if not models:
        return name
    best = min(models, key=lambda row: (not row.usable or index.lacks_engine(row), row.memory_mb))
    comes = best.usable or load(index.paths.config).auto_pull
    if best.known and (index.lacks_engine(best) or not comes):
        steps = advice.steps(best.known, here=best.usable)
        raise HushdError("model_missing", f"{best.model} is not on this machine: run {steps} first.")
    return best.model
