"""The news of a live session, besides its segments."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from hushd_worker_stt.engine import Segment


@dataclass(frozen=True, slots=True)
class Unstable:
    """The unfinished utterance: `stable` will not change any more before its segment comes, `text` behind it may."""

    stable: str
    text: str


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody began to speak at `start`, in seconds of audio. Sent at once, before there is any text."""

    start: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance has ended: it had all of its segments, of which a long one has several."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The last `Began` was not speech but a cough."""


@dataclass(frozen=True, slots=True)
class Echo:
    """True if the echo of the loudspeaker is cancelled, so that speech can be recognised while it plays."""

    gone: bool


@dataclass(frozen=True, slots=True)
class Speaker:
    """The speech since `start`, in seconds, that has no segment yet is `speaker`'s, as far as is known by now."""

    start: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Revised:
    """The segments of these numbers are `speaker`'s, and not another's, as was said."""

    segments: tuple[int, ...]
    speaker: str


Event = Segment | Unstable | Began | Ended | Nothing | Echo | Speaker | Revised
