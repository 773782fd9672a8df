"""Cases of requests to a text-to-speech engine: voices, speeds, formats, marks and the order of a stream."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial

from hushd_models import languages

from hushd_conformance.case import Case
from hushd_conformance.trial import Answer, faults_in_cancel

from .trial import SENTENCE, Trial, wrong

_FORMATS = ("wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "caf", "pcm")
_RATES = (8_000, 16_000, 44_100, 48_000)
_THREE = "The first sentence comes. The second sentence follows it. The third sentence is the last."
_NO_VOICES = ("no-such-voice", "", "../x", "a" * 500, "\N{CJK UNIFIED IDEOGRAPH-4E2D}")


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of requests."""
    yield Case("speech.sound", "A sentence has sound.", _sound)
    for name in ("slowest", "natural", "fastest"):
        yield Case(f"speech.{name}", f"A sentence has sound at its {name} speed.", partial(_speed, name))
    yield Case("speech.slower", "Slow speech is longer than quick speech.", _slower)
    yield Case("speech.range", "The speeds include 1, the natural one.", _range)
    yield Case("speech.rate", "All pieces of speech have one rate.", _one_rate)
    yield Case("speech.economy", "A sentence has sound even if memory is short.", _economy)
    yield Case("speech.attributes", "The engine has the attributes of its contract.", _attributes)
    yield Case("speech.cancelled", "An engine does not catch the exceptions of its check.", _check)
    yield Case("voice.names", "Voices have unique names, and existing models.", _voice_names)
    yield Case("voice.languages", "The languages of voices are tags.", _voice_languages)
    yield Case("voice.each", "Each of the first installed voices speaks.", _each_voice)
    yield Case("voice.none", "An unknown voice is refused in a sentence.", _no_voice)
    yield Case("stream.order", "Speech comes in order, sentence by sentence.", _order)
    yield Case("stream.early", "The first sentence is sent before the last one is made.", _early)
    yield Case("stream.duration", "The result's seconds equal the received ones.", _duration)
    yield Case("stream.words", "The words of a timeline are inside the speech, in order.", _timeline)
    for name in _FORMATS:
        yield Case(f"format.{name}", f"Speech is available as {name}.", partial(_format, name))
    for rate in _RATES:
        yield Case(f"rate.{rate}", f"Speech is available at {rate} Hz.", partial(_rate, rate))
    yield Case("rate.stereo", "Speech is available in two channels.", _stereo)


def _sound(trial: Trial) -> Iterator[str]:
    yield from _at(trial, 1.0)


def _speed(name: str, trial: Trial) -> Iterator[str]:
    speeds = {"slowest": trial.info.slowest, "natural": 1.0, "fastest": trial.info.fastest}
    yield from _at(trial, speeds[name])


def _at(trial: Trial, speed: float) -> Iterator[str]:
    chunks = trial.speak(SENTENCE, speed)
    if not sum(len(chunk.samples) for chunk in chunks):
        yield f"it is silent at speed {speed:g}"
    for chunk in chunks:
        yield from wrong(chunk, SENTENCE)


def _seconds(trial: Trial, speed: float) -> float:
    return sum(len(chunk.samples) / chunk.rate for chunk in trial.speak(SENTENCE, speed))


def _slower(trial: Trial) -> Iterator[str]:
    if trial.info.slowest == trial.info.fastest:
        return
    slow, quick = _seconds(trial, trial.info.slowest), _seconds(trial, trial.info.fastest)
    if slow < quick:
        yield f"{slow:g} s at speed {trial.info.slowest:g}, {quick:g} s at {trial.info.fastest:g}"


def _range(trial: Trial) -> Iterator[str]:
    if not 0 < trial.info.slowest <= 1 <= trial.info.fastest:
        yield f"they go from {trial.info.slowest} to {trial.info.fastest}"


def _one_rate(trial: Trial) -> Iterator[str]:
    rates = {chunk.rate for text in (SENTENCE, _THREE, "One.") for chunk in trial.speak(text)}
    if len(rates) != 1:
        yield f"they have {sorted(rates)} Hz"


def _economy(trial: Trial) -> Iterator[str]:
    trial.engine.economy = True
    try:
        yield from _at(trial, 1.0)
    finally:
        trial.engine.economy = False


def _attributes(trial: Trial) -> Iterator[str]:
    for attribute in ("economy", "degraded"):
        if not hasattr(trial.engine, attribute):
            yield f"it has no attribute {attribute}"


def _check(trial: Trial) -> Iterator[str]:
    yield from faults_in_cancel(trial.engine, lambda: trial.speak(_THREE), "the text")
    yield from _at(trial, 1.0)


def _voice_names(trial: Trial) -> Iterator[str]:
    names = [voice.name for voice in trial.kind.voices()]
    if len(set(names)) < len(names):
        yield "two voices have the same name"
    models = {model.name for model in trial.info.models}
    for voice in trial.kind.voices():
        if voice.model not in models:
            yield f"the voice {voice.name} is of the model {voice.model!r}, which does not exist"
        if not voice.wpm > 0:
            yield f"the voice {voice.name} speaks {voice.wpm} words a minute"


def _voice_languages(trial: Trial) -> Iterator[str]:
    for voice in trial.kind.voices():
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


def _no_voice(trial: Trial) -> Iterator[str]:
    for name in _NO_VOICES:
        answer = trial.say(SENTENCE, voice=name)
        yield from answer.faults(f"the voice {name!r:.40}", may_refuse=True)
        if name and answer.error is None:
            yield f"it speaks with {name!r:.40}"


def _order(trial: Trial) -> Iterator[str]:
    answer = trial.say(_THREE)
    yield from answer.faults("the text")
    numbers = [chunk.seq for chunk in answer.chunks]
    if numbers != sorted(set(numbers)):
        yield f"the chunks have the numbers {numbers!r:.200}"
    if answer.result.get("sentences") != 3:
        yield f"three sentences count as {answer.result.get('sentences')}"


def _early(trial: Trial) -> Iterator[str]:
    if len(trial.say(_THREE).chunks) < 3:
        yield "three sentences come in fewer than three chunks"


def _duration(trial: Trial) -> Iterator[str]:
    answer = trial.say(_THREE)
    yield from answer.faults("the text")
    rate = float(answer.result.get("rate", 0)) or 1.0
    seconds = sum(len(chunk.payload) for chunk in answer.chunks) / 2 / rate
    if abs(seconds - float(answer.result.get("duration", 0.0))) > 0.01:
        yield f"{seconds:g} s came, but the result has {answer.result.get('duration')}"


def _timeline(trial: Trial) -> Iterator[str]:
    answer = trial.say(_THREE, timeline=True)
    yield from answer.faults("the text")
    duration, last = float(answer.result.get("duration", 0.0)), 0.0
    for sentence in answer.partials:
        for word in sentence.get("words", ()):
            if not last - 0.01 <= word["start"] <= duration + 0.1:
                yield f"the word {word!r:.80} begins outside its place, {last:g} to {duration:g} s"
            last = max(last, word["start"])


def _sound_of(answer: Answer) -> bytes:
    data = bytearray()
    for chunk in answer.chunks:
        start = len(data) if chunk.offset is None else chunk.offset
        data[start : start + len(chunk.payload)] = chunk.payload
    return bytes(data)


def _format(name: str, trial: Trial) -> Iterator[str]:
    import soundfile

    answer = trial.say(SENTENCE, format=name)
    yield from answer.faults("the text")
    if answer.error or answer.raised:
        return
    if name == "pcm":
        seconds = len(_sound_of(answer)) / 2 / answer.result["rate"]
    else:
        info = soundfile.info(io.BytesIO(_sound_of(answer)))
        seconds = info.frames / info.samplerate
    if abs(seconds - answer.result["duration"]) > 0.2:
        yield f"the file has {seconds:g} s, but the result has {answer.result['duration']}"


def _rate(rate: int, trial: Trial) -> Iterator[str]:
    answer = trial.say(SENTENCE, sample_rate=rate)
    yield from answer.faults("the text")
    if answer.result.get("rate") != rate:
        yield f"it has {answer.result.get('rate')} Hz"


def _stereo(trial: Trial) -> Iterator[str]:
    mono, stereo = trial.say(SENTENCE), trial.say(SENTENCE, channels=2)
    yield from stereo.faults("the text")
    if abs(len(_sound_of(stereo)) - 2 * len(_sound_of(mono))) > 0.2 * len(_sound_of(stereo)):
        yield f"it has {len(_sound_of(stereo))} bytes, but in one channel {len(_sound_of(mono))}"
