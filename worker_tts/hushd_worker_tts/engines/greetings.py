"""Sentences to try voices, in their own languages."""

from __future__ import annotations

from hushd_models import languages

_GREETINGS = {
    "ar": "مرحبا، اسمي {}.", "bg": "Здравейте, казвам се {}.", "ca": "Hola, em dic {}.",
    "cs": "Dobrý den, jmenuji se {}.",
    "da": "Hej, jeg hedder {}.", "de": "Hallo, ich heiße {}.", "el": "Γεια σας, με λένε {}.",
    "en": "Hello, my name is {}.", "es": "Hola, me llamo {}.", "fa": "سلام، اسم من {} است.",
    "fi": "Hei, minun nimeni on {}.", "fr": "Bonjour, je m'appelle {}.", "he": "שלום, שמי {}.",
    "hi": "नमस्ते, मेरा नाम {} है।", "hr": "Bok, zovem se {}.", "hu": "Jó napot, {} vagyok.",
    "id": "Halo, nama saya {}.", "it": "Ciao, mi chiamo {}.", "ja": "こんにちは、{}です。",
    "ko": "안녕하세요, 저는 {}입니다.",
    "nl": "Hallo, ik heet {}.", "no": "Hei, jeg heter {}.", "pl": "Dzień dobry, nazywam się {}.",
    "pt": "Olá, o meu nome é {}.", "ro": "Bună ziua, mă numesc {}.", "ru": "Здравствуйте, меня зовут {}.",
    "sk": "Dobrý deň, volám sa {}.", "sv": "Hej, jag heter {}.", "tr": "Merhaba, benim adım {}.",
    "uk": "Добрий день, мене звати {}.", "vi": "Xin chào, tôi tên là {}.", "zh": "你好，我叫{}。",
}  # fmt: skip


def greeting(language: str, name: str) -> str:
    """Returns an introduction of the voice `name`; only its name in languages that are not in the table."""
    return _GREETINGS.get(languages.code(language), "{}.").format(name)
