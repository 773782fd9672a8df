"""`hushd.Client`: synthesis and conversations here, transcription in `recognition`, the rest in `management`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from .guests import guest
from .recognition import Recognition
from .transport import requests, source
from .transport.source import Text
from .transport.steps import run

if TYPE_CHECKING:
    from hushd_wake_words.detection import Detections
    from hushd_wake_words.heard import Wake

    from .dialogue.conversation import Conversation
    from .dialogue.duplex import Mode
    from .exchange.options import DetectOptions, SayOptions, SpeechOptions
    from .synthesis.speech import Speech
    from .synthesis.voice import Voice


class Client(Recognition):
    """A program's way to hushd; a context manager; may be used from several threads at once.

    It connects with the first request, and starts the supervisor when none runs, unless HUSHD_AUTOSTART is 0.

    Every method raises `HushdError`: its `code` says what happened, its text what to do. `priority` is one of
    `important`, `message`, `text`, `notification`, `progress`. `keep_alive` says how long the worker stays after
    the job: seconds, "5m", 0 (not at all), -1 (for ever), None (the configured default, 5 minutes).

    The methods for transcription are those of `Recognition`, those about devices, workers and models of `Management`.

    Args:
        holder: the name under which `keep_alive` holds workers; None: they are released with this connection.
        start: whether a supervisor may be started.
        on_pull: called with a model's name, the bytes received and the total (0 while unknown), while a model is
            downloaded because a request needs it and the configuration says `auto_pull`.
        on_wait: called with what a request waits for, such as `loading, 2.1 of 3.2 GB`, every few seconds, and with an
            empty text once it does not.
        compute_device: `cpu`, `mps`, `cuda`, `rocm`, `vulkan`, or one such as `cuda:1`: a worker on another device is
            moved there first; None: where it is, or the configuration has it.
        endpoint: `ssh://[USER@]HOST[:PORT]` of a supervisor on another machine; empty: this machine; None: the one
            in HUSHD_ENDPOINT, else this machine.
    """

    def synthesize(self, text: Text, **options: Unpack[SpeechOptions]) -> Speech:
        """Returns speech while it is made, sentence by sentence.

        Args:
            text: a string, UTF-8 bytes, or an iterable of either, which is read in another thread while it is written.
            format: `s16le`, the default, for raw samples, or a kind of file such as `wav` or `mp3` for a file's bytes.
            deadline: seconds after which the request is given up.
            on_sentence: called while iterating, before each sentence's audio, with its times and those of its words.
            keep: whether the speech can be saved, played or turned into an array more than once, as by default; False
                for hours of speech that are used once.
            options: also engine, model, keep_alive, priority; voice, language, pace, markup and more: see
                `SynthesizeOptions`.
        """
        return run(self._speech(_speech_class, source.of_text(text), **options))

    def say(self, text: Text, *, device: str | int | None = None, **options: Unpack[SayOptions]) -> None:
        """Speaks `text` aloud, as the command `say` does; returns when the last word was heard.

        It waits while another program speaks, and `hushd stop` ends it with `cancelled`.

        Args:
            text: as for `synthesize`; an iterable is spoken while it is written.
            device: the loudspeaker's number, its name or the beginning of its name; None: the usual one.
            options: engine, model, keep_alive, priority; voice, language, pace, markup and more: see
                `SynthesizeOptions`.
        """
        speech = self.synthesize(text, keep=False, **options)
        try:
            speech.play(device)
        finally:
            speech.close()

    def voices(self) -> list[Voice]:
        """Returns the voices of all engines, installed or not."""
        from .synthesis.voice import Voice

        return Voice.all(self.describe("tts").tts)

    def detect(
        self,
        chunks: Iterable[bytes],
        *words: str,
        **options: Unpack[DetectOptions],
    ) -> Detections:
        """Waits for words in live audio; returns an iterator over those that are heard, until `chunks` end.

        All programs share one worker of 35 MB, which leaves ten seconds after the last of these requests.

        Args:
            chunks: s16le samples as they are recorded; read in another thread.
            words: such as `okay nabu`; none: the model's first one. `describe("wake")` lists them.
            rate, channels: of the samples; by default 16000 Hz and 1.
            model: one of the engine's, or as ENGINE/NAME.
            threshold: how sure the model must be, 0.01 to 0.999; None: as its makers chose.
            options: also engine, keep_alive, priority.
        """
        with guest("wake"):
            from hushd_wake_words.detection import detect_request

        request = detect_request(words, **options)
        call = run(self._send(request, source.Stream(chunks, room=0)))  # what was heard once must not be heard again
        from hushd_wake_words.detection import Detections

        return Detections(call)

    def wake(
        self,
        *words: str,
        device: str | int | None = None,
        on_wait: Callable[[str], None] | None = None,
        **options: Any,
    ) -> Wake:
        """Waits for words at the microphone; iterate over the words heard.

            for heard in client.wake("hey jarvis"):
                print(client.listen(heard.sound(), rate=heard.rate).transcript().text)

        Nothing but a worker of 35 MB is loaded meanwhile. What is said in the same breath as the word is the beginning
        of `sound`. `hushd status` shows who waits, and `hushd pause` closes the microphone until `hushd resume`.

        Args:
            device: the microphone's number, its name or the beginning of its name; None: the usual one.
            on_wait: called with `paused` when it is not to begin yet.
            options: engine, model, threshold, keep_alive, priority: see `detect`.
        """
        with guest("wake"):
            from hushd_wake_words.heard import CHUNK_S, Wake
        from .audio.microphone import Microphone

        return Wake(
            lambda chunks, *, rate: self.detect(chunks, *words, rate=rate, **options),
            self.floor("wake", on_wait=on_wait),
            partial(Microphone, device, chunk_s=CHUNK_S),
        )

    def conversation(self, *, mode: Mode = "auto", priority: str = "text", **options: Any) -> Conversation:
        """Returns a conversation, which says something and transcribes the answer; a person may interrupt it.

        Args:
            mode: `auto`; `half`: never listens while it speaks; `headphones`: the microphone hears no loudspeaker.
            options: devices, callbacks and more: see `hushd.Conversation`.
        """
        requests.check_priority(priority)
        from .dialogue.conversation import Conversation  # for those who have a loudspeaker and a microphone

        return Conversation(self, mode=mode, priority=priority, **options)


def _speech_class() -> type[Speech]:
    from .synthesis.speech import Speech

    return Speech
