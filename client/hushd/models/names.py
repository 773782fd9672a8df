"""The engine and model of a bare name, such as openai-whisper's `turbo`. Pure: the installed ones are an argument."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hushd_models import advice, catalogue
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean

if TYPE_CHECKING:
    from hushd_schema.description import HearingDescription


def find(described: HearingDescription, name: str) -> tuple[str, str]:
    """Returns the engine that has the model `name`, and the model's name.

    Of several engines it is the one whose worker needs least memory: the same model hears the same.

    Args:
        described: what `describe` returns for speech to text.

    Raises:
        HushdError: `model_missing`, with the command that gets it.
    """
    matches = [
        (not model.installed, model.memory_mb, entry.name, model.name)
        for entry in described.engines
        for model in entry.models
        if model.name.lower() == name.lower()
    ]
    if not matches:
        raise _unknown(name, {model.name for entry in described.engines for model in entry.models})
    missing, _, engine, model = min(matches)
    if missing:
        raise _missing(engine, model)
    return engine, model


def _missing(engine: str, model: str) -> HushdError:
    error = advice.missing(f"{engine}/{model}")
    if advice.engine_installed(engine):
        return error
    entry = catalogue.find(f"{engine}/{model}")
    cost = f" ({entry.cost})" if entry and entry.cost else ""
    pull = f", and then `hushd models pull {engine}/{model}`{cost}" if entry else ""
    return HushdError(
        "model_missing", f"The model {model!r} needs the engine {engine}: {advice.engine_command(engine)}{pull}."
    )


def _unknown(name: str, names: Iterable[str]) -> HushdError:
    if name.endswith((".pt", ".bin", ".onnx")):
        return HushdError(
            "model_missing", f"A model is named and not pointed at: `hushd models import {name}` takes the file over."
        )
    return HushdError(
        "model_missing",
        f"No engine has a model {name!r}{did_you_mean(name, names)}: `hushd models list stt` shows them.",
    )
