"""Cases of requests to a speech-to-text engine: word times, languages, options, batches and live audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_worker_stt import words
from hushd_worker_stt.engine import RATE

from hushd_conformance.case import Case, LeftOut
from hushd_conformance.trial import Answer, faults_in_cancel

from .files import ordered
from .trial import Trial, s16le, wav, wrong

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_OPTIONS: dict[str, object] = {
    "prompt": "Samuel Beckett, Worstward Ho.",
    "hotwords": "Beckett, Worstward",
    "beam": 2,
    "temperature": 0.4,
}
_FOREIGN = ("kl\N{LATIN SMALL LETTER E WITH ACUTE}", "xx-nowhere", "12", "e" * 500)
_LIVE: JsonObject = {"format": "s16le", "rate": RATE, "channels": 1, "live": True}


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of requests."""
    yield Case("words.times", "Words are inside their segment, in order.", _word_times)
    yield Case("words.text", "The words of a segment are those of its text.", _word_text)
    yield Case("words.unasked", "Word times only come if they are requested.", _no_word_times)
    yield Case("words.probability", "Probabilities of words are between 0 and 1.", _probabilities)
    yield Case("batch.same", "Pieces that are read together have the same text as alone.", _batch)
    yield Case("batch.none", "An empty batch has no answers.", _no_batch)
    yield Case("batch.lengths", "A batch of pieces of very different lengths has an answer for each.", _mixed_batch)
    for name in _OPTIONS:
        yield Case(
            f"option.{name}", f"The option {name} is used or ignored, without a failure.", partial(_option, name)
        )
    yield Case("option.long-prompt", "A prompt far too long is cut.", _long_prompt)
    yield Case("option.warned", "A result names the options that the engine does not use.", _warned)
    yield Case("language.each", "Each of the model's first languages can be named.", _each_language)
    yield Case("language.foreign", "A language that the model does not support is refused in a sentence.", _foreign)
    yield Case("language.detected", "The detected language is one of the model's.", _detected)
    yield Case("language.translated", "A translation is made, or refused in a sentence.", _translated)
    yield Case("live.silence", "Live silence ends without a text.", _live_silence)
    yield Case("live.speech", "Live speech has segments in order.", _live_speech)
    yield Case("live.stable", "Stable text of live speech does not change before its segment.", _live_stable)
    yield Case("live.cancelled", "A live session ends when its client leaves.", _live_cancelled)
    yield Case("engine.cancelled", "An engine does not catch the exceptions of its check.", _check)


def _word_times(trial: Trial) -> Iterator[str]:
    if not trial.abilities.word_times:
        raise LeftOut("it has no word times")
    yield from wrong(trial.hear(trial.speech, word_times=True), len(trial.speech) / RATE)


def _word_text(trial: Trial) -> Iterator[str]:
    for segment in trial.hear(trial.speech, word_times=True):
        told = words.keys(["".join(word.text for word in segment.words)])
        if segment.words and told != words.keys([segment.text.replace(" ", "")]):
            yield f"{' '.join(word.text for word in segment.words)!r:.200} is not {segment.text!r:.200}"


def _no_word_times(trial: Trial) -> Iterator[str]:
    if any(segment.words for segment in trial.hear(trial.speech)):
        yield "it yields words without a request"


def _probabilities(trial: Trial) -> Iterator[str]:
    for segment in trial.hear(trial.speech, word_times=True):
        for word in segment.words:
            if word.probability is not None and not 0.0 <= word.probability <= 1.0:
                yield f"the word {word.text!r} has the probability {word.probability}"


def _batch(trial: Trial) -> Iterator[str]:
    yield from _together(trial, [trial.speech, trial.speech[: len(trial.speech) // 2], trial.speech])


def _mixed_batch(trial: Trial) -> Iterator[str]:
    import numpy as np

    yield from _together(trial, [trial.speech, np.zeros(1600, np.float32), trial.speech[: 2 * RATE]], text=False)


def _together(trial: Trial, pieces: list[Samples], text: bool = True) -> Iterator[str]:
    batch = max(2, trial.engine.batch)
    alone = [[segment.text for segment in trial.hear(piece)] for piece in pieces]
    together: list[list[str]] = []
    for start in range(0, len(pieces), batch):
        part = pieces[start : start + batch]
        answers = trial.engine.transcribe_batch(part, [trial.options()] * len(part))
        if len(answers) != len(part):
            yield f"transcribe_batch has {len(answers)} answers for {len(part)} pieces"
        together += [[segment.text for segment in answer] for answer in answers]
        for answer, piece in zip(answers, part, strict=False):
            yield from wrong(answer, len(piece) / RATE)
    if text and together != alone:
        yield f"together they are {together!r:.300}, but alone {alone!r:.300}"


def _no_batch(trial: Trial) -> Iterator[str]:
    if trial.engine.transcribe_batch([], []):
        yield "it has some"


def _option(name: str, trial: Trial) -> Iterator[str]:
    segments = trial.hear(trial.speech, **{name: _OPTIONS[name]})
    yield from wrong(segments, len(trial.speech) / RATE)


def _long_prompt(trial: Trial) -> Iterator[str]:
    yield from trial.ask(trial.op, wav(trial.speech), {"prompt": "Estragon and " * 150}).faults("the job")


def _warned(trial: Trial) -> Iterator[str]:
    used = trial.abilities.options
    answer = trial.ask(trial.op, wav(trial.speech), {"hotwords": "Godot"})
    yield from answer.faults("the job")
    warned = any(warning["code"] == "no_effect" for warning in answer.result.get("warnings", ()))
    if used is not None and warned == ("hotwords" in used):
        yield f"its options are {used!r:.200}, and the result has {answer.result.get('warnings')!r:.200}"


def _each_language(trial: Trial) -> Iterator[str]:
    for tag in trial.info.languages[:5]:
        if tag not in ("*", "und"):
            yield from trial.ask(trial.op, wav(trial.speech), {"language": tag}).faults(f"the language {tag}")


def _foreign(trial: Trial) -> Iterator[str]:
    if "*" in trial.info.languages:
        raise LeftOut("it supports all languages")
    for tag in _FOREIGN:
        answer = trial.ask(trial.op, wav(trial.speech), {"language": tag})
        yield from answer.faults(f"the language {tag!r:.40}", may_refuse=True)
        if answer.error is None:
            yield f"it hears {tag!r:.40}"


def _detected(trial: Trial) -> Iterator[str]:
    detected = trial.engine.detect_language(trial.speech)
    if detected is None:
        return
    if detected.tag not in trial.info.languages:
        yield f"{detected.tag!r:.40} is not among {trial.info.languages!r:.200}"
    if detected.probability is not None and not 0.0 <= detected.probability <= 1.0:
        yield f"{detected.tag!r:.40} has the probability {detected.probability}"


def _translated(trial: Trial) -> Iterator[str]:
    answer = trial.ask(trial.op, wav(trial.speech), {"task": "translate"})
    yield from answer.faults("the translation", may_refuse=True)
    if not trial.abilities.translates(trial.info) and answer.error is None:
        yield "it is made, although the engine describes itself as unable"


def _live(
    trial: Trial, samples: Samples, cancel: Callable[[int], bool] | None = None, **params: object
) -> Iterator[str]:
    answer = _session(trial, samples, cancel, **params)
    answer.partials = [partial for partial in answer.partials if partial.get("kind") == "segment"]
    if answer.error is not None and answer.error.code == "no_speech":
        return
    if not answer.cancelled:
        yield from ordered(answer)


def _session(trial: Trial, samples: Samples, cancel: Callable[[int], bool] | None = None, **params: object) -> Answer:
    data = s16le(samples)
    chunks = (data[start : start + 3200] for start in range(0, len(data), 3200))
    return trial.ask(trial.op, chunks, {**_LIVE, **params}, cancel)


def _live_silence(trial: Trial) -> Iterator[str]:
    import numpy as np

    yield from _live(trial, np.zeros(5 * RATE, np.float32), continuous=True)


def _live_speech(trial: Trial) -> Iterator[str]:
    import numpy as np

    quiet = np.zeros(2 * RATE, np.float32)
    yield from _live(trial, np.concatenate([quiet, trial.speech, quiet, trial.speech, quiet]), continuous=True)


def _live_stable(trial: Trial) -> Iterator[str]:
    import numpy as np

    quiet = np.zeros(2 * RATE, np.float32)
    answer = _session(trial, np.concatenate([quiet, trial.speech, quiet]), continuous=True)
    yield from answer.faults("the session")
    stable = ""
    for event in answer.partials:
        now = event["stable"] if event.get("kind") == "unstable" else ""
        if event.get("kind") == "unstable" and not now.startswith(stable):
            yield f"{stable!r:.200} becomes {now!r:.200}"
        stable = now


def _live_cancelled(trial: Trial) -> Iterator[str]:
    import numpy as np

    yield from _live(trial, np.tile(trial.speech, 3), lambda number: number > 20, continuous=True)


def _check(trial: Trial) -> Iterator[str]:
    yield from faults_in_cancel(trial.engine, lambda: trial.hear(trial.speech), "the piece")
    yield from wrong(trial.hear(trial.speech), len(trial.speech) / RATE)
