"""The parts of the suite for each role: its cases, and the engine on trial."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_schema import engines
from hushd_schema.entry_points import entry_points

from .case import Case
from .trial import Trial


def role_of(name: str) -> str:
    """Returns the role of an engine.

    Raises:
        HushdError: `engine_missing` for an unknown engine, `bad_request` for an engine with several roles.
    """
    specs = [spec.role for spec in engines.every() if spec.name == name]
    without = [role for role in ENGINE_ROLES if name in entry_points(f"hushd.{role}_engines")]
    roles = list(dict.fromkeys([*specs, *without]))
    if not roles:
        raise HushdError("engine_missing", f"There is no engine {name!r:.60}.")
    if len(roles) > 1:
        raise HushdError("bad_request", f"{name} has several roles: choose one with --role {' or '.join(roles)}.")
    return roles[0]


def trial_of(role: str, name: str, model: str, sound: str | None = None) -> Trial:
    """Returns the engine on trial."""
    trial: Trial = importlib.import_module(f"hushd_conformance.{role}").Trial(name, model)
    trial.sound = Path(sound) if sound else trial.sound
    return trial


def all_cases(role: str) -> list[Case[Any]]:
    """Returns the cases of a role."""
    cases: list[Case[Any]] = importlib.import_module(f"hushd_conformance.{role}").all_cases()
    return cases
