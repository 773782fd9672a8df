"""The progress of a speech in a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_protocol.light_dataclass import dataclass

if TYPE_CHECKING:
    from hushd.synthesis.speech import Speech
    from hushd.transcripts.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Said:
    """The part of a speech that was heard.

    Attributes:
        interrupted: whether a person spoke before its end, and it stopped.
        characters: of the text (code points) that were spoken, up to the end of a word.
        seconds: of speech that were played.
        voice: the voice that spoke, where the speech was made to its end.
        heard: the words of the person who interrupted; None: nobody did, or it was only a cough.
    """

    interrupted: bool = False
    characters: int = 0
    seconds: float = 0.0
    voice: str = ""
    heard: Transcript | None = None


def characters(speech: Speech, seconds: float | None) -> int:
    """Returns the characters of the text (code points) spoken in so many seconds, in whole words; None: in all."""
    words = [word for sentence in speech.timeline for word in sentence.words or (sentence,)]
    spoken_words = words if seconds is None else [word for word in words if word.end <= seconds]
    return max((word.text_end for word in spoken_words), default=0)
