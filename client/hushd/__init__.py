"""A voice and ears for Python programs.

    >>> import hushd
    >>> with hushd.Client() as client:
    ...     print(client.transcribe("interview.flac").text)
    ...     client.say("Good morning.")
    ...     client.synthesize("Good morning.").save("morning.mp3")

The supervisor is started when there is none; engines start when they are asked for and end when nobody has used them
for a while. Importing this module is cheap: each name is loaded on first use.

The names in `__all__` are public, and docs/PYTHON.md describes them; the modules they come from are not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hushd_protocol import __version__

if TYPE_CHECKING:
    from hushd_models.choice.models import ModelChoice
    from hushd_protocol.errors import HushdError
    from hushd_schema.description import Voice
    from hushd_schema.results import Sentence
    from hushd_schema.status import Status

    from hushd.aio.client import AsyncSpeech, AsyncTranscription
    from hushd.dialogue.exchange import Said
    from hushd.transcripts.transcript import Transcription

    from .aio.client import AsyncClient
    from .audio.microphone import Microphone
    from .audio.playback import Player
    from .client import Client
    from .dialogue.conversation import Conversation
    from .floor import Floor
    from .synthesis.reading import read
    from .synthesis.speech import Speech
    from .transcripts.segment import Segment, Word
    from .transcripts.transcript import Transcript

__all__ = [
    "AsyncClient",
    "AsyncSpeech",
    "AsyncTranscription",
    "Client",
    "Conversation",
    "Floor",
    "HushdError",
    "Microphone",
    "ModelChoice",
    "Player",
    "Said",
    "Segment",
    "Sentence",
    "Speech",
    "Status",
    "Transcript",
    "Transcription",
    "Voice",
    "Word",
    "__version__",
    "read",
]

_HOMES = {
    "AsyncClient": "hushd.aio.client",
    "AsyncSpeech": "hushd.aio.client",
    "AsyncTranscription": "hushd.aio.client",
    "Client": "hushd.client",
    "Conversation": "hushd.dialogue.conversation",
    "Floor": "hushd.floor",
    "HushdError": "hushd_protocol.errors",
    "Microphone": "hushd.audio.microphone",
    "ModelChoice": "hushd_models.choice.models",
    "Player": "hushd.audio.playback",
    "Said": "hushd.dialogue.exchange",
    "Segment": "hushd.transcripts.segment",
    "Sentence": "hushd_schema.results",
    "Speech": "hushd.synthesis.speech",
    "Status": "hushd_schema.status",
    "Transcript": "hushd.transcripts.transcript",
    "Transcription": "hushd.transcripts.transcript",
    "Voice": "hushd_schema.description",
    "Word": "hushd.transcripts.segment",
    "read": "hushd.synthesis.reading",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hushd' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
