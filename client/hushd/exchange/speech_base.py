"""Speech in both directions, as procedures of both clients. The results differ, and where sound and text come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from hushd.transport import requests
from hushd.transport.source import Input
from hushd.transport.steps import Steps

from .client_base import ClientBase

if TYPE_CHECKING:
    from hushd.transcripts.transcription import OnRevised

T = TypeVar("T")
ResultClass = Callable[[], Callable[..., T]]  # imports that class, while the worker works


class SpeechBase(ClientBase):
    """Makes requests of the options of the public methods, with the defaults of options left out."""

    floor: Callable[..., Any]

    def _speech(
        self,
        result: ResultClass[T],
        text: Input,
        *,
        format: str = "s16le",
        on_sentence: Callable[..., None] | None = None,
        keep: bool = True,
        **options: Any,
    ) -> Steps[T]:
        """See `Client.synthesize`."""
        from hushd.synthesis.options import speech_params  # not for who listens

        shared = requests.take_shared(options)
        params = speech_params(options, format, timeline=on_sentence is not None)  # type: ignore[arg-type]
        request = yield from self._preparation.speech(params, shared)
        call = yield from self._send(request, text)
        floor = partial(self.floor, "speaker", priority=request.priority)
        return result()(call, format, on_sentence, floor=floor, keep=keep)

    def _transcription(
        self,
        result: ResultClass[T],
        audio: Input,
        *,
        is_array: bool,
        rate: int | None = None,
        channels: int = 1,
        speed: str | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Any,
    ) -> Steps[T]:
        """See `Client.transcribe_stream`."""
        from hushd.transcripts.options import transcribe_params  # not for who speaks

        shared = requests.take_shared(options)
        params = transcribe_params(options)  # type: ignore[arg-type]
        if rate is not None and not is_array:
            params |= {"format": "s16le", "rate": rate, "channels": channels}
        request = yield from self._preparation.transcription(params, speed, shared)
        call = yield from self._send(request, audio)
        return result()(call, on_progress, diarized=bool(options.get("diarize")))

    def _session(
        self,
        result: ResultClass[T],
        audio: Input,
        *,
        speed: str | None = None,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: Callable[..., object] | None = None,
        on_revised: OnRevised | None = None,
        **options: Any,
    ) -> Steps[T]:
        """See `Client.listen`."""
        from hushd.transcripts.options import take_live_params, transcribe_params

        shared, live = requests.take_shared(options), take_live_params(options)
        params = transcribe_params(options) | live  # type: ignore[arg-type]
        request = yield from self._preparation.transcription(params, speed or "fast", shared, session=True)
        call = yield from self._send(request, audio)
        diarized = bool(options.get("diarize"))
        return result()(call, on_partial=on_partial, on_event=on_event, on_revised=on_revised, diarized=diarized)
