"""Detects the format of a user's model by its content, without loading it: nothing in it runs.

Each engine's spec says what identifies a model of its, and whether the file is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hushd_models import catalogue
from hushd_protocol.errors import HushdError, reason
from hushd_schema.engines import Files, NoModel, NotAlike, Recognition


def recognitions() -> Mapping[str, Recognition]:
    """Returns the marks by which each engine recognises models of users."""
    return {name: spec.recognition for name, spec in catalogue.engines().items() if spec.recognition}


def look_at(path: Path, name: str, engine: str = "") -> tuple[str, Files]:
    """The engine that `path` is a model for, `engine` if it is one for that, and the files it consists of.

    Raises:
        HushdError: `input_unreadable` for what is not a model; `bad_request` for an engine that takes none.
    """
    every = recognitions()
    if engine and engine not in every:
        raise HushdError("bad_request", f"Models can be imported for {', '.join(every)}, not for {engine[:80]!r}.")
    try:
        if not path.exists():
            raise HushdError("input_unreadable", f"There is no {path}, as far as hushd's worker may see.")
        why = _kinds(every)
        for candidate in (engine,) if engine else _asked(every):
            try:
                return candidate, every[candidate].look(path, name)
            except NoModel as error:
                why = str(error)
                break
            except NotAlike as error:
                why = str(error) if engine else why
            except OSError:
                raise
            except Exception as error:  # of an engine of another package
                why = f"what {candidate} recognises its models by has failed ({reason(error)})" if engine else why
    except OSError as error:
        raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror or error}).") from error
    kind = f"model for {engine}" if engine else "model that hushd knows"
    raise HushdError("input_unreadable", f"{path} is no {kind}: {why}.")


def _asked(every: Mapping[str, Recognition]) -> Sequence[str]:
    """The engines that can tell by the content alone, in the order in which they look."""
    return sorted((name for name, how in every.items() if how.alone), key=lambda name: every[name].order)


def _kinds(every: Mapping[str, Recognition]) -> str:
    """The kinds of models that are recognised, for who has brought another."""
    files = [how.kind for how in every.values() if how.alone and how.kind]
    folders = [f"{name}'s" for name, how in every.items() if how.alone and not how.kind]
    *most, last = folders
    return (
        f"those are {', '.join(files)}, and folders of {', '.join(most)} and {last}; for another kind name its --engine"
    )
