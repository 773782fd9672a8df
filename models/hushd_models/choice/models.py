"""The choice of a model: for `auto` the best installed one for a language, the free memory and a speed; of a bare name,
such as openai-whisper's `turbo`, its engine. Pure: the installed models and the state of the machine are arguments.

The model with the fewest wrong words by its published figure is the best (`hushd_models.word_errors`); its size does
not matter. When memory is short, a model further down the same list is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import UNKNOWN_WORKER
from hushd_protocol.names import AUTO, SPEEDS
from hushd_protocol.suggest import did_you_mean, nearest

from hushd_models import advice, catalogue, languages, word_errors
from hushd_models.catalogue import Known
from hushd_models.installation import document, engine_needed

from . import recommendation

if TYPE_CHECKING:
    from hushd_schema.description import HearingDescription, RoleDescription
    from hushd_schema.status import Status

_MAX_MODELS_NAMED = 3  # models named in a sentence


class ModelChoice(NamedTuple):
    """The model, and a sentence for people that says why it was chosen."""

    engine: str
    model: str
    why: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """The memory for a new worker, and the workers that run.

    Attributes:
        room_mb: memory for a new worker, if idle ones end for it.
        running: the names (ENGINE/MODEL) of workers that have a process.
        needs: MB that workers were measured to need, by name.
    """

    room_mb: float
    running: frozenset[str] = frozenset()
    needs: Mapping[str, float] | None = None

    def need(self, candidate: Known) -> float:
        return (self.needs or {}).get(candidate.model) or candidate.memory_mb or UNKNOWN_WORKER / 1e6

    def fits(self, candidate: Known) -> bool:
        return candidate.model in self.running or self.need(candidate) <= self.room_mb


def ranked(candidates: Iterable[Known], language: str | None, speed: str) -> list[Known]:
    """Returns the models that know `language`, the best first: those within `speed`, then the others by slowness."""

    def place(candidate: Known) -> tuple[bool, int, float, float, float, float, float, str]:
        slower = max(0, SPEEDS.index(candidate.speed) - SPEEDS.index(speed))
        own, english = word_errors.place(candidate.word_errors, language)
        # A model trained on the known language alone is the better one of equals; for an unknown one it must detect
        # many.
        broad, narrow = (0, len(candidate.languages)) if language else (-len(candidate.languages), 0)
        untold = candidate.needs_language and language is None
        return untold, slower, broad, own, english, narrow, candidate.memory_mb, candidate.model

    able = (each for each in candidates if language is None or languages.is_among(language, each.languages))
    return sorted(able, key=place)


def choose(
    candidates: Sequence[Known], capacity: Capacity, language: str | None, speed: str, engine: str | None = None
) -> ModelChoice:
    """Returns the best of `candidates` (of `engine`, if given) for this machine now.
    Raises `bad_request` for an unknown speed; `model_missing` when none knows the language."""
    if speed not in SPEEDS:
        raise HushdError("bad_request", f"There is no speed {speed!r}: choose one of {', '.join(SPEEDS)}.")
    order = ranked(candidates, language, speed)
    if not order:
        of = f" of {engine}" if engine else ""
        what = f" that hears {language!r}" if language else ""
        instead = recommendation.for_language("stt", language, engine) if language else ""
        known = f"{engine or 'stt'} {languages.code(language)}" if language and instead else engine or "stt"
        listing = f"`hushd models list {known}` shows"
        more = f"{instead}; {listing} all" if instead else f": {listing} which there are"
        raise HushdError("model_missing", f"No model{of}{what} is installed{more}.")
    fitting = [candidate for candidate in order if capacity.fits(candidate)]
    taken = fitting[0] if fitting else min(order, key=capacity.need)
    return ModelChoice(taken.engine, taken.name, _why(taken, order, capacity, language, speed))


def best(
    described: HearingDescription,
    status: Status,
    language: str | None,
    speed: str | None = None,
    engine: str | None = None,
    **needs: bool,
) -> ModelChoice:
    """Returns the model that `auto` means, by the description of speech to text and a supervisor's status; of several
    languages, where the recording may be in any, also one that lacks `language`.
    Raises as `candidates`, whose `needs` these are, and `choose` do; `model_missing` where no model meets the needs."""
    able = candidates(described, engine, **needs)
    if not able and needs.get("translates"):
        of = f" of {engine}" if engine else ""
        raise HushdError("model_missing", f"No installed model{of} translates into English{advice.for_translation()}.")
    if not able and needs.get("several"):
        what = "No model of several languages is installed: `hushd get LANGUAGE` brings one."
        raise HushdError("model_missing", what)
    lacking = language and not any(languages.is_among(language, each.languages) for each in able)
    if language == AUTO or (needs.get("several") and lacking):
        language = None
    return choose(able, capacity(status), language, speed or "medium", engine)


def candidates(
    described: HearingDescription,
    engine: str | None = None,
    *,
    translates: bool = False,
    several: bool = False,
    words: bool = False,
    rated: bool = False,
) -> list[Known]:
    """Returns the installed models of all engines or one, as they are described, with what the catalogue says of them.

    Args:
        translates: only those that translate into English.
        several: only those that tell one language from others.
        words: only those that time each word.
        rated: only those that say how likely each word is, too, or may, as the engine is named and nobody knows.

    Raises:
        HushdError: `engine_missing` for an unknown engine.
    """
    names = [entry.name for entry in described.engines]
    if engine is not None and engine not in names:
        if needed := engine_needed(engine):
            raise HushdError("engine_missing", needed)
        close = nearest(engine, names)
        meant = f"did you mean {close!r}?" if close else f"there is {', '.join(sorted(names))}."
        raise HushdError("engine_missing", f"There is no speech-to-text engine {engine!r}: {meant}")
    able = []
    for entry in described.engines:
        may_rate = "probabilities" in entry.options if entry.options is not None else engine is not None
        if engine not in (None, entry.name) or (rated and not may_rate):
            continue
        timed = entry.models_with_words() if words or rated else entry.installed_models()
        for model in entry.models:
            known = catalogue.find(f"{entry.name}/{model.name}") or Known(entry.name, model.name, "stt")
            if (
                model.name in timed
                and (not translates or (entry.translation and model.translation is not False))
                and (not several or (len(model.languages) != 1 and not known.needs_language))
            ):
                size = round(model.memory_mb)
                able.append(replace(known, name=model.name, languages=model.languages, memory_mb=size))
    return able


def capacity(status: Status) -> Capacity:
    """Returns the capacity of the machine for speech to text, by a supervisor's status."""
    memory, needs, running = status.memory, dict[str, float](), set[str]()
    room_mb = min(memory.budget_mb - memory.used_mb, memory.available_mb - memory.reserve_mb)
    for worker in status.workers:
        name = f"{worker.engine}/{worker.model}"
        if worker.state == "ready":  # it leaves for another
            room_mb += worker.pss_mb or 0.0
        if worker.role == "stt":
            needs[name] = max(needs.get(name, 0.0), worker.need_mb)
            running |= {name} if worker.pid is not None else set()
    return Capacity(room_mb, frozenset(running), needs)


def _why(taken: Known, order: Sequence[Known], capacity: Capacity, language: str | None, speed: str) -> str:
    several, better = len(order) > 1, order[: order.index(taken)]
    hears = f" that {'hear' if several else 'hears'} {language}" if language else ""
    reasons = [f"of {len(order)} installed models{hears}" if several else f"the only installed model{hears}"]
    if several and not better:
        reasons.append("the best")
    if figure := word_errors.described(taken.word_errors, language or word_errors.ENGLISH):
        reasons.append(figure)
    if SPEEDS.index(taken.speed) > SPEEDS.index(speed):
        reasons.append(f"none is {speed}")
    elif several:
        reasons.append(f"no slower than {speed}")
    large = [f"{each.model} ({capacity.need(each):.0f} MB)" for each in better if not capacity.fits(each)]
    if large:
        reasons.append(f"there is no memory for {', '.join(large[:_MAX_MODELS_NAMED])}")
    return f"{taken.model}: {', '.join(reasons)}."


def find(described: RoleDescription, name: str) -> tuple[str, str]:
    """Returns the engine that has the model `name`, and the model's name.

    Of several engines it is the one whose worker needs least memory: the same model hears the same.
    Raises `model_missing`, with the command that gets it.
    """
    matches = [
        (not model.installed, model.memory_mb, entry.name, model.name)
        for entry in described.engines
        for model in entry.models
        if model.name.lower() == name.lower()
    ]
    if not matches and name.endswith((".pt", ".bin", ".onnx")):
        what = f"put {name} into its engine's folder, as {document('MODELS.md')} says"
        raise HushdError("model_missing", f"A model is named and not pointed at: {what}.")
    if not matches:
        close = did_you_mean(name, {model.name for entry in described.engines for model in entry.models})
        raise HushdError("model_missing", f"No engine has a model {name!r}{close}: `hushd models list stt` shows them.")
    missing, _, engine, model = min(matches)
    if missing:
        raise advice.missing(f"{engine}/{model}")
    return engine, model
