"""One dictation: from the key press, which opens the microphone, to the last word at the cursor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from hushd.audio.microphone import Microphone
from hushd.transport.waiting import join
from hushd_protocol.errors import HushdError

from .composition import Composition
from .outputs import Output
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from hushd.client import Client

DICTATION_CHUNK_S = 0.032  # short, so that the last one arrives soon
LEADING_SILENCE_S = 0.3  # seconds of silence before the recording: without it the first words are understood less well
TAIL_S = 0.1  # recorded after the end: the key is released before the word ends
FLOOR = "important"  # a pressed key goes before other programs


class Dictation:
    """Writes all speech from its construction until `end`. Raises `no_device` if there is no microphone.

    The microphone records at once, so no word is lost while a worker starts.

    Args:
        listening: further arguments of `Client.listen`.
        duck: whether to make other programs quieter, see `Client.floor`.
        previous: the previous dictation, whose text comes first.
        on_end: called on another thread with the error that ended the dictation, or None.
    """

    def __init__(
        self,
        client: Client,
        output: Output,
        vocabulary: Vocabulary,
        *,
        ending: str = "",
        device: str | None = None,
        listening: dict[str, Any] | None = None,
        duck: bool = True,
        previous: Dictation | None = None,
        on_end: Callable[[HushdError | None], None] = lambda _: None,
    ) -> None:
        self._microphone = Microphone(device, chunk_s=DICTATION_CHUNK_S)
        self._client = client
        self._output = output
        self._vocabulary = vocabulary
        self._composition = Composition(vocabulary)
        self._live = output.live
        self._ending = ending
        self._listening = listening or {}
        if vocabulary.expected:
            self._listening = {"hotwords": vocabulary.expected, **self._listening}
        self._duck = duck
        self._previous = previous
        self._on_end = on_end
        self._thread = threading.Thread(target=self._run, name="hushd-dictation", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ends the dictation after the current words. Safe to call twice, and in a signal handler."""
        timer = threading.Timer(TAIL_S, self._microphone.stop)
        timer.daemon = True
        timer.start()

    def wait(self) -> None:
        """Waits until the last word is written."""
        join(self._thread)

    def _run(self) -> None:
        error: HushdError | None = None
        if self._previous is not None:
            self._previous.wait()
            self._previous = None
        try:
            with self._microphone, self._client.floor("microphone", priority=FLOOR, duck=self._duck) as floor:
                self._hear_all(floor.while_held(self._microphone))
            self._finish()
        except HushdError as failure:
            error = failure
        self._on_end(error)

    def _hear_all(self, chunks: Iterable[bytes]) -> None:
        lead = bytes(2 * round(LEADING_SILENCE_S * self._microphone.rate))
        transcription = self._client.listen(
            chain([lead], chunks), rate=self._microphone.rate, continuous=True, on_partial=self._hear, **self._listening
        )
        for segment in transcription:
            edit = self._composition.finish(segment.text)
            if self._live:
                self._output.edit(edit)

    def _hear(self, stable: str, _: str) -> None:
        if self._live:
            self._output.edit(self._composition.hear(stable))

    def _finish(self) -> None:
        text = self._composition.text
        if text.strip():
            self._output.finish(self._ending if self._live else text + self._ending)
