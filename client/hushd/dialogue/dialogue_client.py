"""The part of a client that a conversation uses, so that the two do not import each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from hushd.floor import Floor
    from hushd.synthesis.speech import Speech
    from hushd.transcripts.transcription import Transcription


class DialogueClient(Protocol):
    """The methods of `hushd.Client` for one turn after another."""

    def synthesize(self, *args: Any, **options: Any) -> Speech: ...

    def listen(self, *args: Any, **options: Any) -> Transcription: ...

    def floor(self, *args: Any, **options: Any) -> Floor: ...

    def preload(self, *args: Any, **options: Any) -> object: ...
