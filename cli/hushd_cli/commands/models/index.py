"""The models that `hushd models` lists: installed, configured and available ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from hushd_models import advice, catalogue, user_models
from hushd_models.catalogue import Known
from hushd_models.inventory import Row, row, rows
from hushd_models.recommendation import best_for, here
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.system import paths

from .recommend import session_language


class ModelIndex:
    """The models on this machine and in its configuration."""

    def __init__(self) -> None:
        self.paths = paths.find()
        self.store = Store(self.paths)
        self.added: Mapping[str, Known] = user_models.configured(self.paths.config)
        self.recommended: Sequence[str] = catalogue.recommended()
        self.language = session_language()  # by whose figures models are sorted

    def lacks_engine(self, model: Row) -> bool:
        """Returns whether a model's engine is missing here and in the environment that the configuration names."""
        if model.engine not in catalogue.engines() or advice.engine_installed(model.engine):
            return False
        return model.engine not in self.elsewhere

    def as_json(self, model: Row) -> JsonObject:
        """Returns a row for programs, with the recommendation, and the command that installs a missing engine."""
        engine = model.engine
        return model.as_json() | {
            "recommended": model.model in self.recommended,
            "install": advice.engine_command(engine) if self.lacks_engine(model) else "",
        }

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        return user_models.engines_elsewhere(self.paths.config)

    def recommend_for(self, words: Sequence[str]) -> None:
        """Recommends each role's best model for the languages among `words`, as `hushd models recommend` does."""
        every = self.rows()
        spoken = [word for word in words if not any(word in (model.role, model.engine) for model in every)]
        if spoken:
            self.language = spoken[0]
            machine = here(self.store.folder)
            best = [best_for(every, machine, word, role) for word in spoken for role in ("stt", "tts")]
            self.recommended = [model.model for model in best if model]

    def rows(self) -> list[Row]:
        return rows(self.store, self.added)

    def row(self, name: str) -> Row:
        return row(self.store, name, self.added)
