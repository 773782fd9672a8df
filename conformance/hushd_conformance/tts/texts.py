"""Cases of texts: any copied text is spoken, skipped, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hushd_protocol.errors import HushdError
from hushd_worker.usage import PrivateMemory

from hushd_conformance.case import Case
from hushd_conformance.trial import ill_said

from .trial import SENTENCE, Trial, wrong

_TEXTS = {
    "empty": ("Nothing", ""),
    "spaces": ("Spaces and line ends", " \n\t\r\n \u00a0\u2003 "),
    "points": ("Stops alone", "... !? … — , ;"),
    "digits": ("Numbers", "123 4,567.89 1e400 0x1F 12:30 1/2 ½ ٣٤٥"),
    "units": ("Signs and units", "5 km/h, 20 °C, $3.50, 100 %, §7, №5, ©®™"),
    "emoji": ("Emoji", "Hello \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f!"),
    "right-to-left": ("Arabic and Hebrew", "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u202eolleh\u202c"),
    "chinese": ("Chinese and Japanese", "\u4f60\u597d\u3002\u3053\u3093\u306b\u3061\u306f\u3002"),
    "mixed": ("Many scripts in a word", "\u00df\u0416\u4e2d\u0e01\u0905\u10d0\u0561"),
    "control": ("Control characters", "one\x01two\x07\x1b[31mthree\x7f\x85four"),
    "null": ("A null", "one\x00two"),
    "invisible": ("Invisible characters", "a\u200bb\u200d\ufeffc\u00ad d\u2060e"),
    "combining": ("Heaps of accents", "Z" + "\u0301\u0327\u0330" * 60 + "algo"),
    "surrogates": ("Characters beyond Unicode's first plane", "\U0001d4d7\U0001d4ee \U00020000 \U0010ffff"),
    "private": ("Characters that mean nothing", "\ue000\uf8ff\uffff\ufffe"),
    "markup": ("Markup as text", "<speak>&amp;</b> [[kɒ]] {x} %s $HOME `ls` \\n"),
    "url": ("An address", "https://example.org/a?b=c&d=%20#e and a@b.example"),
    "long-word": ("A word of 5,000 letters", "a" * 5_000),
    "long-consonants": ("An unpronounceable word", "bcdfghjklmnpqrstvwxz" * 20),
    "long-sentence": ("A sentence of 300 words", "and then " * 300 + "it ended."),
    "repeated": ("One sign, 3,000 times", "!" * 3_000),
    "capitals": ("Capitals", "THIS IS NASA AND THE USA. IBM!"),
    "lines": ("A text of lines without stops", "one\ntwo\nthree\nfour"),
}  # fmt: skip


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of texts."""
    for name, (what, text) in _TEXTS.items():
        yield Case(f"text.{name}", f"{what}: the engine speaks or skips it.", partial(_spoken, text))
        yield Case(
            f"worker.{name}", f"{what}: the worker speaks it, or refuses it in a sentence.", partial(_asked, text)
        )
    yield Case("text.megabyte", "A megabyte of text is spoken at once, and can be cancelled.", _megabyte)
    yield Case("text.megabyte-of-nothing", "A megabyte of spaces is refused in a sentence.", _nothing)
    yield Case("text.streamed", "A text that arrives letter by letter is spoken completely.", _streamed)
    yield Case("text.no-unicode", "Bytes that are not UTF-8 are spoken or refused in a sentence.", _no_unicode)


def _spoken(text: str, trial: Trial) -> Iterator[str]:
    try:
        chunks = trial.speak(text)
    except HushdError as error:
        yield from ill_said("the text", error)
        return
    for chunk in chunks:
        yield from wrong(chunk, text)


def _asked(text: str, trial: Trial) -> Iterator[str]:
    answer = trial.say(text)
    yield from answer.faults("the text", may_refuse=True)
    if answer.error is None and not answer.chunks:
        yield "there is neither sound nor a refusal"


def _megabyte(trial: Trial) -> Iterator[str]:
    text = (SENTENCE + " ") * (1_000_000 // (len(SENTENCE) + 1))
    memory = PrivateMemory()
    memory.look()
    before = memory.now
    answer = trial.ask(
        trial.op,
        (text[start : start + 60_000].encode() for start in range(0, len(text), 60_000)),
        {"voice": trial.voice.name},
        lambda number: number > 40,
    )
    memory.look()
    yield from answer.faults("the text")
    if not answer.cancelled or not answer.chunks:
        yield "no speech comes before all text is read"
    if memory.now - before > 200_000_000:
        yield f"it makes the process grow by {(memory.now - before) / 1e6:.0f} MB"


def _nothing(trial: Trial) -> Iterator[str]:
    answer = trial.ask(trial.op, (b" \n" * 10_000 for _ in range(50)), {"voice": trial.voice.name})
    yield from answer.faults("the text", may_refuse=True)
    if answer.error is None:
        yield "it is spoken"


def _streamed(trial: Trial) -> Iterator[str]:
    whole = trial.say(SENTENCE)
    answer = trial.ask(trial.op, (letter.encode() for letter in SENTENCE), {"voice": trial.voice.name})
    yield from answer.faults("the text")
    if answer.result.get("sentences") != whole.result.get("sentences"):
        yield f"it has {answer.result.get('sentences')} sentences, but in one go {whole.result.get('sentences')}"


def _no_unicode(trial: Trial) -> Iterator[str]:
    answer = trial.ask(trial.op, b"Hello \xff\xfe\x80 there \xc3", {"voice": trial.voice.name})
    yield from answer.faults("the text", may_refuse=True)
