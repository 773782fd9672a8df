"""One dictation: from the key's press, with which the microphone opens, to the last word at the cursor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from hushd.audio.recording import Device, Recording
from hushd.transcripts import precedence
from hushd_protocol.errors import HushdError

from hushd_desktop.sound_server.server_recorder import ServerRecorder

from .composition import Composition
from .outputs import Output
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.transcripts.transcription import Transcription

CHUNK_S = 0.032  # short ones, so that the last one is soon there
LEAD_S = 0.3  # of silence before the recording: speech that begins with it is understood less well
TAIL_S = 0.1  # recorded after the end: a finger is quicker than the end of a word
FLOOR = "important"  # a person who presses a key waits for no program
PATIENCE_S = 30.0  # for a second pass, and as long again as the dictation took


def _microphone(device: str | None) -> Device:
    """Opens the microphone; the usual one through the sound server where there is one, which is quick and light."""
    if device is None and sys.platform == "linux":
        try:
            return ServerRecorder(chunk_s=CHUNK_S)
        except HushdError:
            pass  # PortAudio knows devices without a sound server, and what to say where there is none
    from hushd.audio.microphone import Microphone

    return Microphone(device, chunk_s=CHUNK_S)


class Dictation:
    """Writes all speech from now on, until `end`.

    The microphone records from the construction on, so no word is lost while a worker starts.

    Args:
        client: transcribes.
        output: gets the text.
        vocabulary: replacements and commands.
        change: makes the text that is written of the whole text, or fails; None: the text is written as it is heard.
        second_pass: a larger model, which reads the dictation once more before the whole text is written; None: none.
        ending: written behind the last word.
        device: the microphone; None: the usual one.
        listening: further arguments of `Client.listen`.
        duck: whether other programs are quieter meanwhile, see `Client.floor`.
        after: the dictation before, whose text comes first.
        on_end: called on another thread with the error that ended it, or None.

    Raises:
        HushdError: `no_device` when there is no microphone.
    """

    def __init__(
        self,
        client: Client,
        output: Output,
        vocabulary: Vocabulary,
        *,
        change: Callable[[str], str] | None = None,
        second_pass: str | None = None,
        ending: str = "",
        device: str | None = None,
        listening: dict[str, Any] | None = None,
        duck: bool = True,
        after: Dictation | None = None,
        on_end: Callable[[HushdError | None], None] = lambda _: None,
    ) -> None:
        self._microphone = _microphone(device)
        self._client = client
        self._output = output
        self._vocabulary = vocabulary
        self._composition = Composition(vocabulary)
        self._live = output.live and change is None and second_pass is None
        self._change = change
        self._second_pass = second_pass
        self._ending = ending
        self._listening = listening or {}
        if vocabulary.expected:
            self._listening = {"hotwords": vocabulary.expected, **self._listening}
        self._duck = duck
        self._after = after
        self._on_end = on_end
        self._thread = threading.Thread(target=self._run, name="hushd-dictation", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ends the dictation after the current words. Safe to call twice, and in a signal handler."""
        timer = threading.Timer(TAIL_S, self._microphone.stop)
        timer.daemon = True
        timer.start()

    def wait(self) -> None:
        """Returns when the last word is written."""
        self._thread.join()

    def _run(self) -> None:
        error: HushdError | None = None
        if self._after is not None:
            self._after.wait()
            self._after = None
        try:
            with self._microphone, self._client.floor("microphone", priority=FLOOR, duck=self._duck) as floor:
                recording = Recording(self._microphone)
                transcription = precedence.admitted(lambda: self._hear_all(floor.while_held(recording.read())))
            error = self._read_again(transcription) if self._second_pass else None
            error = self._finish() or error
        except HushdError as failure:
            error = failure
        self._on_end(error)

    def _hear_all(self, chunks: Iterable[bytes]) -> Transcription:
        lead = bytes(2 * round(LEAD_S * self._microphone.rate))
        transcription = self._client.listen(
            chain([lead], chunks),
            rate=self._microphone.rate,
            continuous=True,
            on_partial=self._hear,
            second_pass=self._second_pass,
            second_pass_each="session",
            **self._listening,
        )
        for segment in transcription:
            edit = self._composition.finish(segment.text)
            if self._live:
                self._output.edit(edit)
        return transcription

    def _read_again(self, transcription: Transcription) -> HushdError | None:
        """Takes the text of the larger model; where that has none in time, the one that was heard stays.

        Returns:
            the reason why there is none.
        """
        assert transcription.second_pass is not None
        timer = threading.Timer(PATIENCE_S + transcription.duration, transcription.second_pass.close)
        timer.daemon = True
        timer.start()
        try:
            second_pass = transcription.after_second_pass()
        except HushdError as error:
            return error
        finally:
            timer.cancel()
        self._composition = Composition(self._vocabulary)
        for segment in second_pass:
            self._composition.finish(segment.text)
        return None

    def _hear(self, stable: str, _: str) -> None:
        if self._live:
            self._output.edit(self._composition.hear(stable))

    def _finish(self) -> HushdError | None:
        """Writes the text; where the filter fails, as it was heard.

        Returns:
            the reason why the filter's is not written.
        """
        text, error = self._composition.text, None
        if not text.strip():
            return None
        if self._change is not None:
            try:
                text = self._change(text)
            except HushdError as failure:
                error = HushdError(failure.code, f"{failure.message} The text is written as it was heard.")
        self._output.finish(self._ending if self._live else text + self._ending)
        return error
