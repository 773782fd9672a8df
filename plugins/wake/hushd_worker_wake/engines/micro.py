"""microWakeWord, through the package pymicro-wakeword: a small TensorFlow Lite model for each phrase; Apache-2.0.

One worker detects all phrases, of the wheel's models and the user's: a model takes 0.3 MB.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models.installation import engine_command, engine_installed
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted
from hushd_protocol.system import paths
from hushd_schema.description import WakeWord
from hushd_worker.engine import Model
from hushd_worker.errors import importing

from hushd_worker_wake.engine import Engine
from hushd_worker_wake.specs import micro
from hushd_worker_wake.specs.micro import SPEC

if TYPE_CHECKING:
    from . import micro_stream

INSTALL = engine_command(SPEC)


class Micro(Engine):
    """The engine. The model `words` has all installed words; a model of another name has only that word."""

    SPEC = SPEC

    def __init__(self, model: str) -> None:
        self._model = model
        self._loading = threading.Lock()  # the package reloads its library for each model

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        package, words = engine_installed(SPEC), _words()
        languages = tuple(dict.fromkeys(tag for word in words.values() for tag in word.languages))
        names = (SPEC.default_model, *words)
        embedded = _in_wheel()
        return tuple(
            Model(
                name,
                words[name].languages if name in words else languages,
                35,
                embedded=name not in words or words[name].description.parent == embedded,
                installed=package,
            )
            for name in names
        )

    @classmethod
    def words(cls) -> tuple[WakeWord, ...]:
        return tuple(map(WakeWord.like, _words().values()))

    def load(self, report: Callable[[str], None]) -> None:
        report(f"{SPEC.name} and its models")
        with importing(f"The engine {SPEC.name} does not load", INSTALL):
            from . import micro_stream  # noqa: PLC0415 - imports numpy and the package
        self._streams = micro_stream
        if not _words():
            raise HushdError("model_missing", f"{SPEC.name} has no words here: reinstall pymicro-wakeword.")

    def listener(self, words: Sequence[str], threshold: float | None) -> micro_stream.Stream:
        words_here = _words()
        by_sound = {_plain(name): word for word in words_here.values() for name in (word.name, word.phrase)}
        usual = words_here[self._model] if self._model in words_here else next(iter(words_here.values()))
        chosen = []
        for word in words or (usual.phrase,):
            if _plain(word) not in by_sound:
                close = did_you_mean(_plain(word), list(by_sound))
                here = listed(sorted(each.phrase.lower() for each in words_here.values()))
                raise HushdError(
                    "bad_request", f"{SPEC.name} does not know the word {quoted(word)}{close}: here it knows {here}."
                )
            chosen.append((word, by_sound[_plain(word)]))
        with self._loading:
            return self._streams.Stream([self._streams.Wait(word, model, threshold) for word, model in chosen])


def _words() -> dict[str, micro.Word]:
    """Returns all words by name, the wheel's first; a user's word replaces the wheel's of the same name."""
    folders = [folder for folder in (_in_wheel(),) if folder]
    own = paths.find().models / SPEC.name
    folders += sorted(path for path in own.iterdir() if path.is_dir()) if own.is_dir() else []
    return {word.name: word for folder in folders for word in micro.words_in(folder)}


def _in_wheel() -> Path | None:
    package = find_spec("pymicro_wakeword")
    places = package.submodule_search_locations if package else None
    return Path(next(iter(places))) / "models" if places else None


def _plain(word: str) -> str:
    """Returns a word without case and punctuation."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in word.casefold()).split())
