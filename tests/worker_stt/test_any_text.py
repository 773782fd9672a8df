"""Whatever text an engine returns, nothing between it and the user raises, and ordinary words stay as they are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hushd.transcripts import formats
from hushd.transcripts import segment as client
from hushd_protocol import JsonObject
from hushd_protocol.codec import Decoder, encode
from hushd_protocol.messages import Partial
from hushd_schema.results import SegmentData
from hushd_worker_stt import partials
from hushd_worker_stt.engine import Segment, Word
from hushd_worker_stt.live import turn_words
from hushd_worker_stt.live.drafted import Agreement, without
from hushd_worker_stt.plausibility import Plausibility
from hushd_worker_stt.wording import WHISPER, at_pauses, heard, without_loops

SPANS = [(0.0, 1.0), (1.5, 3.0), (3.4, 5.0)]
SPEECH = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
# Words whose lower case, or case for comparisons, has another number of letters, among sentences of five languages.
SENTENCES = (
    "Die Straßenbahn fährt gleichermaßen früh, und der Großstadtverkehr verläuft maßstabsgerecht.",
    "İstanbul'dakilerdenmiş gibi konuşuyordu; DİYARBAKIRLILAR da geldi.",
    "The ﬁshermen's oﬀicially eﬃcient workﬂow is antidisestablishmentarianism, ŉ'importe.",
    "L'anticonstitutionnellement célèbre œuvre d'Hàns ẞtraẞenbahnen fut rééditée.",
    "El otorrinolaringólogo averiguó electroencefalográficamente la ﬂuctuación.",
    "Inconstitucionalissimamente, a coração-de-negro ﬂoresceu em Guaratinguetá.",
)


def blocks() -> Iterator[str]:
    """Words of 16 characters, six a text: of Unicode each that has a case, and each fiftieth of the others."""
    characters = [c for c in map(chr, range(0x110000)) if ord(c) % 50 == 0 or c.swapcase() != c]
    words = ["".join(characters[at : at + 16]) for at in range(0, len(characters), 16)]
    yield from (" ".join(words[at : at + 6]) for at in range(0, len(words), 6))


@dataclass
class Arrived:
    """A transcript at a program."""

    segments: list[client.Segment]
    diarized = False
    language = "de"
    language_probability = None
    warnings = unlikely = ()
    model = ""

    def __iter__(self) -> Iterator[client.Segment]:
        return iter(self.segments)


def sent(data: JsonObject) -> JsonObject:
    """A worker's message as it arrives."""
    message = Decoder([Partial]).decode(encode(Partial(id=bytes(16), seq=0, data=data)))
    assert isinstance(message, Partial)
    return message.data


def go_through(text: str, forms: Iterable[str] = formats.TRANSCRIPT_FORMATS) -> list[client.Segment]:
    """Takes a text all ways from the engine to the user, in `forms`."""
    words = tuple(Word(word, number / 10, number / 10 + 0.1) for number, word in enumerate(text.split()))
    segments = without_loops([Segment(0.0, 5.0, text, words), Segment(0.0, 5.0, text)])
    segments = heard(segments, 0.55, 5.0, WHISPER)
    segments = [part for segment in segments for part in at_pauses(segment, SPANS)]
    Plausibility(lambda samples: text[1:]).unlikely(SPEECH, text)
    turn_words.finished(text, "de")
    agreement = Agreement()
    for draft in (text[: len(text) // 2], text, text[::2]):
        agreement.update(draft)
    agreement.finish(without(text, text[:9]))
    sent({**partials.of_event(partials.Unstable(agreement.stable, agreement.text))})
    data = [sent(partials.of_segment(number, segment).data()) for number, segment in enumerate(segments)]
    arrived = Arrived([client.Segment.of(SegmentData.from_data(each)) for each in data])
    for form in forms:
        "".join(formats.render(form, arrived)).encode()
    return arrived.segments


def test_every_character_comes_through() -> None:
    """All of Unicode is tried, in long words, halves of characters among them: no text is an error."""
    for number, text in enumerate(blocks()):
        go_through(text, ("txt", "tsv", "json") if number % 20 else formats.TRANSCRIPT_FORMATS)  # subtitles: slow


@pytest.mark.parametrize("text", SENTENCES)
def test_long_words_of_any_language_stay(text: str) -> None:
    """A text without a loop is itself, with its words' times and without, wherever it ends."""
    for end in range(12, len(text) + 1):
        segments = [Segment(0.0, 5.0, text[:end], tuple(Word(word, 0.0, 1.0) for word in text[:end].split()))]
        assert without_loops(segments) == segments
    assert " ".join(segment.text for segment in go_through(text)[1:]) == text


def test_letters_in_any_order_come_through() -> None:
    """Seeded words of letters whose cases differ in length, beside spaces, signs and loops of them."""
    odd = [c for c in map(chr, range(0x20000)) if len({len(c), len(c.casefold()), len(c.lower()), len(c.upper())}) > 1]
    for seed in range(100):
        dice = random.Random(seed)
        letters = dice.choices([*odd, "a", "B", "1", " ", "\n", "\u3000", "/", "\ud800"], k=dice.randint(1, 40))
        go_through("".join(letters) * dice.choice((1, 1, 2, 20)))
