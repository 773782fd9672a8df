"""The voice for a text in another language than the usual voice's, where neither voice nor language was named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hushd_models import languages
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd_schema.description import SpeakingDescription

# Whether the configuration names a voice of its own: where it does not, the usual voice speaks English.
_CONFIGURED = re.compile(rb"^[ \t]*tts[ \t]*=", re.MULTILINE)


class OtherVoice(NamedTuple):
    """A voice that speaks the language of a text, and that language by its code and in words."""

    voice: str
    language: str
    name: str


def other_voice(text: str, config: Path, describe: Callable[[], SpeakingDescription]) -> OtherVoice | None:
    """Returns a voice for `text`; None where the usual one speaks its language, or no other does, or nothing is sure.

    Args:
        config: hushd's configuration.
        describe: returns what `describe` says of the role `tts`; takes 60 to 180 ms, so it is called for a text whose
            language is sure and need not be the usual voice's.
    """
    english = not _is_configured(config)
    if english and languages.is_plainly_english(text):
        return None
    from hushd_models import text_language  # 3 ms, for the others

    language = text_language.detect(text)
    if not language or (english and language == "en"):
        return None
    from .voices import choose, usual_language

    catalogue = describe()
    if text_language.may_be(language, languages.code(usual_language(catalogue))):
        return None
    try:
        voice = choose(catalogue, None, language).voice
    except HushdError:
        return None  # the worker reports what its voice cannot speak
    return OtherVoice(voice, language, languages.name(language)) if voice else None


def _is_configured(config: Path) -> bool:
    try:
        return _CONFIGURED.search(config.read_bytes()) is not None
    except OSError:
        return False
