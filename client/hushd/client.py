"""`hushd.Client`: the face for threads of the verbs in `hushd.verbs`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from hushd.transcripts.transcript import Transcription

from .audio.audio_source import of_audio
from .synthesis.speech import Speech
from .transport import source
from .transport.source import Text
from .transport.steps import Blocking, Step
from .verbs import requests
from .verbs.speech import SpeechVerbs
from .verbs.supervisor import SupervisorVerbs

if TYPE_CHECKING:
    from hushd.dialogue.listener import Mode

    from .audio.audio_source import Audio
    from .dialogue.conversation import Conversation
    from .floor import Floor


class Client(SpeechVerbs[Text, "Audio", Iterable[bytes], "Speech", "Transcription"], SupervisorVerbs, Blocking):
    """A program's way to hushd; a context manager; may be used from several threads at once.

    It connects with the first request, and starts the supervisor when none runs, unless HUSHD_AUTOSTART is 0.

    Every method raises `HushdError`: its `code` says what happened, its text what to do. `priority` is one of
    `important`, `message`, `text`, `notification`, `progress`. `keep_alive` says how long the worker stays after
    the job: seconds, "5m", 0 (not at all), -1 (for ever), None (the configured default, 5 minutes).

    Args:
        holder: the name under which `keep_alive` holds workers; None: they are released with this connection.
        start: whether a supervisor may be started.
        on_pull: called with a model's name, the bytes received and the total (0 while unknown), while a model is
            downloaded because a request needs it and the configuration says `auto_pull`.
        on_wait: called with what a request waits for, such as `loading, 2.1 of 3.2 GB`, every few seconds, and with an
            empty text once it does not.
        endpoint: `ssh://[USER@]HOST[:PORT]` of a supervisor on another machine; empty: this machine; None: the one
            in HUSHD_ENDPOINT, else this machine.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def floor(
        self, *devices: str, priority: str = "text", on_wait: Callable[[str], None] | None = None, duck: bool = False
    ) -> Floor:
        """Returns the right to use `speaker`, `microphone` or both, so that programs do not talk over each other.

            with client.floor("microphone") as floor, Microphone() as microphone:
                print(client.listen(floor.while_held(microphone)).transcript())

        `hushd.Player` enters it by itself, for as long as there is something to hear.

        Args:
            on_wait: called with `waiting` or `paused` when it is not granted at once.
            duck: whether other programs are quieter meanwhile, as the setting `duck` says (docs/DESKTOP.md).

        Raises:
            HushdError: `bad_request` for an error in the configuration, with `duck`; and when the block is entered:
                `cancelled` when it was stopped, or replaced by something newer.
        """
        return self._claim(devices, priority, on_wait, duck)

    def conversation(self, *, mode: Mode = "auto", priority: str = "text", **options: Any) -> Conversation:
        """Returns a conversation, which says something and transcribes the answer; a person may interrupt it.

        Args:
            mode: `auto`; `half`: never listens while it speaks; `headphones`: the microphone hears no loudspeaker.
            options: devices, callbacks and more: see `hushd.Conversation`.
        """
        requests.check_priority(priority)
        from .dialogue.conversation import Conversation  # noqa: PLC0415 - a room for who speaks and listens

        return Conversation(self, mode=mode, priority=priority, **options)

    # --- what a face is of -------------------------------------------------------------------------------------------

    def _text(self, text: Text) -> source.Input:
        return source.of_text(text)

    def _audio(self, audio: Audio, rate: int | None) -> Step:
        return partial(of_audio, audio, rate)

    def _chunks(self, chunks: Iterable[bytes]) -> source.Input:
        return source.Stream(chunks)

    def _speech_class(self) -> type[Speech]:
        return Speech

    def _transcription_class(self) -> type[Transcription]:
        return Transcription
