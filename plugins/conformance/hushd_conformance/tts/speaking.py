"""Cases of a text-to-speech engine: any text, voices, speeds and marks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hushd_models import languages

from hushd_conformance.case import Case

from .trial import SENTENCE, Trial, wrong

_TEXTS = {
    "empty": "", "spaces": " \n\t\r\n \u00a0\u2003 ", "points": "... !? … — , ;", "digits": "123 4,567.89 1e400 ½ ٣٤٥",
    "units": "5 km/h, 20 °C, $3.50, 100 %, §7, №5, ©®™", "chinese": "\u4f60\u597d\u3002\u3053\u3093",
    "emoji": "Hello \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f!",
    "right-to-left": "\u0645\u0631\u062d \u05e9\u05dc\u05d5\u05dd \u202eolleh\u202c", "repeated": "!" * 3_000,
    "control": "one\x01two\x07\x1b[31mthree\x00\x7f\x85four", "invisible": "a\u200bb\u200d\ufeffc\u00ad d\u2060e",
    "combining": "Z" + "\u0301\u0327\u0330" * 60 + "algo", "private": "\ue000\uf8ff\uffff\U0010ffff \U0001d4d7",
    "markup": "<speak>&amp;</b> [[kɒ]] {x} %s `ls` \\n", "url": "https://example.org/a?b=c&d=%20#e",
    "long-word": "a" * 5_000, "long-sentence": "and then " * 300 + "it ended.",
}  # fmt: skip
_THREE = "The first sentence comes. The second sentence follows it. The third sentence is the last."


def cases() -> Iterator[Case[Trial]]:
    for name, text in _TEXTS.items():
        claim = f"The text {name} is spoken or skipped, or refused in a sentence."
        yield Case(f"text.{name}", claim, partial(_spoken, text))
    for name in ("slowest", "natural", "fastest"):
        yield Case(f"speech.{name}", f"A sentence has sound at its {name} speed.", partial(_speed, name))
    yield Case("speech.rate", "All pieces of speech have one rate.", _one_rate)
    yield Case("voice.names", "Voices have unique names, existing models, and languages that are tags.", _voices)
    yield Case("voice.each", "Each of the first installed voices speaks.", _each_voice)


def _spoken(text: str, trial: Trial) -> Iterator[str]:
    answer = trial.say(text)
    yield from answer.faults("the text", may_refuse=True)
    if answer.error is not None:
        return
    if not answer.chunks:
        yield "there is neither sound nor a refusal"
    for chunk in trial.speak(text):
        yield from wrong(chunk, text)


def _speed(name: str, trial: Trial) -> Iterator[str]:
    info = trial.info
    if not 0 < info.slowest <= 1 <= info.fastest:
        yield f"its speeds go from {info.slowest} to {info.fastest}, without 1"
    speed = {"slowest": info.slowest, "natural": 1.0, "fastest": info.fastest}[name]
    chunks = trial.speak(SENTENCE, speed)
    if not sum(len(chunk.samples) for chunk in chunks):
        yield f"it is silent at speed {speed:g}"
    for chunk in chunks:
        yield from wrong(chunk, SENTENCE)


def _one_rate(trial: Trial) -> Iterator[str]:
    rates = {chunk.rate for text in (SENTENCE, _THREE, "One.") for chunk in trial.speak(text)}
    if len(rates) != 1:
        yield f"they have {sorted(rates)} Hz"


def _voices(trial: Trial) -> Iterator[str]:
    names = [voice.name for voice in trial.kind.voices()]
    models = [model.name for model in trial.info.models]
    if len(set(names)) < len(names):
        yield "two voices have the same name"
    for voice in trial.kind.voices():
        if voice.model not in models:
            yield f"the voice {voice.name} has the model {voice.model!r}, which is not described"
        if not languages.is_tag(voice.language):
            yield f"the voice {voice.name} has the language {voice.language!r}, which is not a tag"


def _each_voice(trial: Trial) -> Iterator[str]:
    own = [voice for voice in trial.kind.voices() if voice.installed and voice.model == trial.voice.model]
    for voice in own[:4]:
        chunks = trial.speak(voice.sample or SENTENCE, voice=voice)
        if not sum(len(chunk.samples) for chunk in chunks):
            yield f"{voice.name} is silent"
        for chunk in chunks:
            yield from (f"{voice.name}: {fault}" for fault in wrong(chunk, voice.sample or SENTENCE))
