"""The comparison of models as a table, as sentences, and for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hushd.reports.display import Column, laid_out
from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_protocol.suggest import escaped, plural

from .ranking import BEST, CHANCE, MIN_SENTENCES, WORSE, Place
from .words import Compared

_MOST_SHOWN = 5  # wrong sentences of a model; --json has all


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was found.

    Attributes:
        texts: of each model, by sentence.
        failed: the reasons of the models that could not be heard.
        own_words: names that the model to use would hear right if `words.txt` had them.
    """

    language: str
    places: Sequence[Place]
    texts: Mapping[str, Sequence[Compared]]
    failed: Mapping[str, str]
    choice: Place | None
    present: str
    own_words: Sequence[str] = ()

    @property
    def model(self) -> str:
        """The model to use; empty if none was heard."""
        place = self.choice or next(iter(self.places), None)
        return place.heard.model if place else ""


_COLUMNS = [
    Column[Place]("model", lambda place: place.heard.model, left=True),
    Column[Place]("wrong", lambda place: f"{place.rate:.1%}"),
    Column[Place]("95 %", lambda place: f"{100 * place.low:.1f}-{100 * place.high:.1f}"),
    Column[Place]("speed", lambda place: f"{place.heard.speed:.1f}x"),
    Column[Place]("first", lambda place: f"{place.heard.first_s:.2f} s"),
    Column[Place]("memory", lambda place: f"{place.heard.memory_mb:.0f} MB"),
]


def table(comparison: Comparison, width: int) -> str:
    """Returns the table for a terminal of that width, the differences in words, and the sentences heard wrongly."""
    lines = [f"{_about(comparison)}:", ""]
    lines += laid_out(_COLUMNS, comparison.places, width) if comparison.places else []
    lines += [f"{escaped(model)} was left out: {escaped(why)}" for model, why in comparison.failed.items()]
    lines += ["", *_differences(comparison)]
    for place in comparison.places:
        lines += _wrong(place.heard.model, comparison.texts[place.heard.model])
    if comparison.own_words:
        named = escaped(", ".join(comparison.own_words))
        lines += ["", f"As own words {comparison.model} would hear these right; a line for words.txt:", named]
    return "\n".join([*lines, ""])


def _about(comparison: Comparison) -> str:
    some = next(iter(comparison.texts.values()), ())
    words = sum(compared.words for compared in some)
    name = languages.name(comparison.language)
    return f"{name}, {plural(len(some), 'sentence')} with {plural(words, 'word')}"


def _differences(comparison: Comparison) -> list[str]:
    sentences = len(next(iter(comparison.texts.values()), ()))
    if sentences < MIN_SENTENCES:
        count = "one sentence is" if sentences == 1 else f"{sentences} sentences are"
        return [
            f"{count[:1].upper()}{count[1:]} too little to say which model is better: "
            f"at least {MIN_SENTENCES} are needed."
        ]
    if len(comparison.places) < 2:
        return []
    best, *others = comparison.places
    alike: dict[tuple[int, ...], list[str]] = {}
    for place in comparison.places:
        alike.setdefault(place.heard.errors, []).append(place.heard.model)
    lines = [f"Equal in every sentence: {', '.join(names)}." for names in alike.values() if len(names) > 1]
    if chance := [place.heard.model for place in others if place.verdict == CHANCE]:
        lines.append(f"May differ from {best.heard.model} by chance: {', '.join(chance)}.")
    if worse := [place.heard.model for place in others if place.verdict == WORSE]:
        lines.append(f"More wrong words than {best.heard.model}, and not by chance: {', '.join(worse)}.")
    return lines


def _wrong(model: str, texts: Sequence[Compared]) -> list[str]:
    wrong = sorted((text for text in texts if text.errors), key=lambda text: -text.errors)
    if not wrong:
        return []
    more = len(wrong) - _MOST_SHOWN
    lines = ["", f"{model} heard [-what was not said so-]{{+as this+}}:"]
    lines += [f"  {escaped(compared.marked)}" for compared in wrong[:_MOST_SHOWN]]
    return lines + ([f"  and {more} more, which --json shows"] if more > 0 else [])


def as_json(comparison: Comparison) -> JsonObject:
    """Returns everything for programs."""
    return {
        "language": comparison.language,
        "models": [
            {
                "model": place.heard.model,
                "wer": round(place.rate, 4),
                "wer_95": [round(place.low, 4), round(place.high, 4)],
                "verdict": place.verdict,
                "speed": round(place.heard.speed, 2),
                "first_text_s": round(place.heard.first_s, 3),
                "memory_mb": round(place.heard.memory_mb),
                "sentences": [
                    {"words": compared.words, "errors": compared.errors, "marked": compared.marked}
                    for compared in comparison.texts[place.heard.model]
                ],
            }
            for place in comparison.places
        ],
        "failed": dict(comparison.failed),
        "enough": bool(comparison.places) and comparison.places[0].verdict == BEST,
        "choice": comparison.choice.heard.model if comparison.choice else None,
        "present": comparison.present,
        "own_words": list(comparison.own_words),
    }
