"""Warns about text in a language that its voice does not speak, after it was spoken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hushd_models import languages

from .engine import Voice

_LOOKED_AT = 4000  # bytes


class Beginning:
    """Passes chunks of text on, and keeps the beginning of the text."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._kept = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if len(self._kept) < _LOOKED_AT:
                self._kept += chunk[: _LOOKED_AT - len(self._kept)]
            yield chunk

    @property
    def text(self) -> str:
        """Returns the beginning of the text, as far as it was passed on."""
        return self._kept.decode(errors="ignore")


def foreign(text: str, voice: Voice) -> str:
    """Returns a sentence if the text's language is certainly not the voice's; otherwise nothing."""
    voice_language = languages.code(voice.language)
    if voice_language == "en" and languages.is_plainly_english(text):
        return ""
    from hushd_models import text_language  # takes 3 ms, not needed for other texts

    language = text_language.detect(text)
    if not language or text_language.may_be(language, voice_language):
        return ""
    unable = f"which the voice {voice.name} ({voice.language}) does not speak"
    return f"The text is {languages.name(language)}, {unable}: choose the language {language}."
