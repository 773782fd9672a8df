"""SSML's common subset, and the place of other marks."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_tts.reading.items import Pause, Piece, Rate, Speaker, Volume
from hushd_worker_tts.reading.reader import read

SPOKEN = [
    ("<speak>Hello &amp; <emphasis>you</emphasis>.</speak>", ["Hello & you."]),
    ("<speak><p><s>One</s><s>Two</s></p><p>Three</p>four</speak>", ["One", "Two", "Three", "four"]),
    ("<speak>A line\n   that goes\non</speak>", ["A line that goes on"]),
    ('<speak>a<break time="500ms"/>b<break time="1.5s"/>c<break/>d<break strength="none"/>e</speak>',
     ["a", Pause(0.5), "b", Pause(1.5), "c", Pause(0.35), "de"]),
    ('<speak><prosody rate="fast">a <prosody rate="50%" volume="+6dB">b</prosody> c</prosody> d</speak>',
     [Rate(factor=1.25), "a", Rate(factor=0.625), Volume(pytest.approx(1.995, abs=0.001)), "b", Rate(factor=1.25),
      Volume(1.0), "c", Rate(), "d"]),
    ('<speak><prosody rate="+20%" pitch="high" volume="silent">a</prosody></speak>',
     [Rate(factor=1.2), Volume(0.0), "a", Rate(), Volume(1.0)]),
    ('<speak><prosody volume="50">a</prosody></speak>', [Volume(0.5), "a", Volume(1.0)]),
    ('<speak><say-as interpret-as="characters">a1 b</say-as></speak>', ["A 1 B"]),
    ('<speak><say-as interpret-as="telephone">(415) 555-26</say-as></speak>', ["4 1 5, 5 5 5, 2 6"]),
    ('<speak><say-as interpret-as="ordinal">12</say-as> <say-as interpret-as="ordinal">23</say-as></speak>',
     ["12th 23rd"]),
    ('<speak><say-as interpret-as="date" format="dmy">3/4/21</say-as></speak>', ["2021-04-03"]),
    ('<speak><say-as interpret-as="cardinal">12</say-as></speak>', ["12"]),
    ('<speak><sub alias="World Wide Web">WWW</sub> <phoneme alphabet="x-sampa" ph="x">tomato</phoneme></speak>',
     ["World Wide Web tomato"]),
    ('<speak xml:lang="en-US">a<voice name="emma">b</voice><lang xml:lang="fr">c</lang></speak>',
     [Speaker(None, "en-US"), "a", Speaker("emma", None), "b", Speaker(None, "en-US"), Speaker(None, "fr"), "c",
      Speaker(None, "en-US"), Speaker()]),
    ("<speak><desc>not this</desc><metadata><x>nor this</x></metadata><audio src='a'>but this</audio></speak>",
     ["but this"]),
    ("<?xml version='1.0'?><!-- x --><speak><x:effect>kept</x:effect><![CDATA[a & <b>]]> caf&#233;<mark "
     "name='m'/></speak>",
     ["kepta & <b> café"]),
    ('<?xml version="1.0" encoding="utf-16"?><speak>café</speak>', ["café"]),
    ("<?xml version='1.0' encoding='ISO-8859-1'?><speak>café</speak>", ["café"]),
]  # fmt: skip

REFUSED = [
    ("hello", "Line 1, column 1: the SSML is malformed (syntax error)."),
    ("<speak>a\n<b>x</b></speak>", "Line 2, column 1: SSML has no element <b>."),
    ("<p>a</p>", "Line 1, column 1: SSML begins with <speak>, not with <p>."),
    ("<speak>a</spek>", "Line 1, column 11: the SSML is malformed (mismatched tag)."),
    ("<speak>a", "Line 1, column 9: the SSML is malformed (no element found)."),
    ("<speak>a &nbsp; b</speak>", "Line 1, column 10: the SSML is malformed (undefined entity)."),
    ("<speak>\x01</speak>", "Line 1, column 8: the SSML is malformed (not well-formed (invalid token))."),
    ("<speak><break time='long'/></speak>", "Line 1, column 8: a break's time must be like 500ms or 1.5s, not 'long'."),
    ("<speak><break strength='x'/></speak>", "Line 1, column 8: a break's strength must be one of none,"),
    ("<speak><prosody rate='+5'>a</prosody></speak>", "Line 1, column 8: a prosody's rate must be like slow, fast,"),
    ("<speak><prosody volume='x'>a</prosody></speak>", "Line 1, column 8: a prosody's volume must be like soft, loud,"),
    ("<!DOCTYPE a [<!ENTITY b 'c'>]><speak>&b;</speak>", "Line 1, column 25: SSML must not declare entities"),
    ("<speak>" + "<p>" * 100, "Line 1, column 197: SSML is nested more than 64 deep."),
    ("<speak><" + "a" * 200_000, "Line 1, column 8: a tag of the SSML is not closed."),
]
# Ten levels of ten: a gigabyte, were it expanded.
BOMB = "<!DOCTYPE b [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)
) + "]><speak>&a9;</speak>"  # fmt: skip


def items(text: str, size: int) -> list[object]:
    data = text.encode()
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    return [item.text if isinstance(item, Piece) else item for item in read(chunks, "ssml")]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(("text", "expected"), SPOKEN)
def test_the_common_subset_is_spoken(text: str, expected: list[object], size: int) -> None:
    """Elements become pieces, pauses and changes, whole or a byte at a time; what a voice cannot do is passed over."""
    assert items(text, size) == expected


@pytest.mark.parametrize("size", [1000, 100_000])
@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_ssml_is_refused_with_its_place(text: str, message: str, size: int) -> None:
    """One sentence names line, column and fault."""
    with pytest.raises(HushdError) as caught:
        items(text, size)
    assert caught.value.code == "bad_request"
    assert caught.value.message.startswith(message)


def test_an_entity_bomb_does_not_go_off() -> None:
    """The first declaration is refused; nothing is expanded."""
    with pytest.raises(HushdError, match="must not declare entities"):
        items(BOMB, 10_000)


def test_a_sentence_is_spoken_while_the_rest_is_written() -> None:
    """No end of the document is needed."""
    seen: list[bytes] = []

    def chunks():  # type: ignore[no-untyped-def]
        for chunk in (b"<speak><p>Hello there. How", b" are you?", b"</p></speak>"):
            seen.append(chunk)
            yield chunk

    spoken = [(len(seen), item.text) for item in read(chunks(), "ssml") if isinstance(item, Piece)]
    assert spoken == [(1, "Hello there."), (3, "How are you?")]


def test_words_know_their_place_in_the_source() -> None:
    """Behind tags, references, characters of several bytes and aliases."""
    text = "<speak>é \U0001d54f <p>a &amp; b</p><sub alias='x y'>WWW</sub> &#233;nd<![CDATA[ & c]]></speak>"
    places = []
    for item in read([text.encode()], "ssml"):
        assert isinstance(item, Piece)
        for start, letter in enumerate(item.text):
            if letter != " ":
                places.append((letter, text[slice(*item.mapped.span(start, start + 1))]))
    assert places == [
        ("é", "é"), ("\U0001d54f", "\U0001d54f"), ("a", "a"), ("&", "&amp;"), ("b", "b"), ("x", "WWW"), ("y", "WWW"),
        ("é", "&#233;"), ("n", "n"), ("d", "d"), ("&", "&"), ("c", "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "phonemes", "spoken"),
    [("en", True, "a \ue000təmɑːtəʊ\ue001 now."), ("en", False, "a tuhmahtoh now."), ("de", False, "a tomato now.")],
)
def test_a_phoneme_is_said_as_the_engine_can(language: str, phonemes: bool, spoken: str) -> None:
    """In the phonetic alphabet by one that reads it, in English spelling by others, else as it is written."""
    text = '<speak>a <phoneme alphabet="ipa" ph="tə.mɑː.təʊ">tomato</phoneme> now.</speak>'
    assert [
        item.text for item in read([text.encode()], "ssml", language, phonemes=phonemes) if isinstance(item, Piece)
    ] == [spoken]


def test_a_phoneme_in_another_alphabet_is_its_text() -> None:
    """As is one without phonemes, and one within a sub is the sub's alias."""
    text = (
        '<speak><phoneme alphabet="x-sampa" ph="t@">to</phoneme> <phoneme ph="">mato</phoneme> '
        '<sub alias="fruit">a <phoneme alphabet="x-sampa" ph="b">berry</phoneme></sub>.</speak>'
    )
    assert items(text, 5) == ["to mato fruit."]
