"""The models that `hushd models` lists: installed, configured and available ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from hushd_models import advice, catalogue, user_models
from hushd_models.catalogue import Known
from hushd_models.inventory import Row, row, rows
from hushd_models.recommendation import Hardware, here, recommend, too_large
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
        self.language = session_language()  # by whose figures models are sorted
        self._asked_for: Sequence[str] = ()  # languages, in place of the session's

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

    @cached_property
    def machine(self) -> Hardware:
        return here(self.store.folder)

    @cached_property
    def recommended(self) -> Sequence[str]:
        """The models that `hushd models recommend` names for the same languages."""
        every = self.rows()
        spoken = self._asked_for or (self.language,)
        pairs = [(language, role) for language in spoken for role in ("stt", "tts")]
        return [choice.row.model for each in pairs for choice in recommend(every, self.machine, *each)]

    def recommend_for(self, words: Sequence[str]) -> None:
        """Recommends for the languages among `words`, if there are any, in place of the session's."""
        every = self.rows()
        self._asked_for = [word for word in words if not any(word in (row.role, row.engine) for row in every)]
        self.language = [*self._asked_for, self.language][0]

    def too_large(self, model: Row) -> bool:
        """Returns whether a model that is not here has no room in this machine's memory, cards or disk."""
        return model.state == "absent" and model.known is not None and too_large(model.known, self.machine)

    def rows(self) -> list[Row]:
        return rows(self.store, self.added)

    def row(self, name: str) -> Row:
        return row(self.store, name, self.added)
