"""Detects the format of a user's model by its content, without loading it or running code from it.

Each engine's spec can recognise models of the engine and check that their files are complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hushd_models import catalogue
from hushd_protocol.errors import HushdError, reason
from hushd_schema.engines import Files, NoModel, NotAlike, Recognition


def recognitions() -> Mapping[str, Recognition]:
    """Returns the `Recognition` of each engine whose models can be imported."""
    return {name: spec.recognition for name, spec in catalogue.engines().items() if spec.recognition}


def look_at(path: Path, name: str, engine: str = "") -> tuple[str, Files]:
    """Returns the engine to which the model at `path` belongs, and the model's files; `engine` restricts the search.

    Raises:
        HushdError: `input_unreadable` if no engine recognises it; `bad_request` if models cannot be imported for
            `engine`.
    """
    every = recognitions()
    if engine and engine not in every:
        raise HushdError("bad_request", f"Models can be imported for {', '.join(every)}, not for {engine[:80]!r}.")
    try:
        if not path.exists():
            raise HushdError("input_unreadable", f"{path} does not exist, or hushd's worker may not see it.")
        why = _kinds(every)
        for candidate in (engine,) if engine else _self_recognising(every):
            try:
                return candidate, every[candidate].look(path, name)
            except NoModel as error:
                why = str(error)
                break
            except NotAlike as error:
                why = str(error) if engine else why
            except OSError:
                raise
            except Exception as error:  # another package's engine may raise anything
                why = f"the check of {candidate} has failed ({reason(error)})" if engine else why
    except OSError as error:
        raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror or error}).") from error
    kind = f"model for {engine}" if engine else "model of a known kind"
    raise HushdError("input_unreadable", f"{path} is not a {kind}: {why}.")


def _self_recognising(every: Mapping[str, Recognition]) -> Sequence[str]:
    """Returns the engines that recognise a model by its content alone, in the order of their checks."""
    return sorted((name for name, how in every.items() if how.alone), key=lambda name: every[name].order)


def _kinds(every: Mapping[str, Recognition]) -> str:
    """Returns the list of recognised kinds of models, for the error about another kind."""
    files = [how.kind for how in every.values() if how.alone and how.kind]
    folders = [f"{name}'s" for name, how in every.items() if how.alone and not how.kind]
    *most, last = folders
    return (
        f"known are {', '.join(files)}, and folders of {', '.join(most)} and {last}; for another kind name its --engine"
    )
