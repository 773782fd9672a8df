"""Works on the texts that engines return: words for comparisons, words and loops that nobody said, and the pauses at
which a segment is split. Pure.

The voice detector lets some music pass, though it is sure of few of its frames. A model then writes what stands beside
music in its training, such as "You" or "Thank you for watching!". One bit of the sound decides which text that is, so
the detector's mean probability rules, not the text: it was 0.71 at least for 87 words that people said alone, half of
them in noise at 10 dB; at 0 dB it is less for some. A decoder that has lost the speech repeats its last words up to the
maximum length."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby, takewhile

from .engine import Segment

# Words are separated by spaces; in Thai, Chinese and Japanese, without spaces, a character is a word.
_NO_SPACES = "\u0e00-\u0eff\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef"
_ASCII_WORD = re.compile(r"\s*\S+")
_SIGNS = re.compile(r"[\W_]+")


def split(text: str) -> list[str]:
    """Returns the words of `text`, each with the space before it; joined they are the text."""
    word = _ASCII_WORD if text.isascii() else _any_word()
    return word.findall(f" {text.strip()}") if text.strip() else []


@cache
def _any_word() -> re.Pattern[str]:
    """Compiles a pattern of any word, which takes 4 ms of a cold worker's start."""
    any_word = re.compile(rf"\s*(?:[{_NO_SPACES}]|[^\s{_NO_SPACES}]+)")
    return any_word


def keys(words: Sequence[str]) -> list[str]:
    """Returns the part of each word that counts: without punctuation, in lower case."""
    return [_SIGNS.sub("", word).casefold() for word in words]


# Words that each family of models writes beside music: moonshine's as measured, the others' as their users report them.
_SOUNDS = frozenset(("bye", "bye-bye", "hmm", "mm", "mm-h", "mm-hmm", "oh", "okay", "uh", "yeah", "music", "applause"))
MOONSHINE = _SOUNDS | {"you", "thank you", "thank you for watching", "thanks for watching", "transcript Emily Beynon"}
WHISPER = MOONSHINE | {
    "thank you very much", "thank you so much", "please subscribe", "Subtitles by the Amara.org community",
    "Vielen Dank", "Untertitel der Amara.org-Community", "Untertitelung des ZDF, 2020", "Merci",
    "Sous-titres réalisés par la communauté d'Amara.org", "Gracias", "¡Gracias por ver el video!",
    "Subtítulos realizados por la comunidad de Amara.org", "Obrigado", "Legendas pela comunidade Amara.org",
    "Sottotitoli creati dalla comunità Amara.org", "ご視聴ありがとうございました", "謝謝觀看",
    "字幕由Amara.org社区提供", "Продолжение следует",
}  # fmt: skip
TRANSDUCER = _SOUNDS

SURE_SPEECH = 0.65  # the mean probability of speech over a piece, from which on every word counts
UNSURE = 0.5  # mean probability below which no word counts
# Seconds of sound for which SURE_SPEECH is that bound, too: a second of speech has 0.55 in noise as loud as itself.
SHORT_S = 1.0
_MUCH_SOUND_S = 4.0  # seconds of sound in which there should be more than a few words
_FEW_WORDS_PER_S = 0.5  # words a second that are few


def heard(segments: Sequence[Segment], certainty: float, seconds: float, habits: Collection[str]) -> list[Segment]:
    """Returns the segments of a piece; none if its words are not speech but a habit of the engine.

    Args:
        certainty: the detector's mean probability of speech in the piece, from 0 to 1.
        seconds: the length of the sound that the detector took for speech, without pauses.
        habits: see `Engine.HABITS`.
    """
    segments = list(segments)
    if certainty >= SURE_SPEECH or not segments:
        return segments
    if certainty < UNSURE or seconds < SHORT_S:
        return []
    words = [word for segment in segments for word in keys(split(segment.text)) if word]
    few = seconds >= _MUCH_SOUND_S and len(words) < _FEW_WORDS_PER_S * seconds
    return [] if few or all(_is_habit(segment.text, habits) for segment in segments) else segments


def _is_habit(text: str, habits: Collection[str]) -> bool:
    letters = _said(text)
    return not letters or any(letters == habit * (len(letters) // len(habit)) for habit in map(_said, habits))


def _said(text: str) -> str:
    """Returns the letters and digits of a text alone, so that signs and spaces make no difference."""
    return "".join(keys(split(text)))


LOOPED = (
    "The model lost the speech and repeated itself; the repetitions were cut, and the words spoken there are missing: "
    "take another model."
)
HURRIED = (
    "The model wrote more than anybody can say in that time, so the text is not what was said: take another model."
)
_MAX_ROUND_WORDS = 16  # words of a round that is repeated
_SEGMENTS = 4  # segments of the same text in a row; a refrain has as many
_MAX_REPEATED_LETTERS = 40  # letters of a part that is repeated inside a word
_LONG = 12  # letters of a word that is examined; shorter ones cannot contain a loop
_STOPS = (".", "?", "!", "…", "。", "？", "！")
# Each number of words has the rounds that are a loop if the last one is cut off, otherwise three; one more if the text
# is cut off between two of them, and nothing but spaces parts them: people's repetitions get commas, and a full stop.
_CUT = {1: 4}


# Each segment of 100 recordings in five languages had 7 characters less than 30 a second, a repeated sentence 75 more.
_CHARACTERS_PER_S = 30
_SPARE_CHARACTERS = 20


def is_hurried(text: str, seconds: float) -> bool:
    """Returns whether nobody can have said `text` in its time."""
    return len(text) > _CHARACTERS_PER_S * max(0.0, seconds) + _SPARE_CHARACTERS


def is_loop(segments: Sequence[Segment]) -> bool:
    """Returns whether the decoder has looped in `segments`."""
    return without_loops(segments) != list(segments)


def without_loops(segments: Sequence[Segment]) -> list[Segment]:
    """Returns `segments` with every loop reduced to one round."""
    unlooped: list[Segment] = []
    for _, same in groupby(map(_collapsed, segments), key=lambda segment: keys(split(segment.text))):
        run = list(same)
        unlooped += run if len(run) <= _SEGMENTS else [run[0]]
    return unlooped


def _collapsed(segment: Segment) -> Segment:
    cut = not segment.text.rstrip().endswith(_STOPS)
    words = split(segment.text)
    numbers = _without_repeats(keys(words), _most, _MAX_ROUND_WORDS, cut, _plain_from(words))
    text = "".join(_unstuck(words[number], cut and number == len(words) - 1) for number in numbers).strip()
    if text == segment.text.strip():
        return segment
    spoken = [f" {word.text}" for word in segment.words]
    timed = _without_repeats(keys(spoken), _most, _MAX_ROUND_WORDS, cut, _plain_from(spoken))
    last = len(segment.words) - 1
    times = (
        replace(word, text=_unstuck(word.text, cut and number == last))
        for number in timed
        for word in (segment.words[number],)
    )
    return replace(segment, text=text, words=tuple(times))


def _plain_from(words: Sequence[str]) -> int:
    """Returns the number of the first word after which all are parted by spaces alone; never the very first, since a
    text may be one word that somebody repeats."""
    plain = list(takewhile(lambda word: word[:1].isspace() and word.strip().isalnum(), reversed(words)))
    return max(1, len(words) - len(plain))


def _unstuck(word: str, cut: bool) -> str:
    """Returns `word`, or if it repeats a part, as `https/https/https/` does, the part once."""
    if len(word) < _LONG or not any(map(str.isalpha, word)):  # a number may have many zeros
        return word
    numbers = _without_repeats([letter.casefold() for letter in word], _most_letters, _MAX_REPEATED_LETTERS, cut)
    return "".join(word[number] for number in numbers)


def _without_repeats(
    units: Sequence[str], most: Callable[[int], int], longest: int, cut: bool, plain_from: int = sys.maxsize
) -> list[int]:
    """Returns the numbers of the words or letters to keep: of a loop, those of its first round.

    Args:
        most: returns the maximum rounds of a number of units that are not a loop.
        longest: the maximum number of units in a round.
        cut: whether the text ends without a full stop, so that a last round may have been cut off.
        plain_from: the unit from which on the text may have been cut off between two rounds.
    """
    numbers: list[int] = []
    at = 0
    while at < len(units):
        width, rounds = _loop(units, at, most, longest, cut, at >= plain_from)
        numbers += range(at, at + width)
        round_ = units[at : at + width]
        at += width * rounds
        if rounds > 1 and _begins(round_, units[at:]):
            break  # the last round, cut off
    return numbers


def _loop(
    units: Sequence[str], at: int, most: Callable[[int], int], longest: int, cut: bool, plain: bool
) -> tuple[int, int]:
    """Returns the number of units that repeat at `at`, and of their rounds; (1, 1) if there is no loop."""
    for width in range(1, min(longest, (len(units) - at) // 2) + 1):
        round_, rounds = units[at : at + width], 1
        while units[at + rounds * width : at + (rounds + 1) * width] == round_:
            rounds += 1
        if rounds > most(width):
            return width, rounds
        rest = units[at + rounds * width :]
        least = _CUT.get(width, 3)
        ends_inside = rounds >= least and _begins(round_, rest)
        ends_between = plain and rounds > least and not rest
        if cut and (ends_inside or ends_between) and _whole(units, at, width):
            return width, rounds
    return 1, 1


def _whole(units: Sequence[str], at: int, width: int) -> bool:
    """Returns whether the round at `at` neither joins the end and beginning of two others, nor consists of smaller
    ones."""
    round_ = list(units[at : at + width])
    smaller = (round_[:part] * (width // part) == round_ for part in range(1, width // 2 + 1) if width % part == 0)
    return (at == 0 or units[at - 1] != round_[-1]) and not any(smaller)


def _most(width: int) -> int:
    """Returns the maximum rounds of `width` words that people say: "no" eight times, "thank you" six, a sentence
    three."""
    return 8 if width == 1 else 6 if width <= 3 else 3


def _most_letters(width: int) -> int:
    """Returns the maximum rounds of `width` letters that people say without a pause: laughter, and "blah-blah-blah"."""
    return 16 if width <= 3 else 4


def _begins(round_: Sequence[str], rest: Sequence[str]) -> bool:
    """Returns whether `rest` is an incomplete beginning of `round_`; its last unit may be cut off."""
    if not rest or len(rest) > len(round_) or list(rest) == list(round_):
        return False
    *whole, last = rest
    return list(round_[: len(whole)]) == whole and last != "" and round_[len(whole)].startswith(last)


_PAUSES_AT = ".?!,;:…。？！，；："
_CLOSING = " \"'”’»)]"
_STOP = re.compile(r"\w(?<!etc)\.$")  # a single full stop
_NAME = "Xavier"  # may follow an abbreviation in the same sentence, and begin the next one
_LEAST_WORD_S = 0.03  # more than this of a word is spoken beside a pause
_TOLERANCE_S = 1.5  # seconds of speech between a pause and the expected place of its stop


def going_on(segment: Segment, after: str, language: str) -> Segment:
    """Returns `segment` without the full stop that a model writes where the sound ends, if the sentence goes on with
    `after`, in a small letter. The stop of an abbreviation stays."""
    from hushd_reading.sentences import ends_sentence  # noqa: PLC0415 - 8 ms, where speech was cut

    text = segment.text.rstrip()
    stops = _STOP.search(text) and after.lstrip()[:1].islower() and ends_sentence(text, _NAME, language or "en")
    if not stops or not all(_STOP.search(word.text.rstrip()) for word in segment.words[-1:]):
        return segment
    words = tuple(replace(word, text=word.text.rstrip()[:-1]) for word in segment.words[-1:])
    return replace(segment, text=text[:-1], words=segment.words[:-1] + words)


def at_pauses(segment: Segment, speech: Sequence[tuple[float, float]]) -> list[Segment]:
    """Splits `segment` at pauses of the speaker that match stops in the text.

    Args:
        segment: a segment without word times.
        speech: the spans of speech in it, in order, with pauses between them; in seconds, as in `segment`.

    A stop is expected at the time when the share of speech equals the share of letters before the stop. Stops and
    pauses are paired in order, as many and as near to each other as possible. Each part lasts from the start to the end
    of its speech. The text stays the same.
    """
    if segment.words or not speech:
        return [segment]
    words = segment.text.split()
    total = sum(end - start for start, end in speech)
    letters = sum(map(len, words)) or 1
    stops, spelt = [], 0
    for number, word in enumerate(words[:-1], 1):
        spelt += len(word)
        if word[-1] in _PAUSES_AT:
            stops.append((number, spelt / letters * total))
    pauses, spoken = [], 0.0
    for number, (start, end) in enumerate(speech[:-1], 1):
        spoken += end - start
        pauses.append((number, spoken))
    parts, first, span = [], 0, 0
    for last, next_span in [*_pairs(stops, pauses), (len(words), len(speech))]:
        text = " ".join(words[first:last])
        parts.append(replace(segment, start=speech[span][0], end=speech[next_span - 1][1], text=text))
        first, span = last, next_span
    return parts


def beside_pauses(segment: Segment, pauses: Sequence[tuple[float, float]]) -> Segment:
    """Returns `segment` without a word that lasts through a pause: it ends before it if a stop follows and most of it
    is there, else it begins after it. Whisper has a word begin where the one before it ends.
    `pauses`: in seconds, in their order."""
    words = list(segment.words)
    for number, word in enumerate(words):
        for start, end in pauses:
            before, after = start - word.start, word.end - end
            if after > _LEAST_WORD_S and end > word.start:
                if before > after and word.text.rstrip(_CLOSING).endswith(tuple(_PAUSES_AT)):
                    words[number] = replace(word, end=start)
                    break
                words[number] = word = replace(word, start=end)
            elif before > _LEAST_WORD_S and start < word.end:
                words[number] = word = replace(word, end=start)
    if words == list(segment.words):
        return segment
    return replace(segment, start=words[0].start, end=words[-1].end, words=tuple(words))


def _pairs(stops: list[tuple[int, float]], pauses: list[tuple[int, float]]) -> list[tuple[int, int]]:
    """Returns the best pairs of a stop and a pause, by their numbers: a pair earns the tolerance minus its distance."""
    # best[i][j]: the maximum that the first i stops and j pauses can earn, and the pairs that earn it.
    best: list[list[tuple[float, list[tuple[int, int]]]]] = [[(0.0, [])] * (len(pauses) + 1)]
    for stop, expected in stops:
        row: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
        for index, (pause, at) in enumerate(pauses):
            earned, pairs = best[-1][index]
            worth = _TOLERANCE_S - abs(expected - at)
            choices = [best[-1][index + 1], row[index]]
            if worth > 0:
                choices.append((earned + worth, [*pairs, (stop, pause)]))
            row.append(max(choices, key=lambda choice: choice[0]))
        best.append(row)
    return best[-1][-1][1]
