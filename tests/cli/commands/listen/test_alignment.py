"""`listen --align`: a text gets the times at which it was heard."""

from __future__ import annotations

import json
import random
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_cli.commands.listen.alignment import Alignment, align, matches
from hushd_cli.commands.listen.as_read import soundings
from hushd_cli.commands.listen.script import Script
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Partial, Request, Result
from support.scripted_router import ScriptedRouter

from .test_files import Start, run

SENTENCE = "The quick brown fox jumps over the lazy dog while seven wise owls watch from a tall green tree nearby now."
OTHERS = [f"qx{sign * times}" for times in (1, 2, 3) for sign in "bcdfghjklmnp"]  # words of no sentence


def heard(text: str, seconds: float = 0.5, at: float = 0.0) -> Segment:
    """A segment whose words take `seconds` each."""
    words = [Word(word, at + n * seconds, at + (n + 1) * seconds) for n, word in enumerate(text.split())]
    return Segment(0, at, words[-1].end, text, tuple(words))


def near(expected: list[tuple[float, float]]) -> list[Any]:
    """Times but for the space before a word, in which its time begins."""
    return [(pytest.approx(start + 0.1, abs=0.1), pytest.approx(end)) for start, end in expected]


def times(alignment: Alignment) -> list[tuple[str, float, float]]:
    return [(word.word.strip(), word.start, word.end) for each in alignment.segments for word in each.words]


def test_the_words_are_the_authors_and_the_times_are_heard() -> None:
    """Case, punctuation, accents and quotation marks are the text's; a segment is a sentence of it."""
    alignment = align("« Venez », dit-elle.\n\nIl vint - là.", [heard("Venez dit elle il vint la")], "fr")
    assert [segment.text for segment in alignment.segments] == ["« Venez », dit-elle.", "Il vint - là."]
    assert [word for word, _, _ in times(alignment)] == ["« Venez »,", "dit-elle.", "Il", "vint", "- là."]
    assert [time[1:] for time in times(alignment)] == near([(0, 0.5), (0.5, 1.5), (1.5, 2), (2, 2.5), (2.5, 3)])
    assert alignment.likeness == 1.0


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "In 1984 Dr. Poe paid 1,250 or 40% of it on the 2nd.",
         "in nineteen eighty four doctor poe paid one thousand two hundred fifty or forty percent "
         "of it on the second"),
        ("de", "Um 17:30 Uhr kam Dr. Poe.", "um siebzehn uhr dreissig kam doktor poe"),
        ("fr", "M. Poe a 42 ans.", "monsieur poe a quarante deux ans"),
        ("es", "El 3 de mayo, 20 días.", "el tres de mayo veinte dias"),
        ("pt", "O Dr. Poe tem 2 casas.", "o doutor poe tem duas casas"),
    ],
)  # fmt: skip
def test_numbers_and_abbreviations_are_matched_as_they_are_read(language: str, written: str, spoken: str) -> None:
    """Heard in words or in digits, they are the same, and a number lasts as long as its words."""
    assert " ".join(each.letters for each in soundings(written, language)) == spoken
    by_words, by_digits = (align(written, [heard(text)], language) for text in (spoken, written))
    assert by_words.likeness == by_digits.likeness == 1.0
    assert [time[0] for time in times(by_words)] == written.split()
    assert times(by_words)[-1][2] == 0.5 * len(spoken.split())


def test_what_was_heard_otherwise_shares_its_time_by_letters() -> None:
    """A name that the model spells its own way, in other words, lasts as long as the words heard."""
    alignment = align("Ask Fisichella now.", [heard("ask fisi chella now")], "en")
    assert [time[1:] for time in times(alignment)] == near([(0, 0.5), (0.5, 1.5), (1.5, 2)])


def test_parts_that_differ_are_named() -> None:
    """A part that nobody spoke has no time; a word that the model missed has that of the pause."""
    text = "One two three word four five six. A whole line is not read here at all. Seven eight nine ten eleven twelve."
    speech = "one two three four five six seven eight nine hello and welcome to this ten eleven twelve"
    alignment = align(text, [heard(speech)], "en")
    assert [each.text for each in alignment.unspoken] == ["A whole line is not read here at all"]
    assert [each.text for each in alignment.unwritten] == ["hello and welcome to this"]
    assert [word for word, _, _ in times(alignment)][6:8] == ["six.", "Seven"]
    assert dict(each[:2] for each in times(alignment))["word"] == 1.5


def test_what_the_model_left_out_has_the_time_in_which_nothing_was_heard() -> None:
    """A sentence that it did not hear, between others that it heard wrongly, is not pressed into a moment."""
    text = "Our ferry is late. The house stood as he had left it. You want a key."
    segments = [heard("hour fairy iz lade"), heard("yew wand the quay", at=8.0)]
    found = [(each.start, each.end) for each in align(text, segments, "en").segments]
    assert found == [pytest.approx(each, abs=0.2) for each in ((0, 2), (2.5, 7.5), (8, 10))]


def test_a_chapter_is_found_in_a_book() -> None:
    """Runs of words that occur once lead to it, among words that occur everywhere."""
    words = random.Random(0)
    book = [f"w{words.randrange(3000)}" if n % 3 else "the" for n in range(30_000)]
    chapter = ["by", "nobody", *book[12_000:15_000], "ends"]
    assert matches(book, chapter) == [(12_000, 2, 3_000)]


@pytest.mark.parametrize("seed", range(200))
def test_any_text_and_any_speech(seed: int) -> None:
    """Whatever was heard for a text, with whatever gaps: its words come in their order, within the speech."""
    chance = random.Random(seed)
    several = ["the", "fox", "jumps", "1984", "Dr.", "farm.", "«", "3,50 €", "été!", "-", "x", "no", "animals", "42%"]
    text = " ".join(chance.choices(several, k=chance.randrange(1, 60)))
    segments, at = [], 0.0
    for _ in range(chance.randrange(4)):
        speech = " ".join(chance.choices(several, k=chance.randrange(1, 20)))
        at += chance.choice([0.0, 0.5, 9.0])
        segments.append(heard(speech, chance.choice([0.0, 0.02, 0.4]), at))
        at = segments[-1].end
    aligned = times(align(text, segments, chance.choice(["en", "fr"])))
    written = iter(text.split())
    assert all(part in written for word, _, _ in aligned for part in word.split())
    assert all(0 <= start <= end < at + 0.001 for _, start, end in aligned)


def test_nothing_matches_by_chance() -> None:
    """A common word or two among others are none that were read."""
    assert matches(list("abcdefghijk"), list("xyzqrabuvwa")) == []


def test_the_command(start_router: Start, tmp_path: Path) -> None:
    """Subtitles have the author's words, and standard error the part that nobody spoke; word times are requested."""
    requests: list[Request] = []
    words = [{"word": word, "start": n + 0.0, "end": n + 1.0} for n, word in enumerate(["hallo", "lieber", "wald"])]

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            requests.append(message)
            data = {"kind": "segment", "id": 0, "start": 0.0, "end": 3.0, "text": "hallo lieber wald", "words": words}
            router.send(route, Partial(id=message.id, seq=0, data=data), Result(id=message.id, data={"language": "de"}))

    start_router(script)
    (tmp_path / "a.wav").write_bytes(b"RIFF" + bytes(100))
    (tmp_path / "a.txt").write_text("Hallo, lieber Wald! Und dies hat niemand gesagt.", "utf-8")
    arguments = ("--align", str(tmp_path / "a.txt"), str(tmp_path / "a.wav"), "--language", "de", "--model", "x/y")
    done = run(*arguments, "-f", "srt")
    assert done.stdout.decode() == "1\n00:00:00,167 --> 00:00:03,000\nHallo, lieber Wald!\n\n"
    assert "Not spoken, at 3 s: Und dies hat niemand gesagt (5 words)." in done.stderr.decode()
    params = requests[-1].params
    assert (params["word_times"], params["language"]) == (True, "de")
    assert [each["code"] for each in json.loads(run(*arguments, "-f", "json").stdout)["warnings"]] == ["not_spoken"]


def test_another_text_is_refused(tmp_path: Path) -> None:
    """One sentence instead of subtitles that nobody could use."""
    (tmp_path / "a.txt").write_text("Nothing of this was said by anybody.")
    options = Namespace(language="en")
    with pytest.raises(HushdError, match="is not what is said there"):
        Script(str(tmp_path / "a.txt"), options).aligned(Transcript((heard("quite another thing " * 9),)))


@pytest.mark.parametrize(("speech", "refused"), [
    ("Montags fahren hier keine Busse nach Berlin", True),
    ("Den Eifelturm wurd für ein Weltaustellung gebau", False),
    ("Ja gern doch", False),
])  # fmt: skip
def test_a_few_words_are_judged_by_their_letters(speech: str, refused: bool, tmp_path: Path) -> None:
    """A sentence of which nearly each word was misheard is still the same; fewer than five words tell nothing."""
    (tmp_path / "a.txt").write_text("Der Eiffelturm wurde für die Weltausstellung gebaut.", "utf-8")
    with pytest.raises(HushdError, match="is not what is said there") if refused else nullcontext():
        assert Script(str(tmp_path / "a.txt"), Namespace(language="de")).aligned(Transcript((heard(speech),)))


@pytest.mark.parametrize(("text", "speech", "refused"), [
    (SENTENCE, f"quick brown fox {' '.join(OTHERS[:27])}", False),  # 3 of 30 words
    (SENTENCE, f"quick brown fox {' '.join(OTHERS[:28])}", True),
    (SENTENCE, " ".join(f"{word}z" for word in SENTENCE.lower().split()[:20]), False),
    (SENTENCE, " ".join(f"{word}z" for word in SENTENCE.lower().split()[:21]), True),
    ("Candle forest window bridge planet.", "cankup forkup winkup brikup plakup", False),  # 15 of 30 letters
    ("Candle forest windows bridge planet.", "cankup forkup winkupo brikup plakup", True),
])  # fmt: skip
def test_a_text_that_is_just_like_enough_is_aligned(text: str, speech: str, refused: bool, tmp_path: Path) -> None:
    """A tenth of the words, or half of the letters of up to 20 words, is enough; whoever reads has their subtitles."""
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(HushdError, match="is not what is said there") if refused else nullcontext():
        assert Script(str(tmp_path / "a.txt"), Namespace(language="en")).aligned(Transcript((heard(speech),))).segments


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read"),
    (b"\xcf\xf0\xe8\xe2\xe5\xf2", "is not a text in UTF-8"),
    (b"a\0b", "is not a text"),
    (b" \n", "is empty"),
])  # fmt: skip
def test_what_is_no_text_is_refused(content: bytes | None, words: str, tmp_path: Path) -> None:
    """One sentence, before anything is started."""
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    done = run("--align", str(tmp_path / "a.txt"), str(tmp_path / "a.wav"))
    assert done.returncode
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("gap_s", "unspoken"), [(0.5, False), (0.2, True)])
def test_a_part_that_was_spoken_fast_is_spoken(gap_s: float, unspoken: bool) -> None:
    """Half of the usual time, less 0.3 s, is enough for words that the model did not hear; with less they have none."""
    before, part, after = "aa bb cc dd ee ff", "gg hh ii jj kk", "ll mm nn oo pp qq"
    alignment = align(f"{before} {part} {after}", [heard(before), heard(after, at=3.0 + gap_s)], "en")
    assert [each.text for each in alignment.unspoken] == [part] * unspoken
