"""A voice and ears for Python programs.

    >>> import hushd
    >>> with hushd.Client() as client:
    ...     print(client.transcribe("interview.flac").text)
    ...     client.synthesize("Good morning.").save("morning.wav")

The supervisor is started when there is none; engines start when they are asked for and end when nobody has used them
for a while. Importing this module is cheap: each name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hushd_protocol import __version__

if TYPE_CHECKING:
    from hushd_protocol.errors import HushdError

    from .client import Client
    from .dialogue.conversation import Conversation
    from .dialogue.said import Said
    from .synthesis.speech import Speech
    from .synthesis.voice import Voice
    from .transcripts.segment import Segment, Word
    from .transcripts.transcript import Transcript
    from .transcripts.transcription import Transcription
    from .transport.floor import Floor

__all__ = [
    "Client",
    "Conversation",
    "Floor",
    "HushdError",
    "Said",
    "Segment",
    "Speech",
    "Transcript",
    "Transcription",
    "Voice",
    "Word",
    "__version__",
]

_HOMES = {
    "Client": "hushd.client",
    "Conversation": "hushd.dialogue.conversation",
    "Floor": "hushd.transport.floor",
    "HushdError": "hushd_protocol.errors",
    "Said": "hushd.dialogue.said",
    "Segment": "hushd.transcripts.segment",
    "Speech": "hushd.synthesis.speech",
    "Transcript": "hushd.transcripts.transcript",
    "Transcription": "hushd.transcripts.transcription",
    "Voice": "hushd.synthesis.voice",
    "Word": "hushd.transcripts.segment",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hushd' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
