"""How far a speech got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hushd.synthesis.speech import Speech
    from hushd.transcripts.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Said:
    """How far a speech got.

    Attributes:
        interrupted: somebody spoke before its end, and it stopped.
        characters: of the text (code points) that were spoken, in whole words.
        seconds: of speech that were heard.
        voice: who spoke, where all of it was made.
        heard: what was said by the one who interrupted; None: nobody did, or only coughed.
    """

    interrupted: bool = False
    characters: int = 0
    seconds: float = 0.0
    voice: str = ""
    heard: Transcript | None = None


def characters(speech: Speech, seconds: float | None) -> int:
    """How many characters of the text (code points) were heard in so many seconds, in whole words; None: all."""
    words = [word for sentence in speech.timeline for word in sentence.words or (sentence,)]
    heard = words if seconds is None else [word for word in words if word.end <= seconds]
    return max((word.text_end for word in heard), default=0)
