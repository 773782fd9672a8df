"""Texts of files that do not say their encoding."""

from __future__ import annotations

import codecs

import pytest
from hushd_reading.encoding import decoded
from support.refusals import hushd_error

FRENCH = "1\n00:00:01,000 --> 00:00:02,500\nIl a été très gentil avec nous, où qu’il soit.\n"
WESTERN = (
    FRENCH, "Il a dit “bonjour” – c’est l’été…", "Grüß Gott, wir möchten über schönes Wetter sprechen.",
    "¿Qué tal, señor? Mañana será otro día.", "Ele é bom. Não é possível, as informações são boas.",
    "Ora è tardi, e lui è stanco, ma non è solo.", "La città è più bella così, perché è estate.",
    "Hur mår du? Det är väldigt fint väder på ön idag.",
    "Het idee is geïnstalleerd.",
)  # fmt: skip
OTHERS = (
    ("Привет, как дела? Сегодня хорошая погода.", "cp1251"), ("Привет, как дела? Сегодня хорошая погода.", "koi8-r"),
    ("Zażółć gęślą jaźń. Proszę wejść, będzie świetnie.", "cp1250"),
    ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250"),
    ("Καλημέρα, τι κάνετε; Είναι ωραία μέρα σήμερα.", "cp1253"),
    ("こんにちは、元気ですか。今日はいい天気です。", "shift-jis"),
    ("你好，你今天怎么样？天气很好。", "gb18030"), ("안녕하세요, 오늘 날씨가 좋네요.", "cp949"),
    ("Günaydın, nasılsınız? İyi akşamlar.", "cp1254"),
)  # fmt: skip


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "utf-16"])
def test_western_texts_are_decoded(text: str, encoding: str) -> None:
    """In the encodings that old programs write; signs that Latin-1 has not are left out here."""
    content = text.encode(encoding, "ignore")
    assert decoded(content, "It") == content.decode(encoding)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_mark_tells_the_order_of_bytes(mark: bytes) -> None:
    """Either order is read."""
    order = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    assert decoded(mark + FRENCH.encode(order), "It") == FRENCH


@pytest.mark.parametrize(("text", "encoding"), OTHERS)
def test_no_other_encoding_is_guessed(text: str, encoding: str) -> None:
    """A wrong guess would be spoken: one sentence says what to do."""
    with hushd_error("input_unreadable", "film.srt is not a text in UTF-8: convert it, as with `iconv"):
        decoded(text.encode(encoding), "film.srt")


@pytest.mark.parametrize("content", [b"abc\0def", b"\xff\xfea", b"\xe9t\xe9\x81", b"\xe9\xe9\xe9 \xe0\xe0"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    """So are letters that make no words."""
    with hushd_error("input_unreadable", "is not a text"):
        decoded(content, "It")
