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
    from .conversation import Conversation
    from .floor import Floor
    from .results import Transcript, Voice
    from .said import Said
    from .segment import Segment, Word
    from .speech import Speech
    from .transcription import Transcription

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
    "Conversation": "hushd.conversation",
    "Floor": "hushd.floor",
    "HushdError": "hushd_protocol.errors",
    "Said": "hushd.said",
    "Segment": "hushd.segment",
    "Speech": "hushd.speech",
    "Transcript": "hushd.results",
    "Transcription": "hushd.transcription",
    "Voice": "hushd.results",
    "Word": "hushd.segment",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hushd' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
