"""What a program calls: hear, speak, and manage the workers that do it."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from hushd_protocol import paths
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Request, Result

from . import asking, hearing, models, source, speaking
from .asking import KeepAlive
from .call import new_id
from .connection import WELCOME_S, Connection
from .exchange import GONE, Exchange, in_contact
from .hearing import Hearing
from .keep_alive import parse
from .sound_file import FORMATS
from .source import Audio, Source, Stream, Text
from .speaking import Speaking

if TYPE_CHECKING:
    from .conversation import Conversation, Mode
    from .floor import Floor
    from .model_choice import ModelChoice
    from .results import Transcript, Voice
    from .speech import Speech
    from .timeline import Sentence
    from .transcription import Transcription
    from .voices import Choice

AUTO = "auto"  # a model's name: the best that is installed
PAUSE_S = 0.02  # before another look for a supervisor


class Client:
    """A program's way to hushd; a context manager; may be used from several threads at once.

    It connects with the first request and starts the supervisor when there is none, unless HUSHD_AUTOSTART is 0.

    Every method raises `HushdError`: `code` says what happened, its text what to do. `priority` is one of
    `important`, `message`, `text`, `notification`, `progress`. `keep_alive` says how long the worker stays after
    the job: seconds, "5m", 0 (not at all), -1 (for ever), None (the configured default, 5 minutes).

    Args:
        holder: whose leases `keep_alive` makes; None ends them with this connection.
        start: whether a supervisor may be started.
        on_pull: called with a model's name, the bytes that have come and all of them (0 while unknown), while it is
            downloaded because a request needs it and the configuration says `auto_pull`.
    """

    def __init__(
        self, *, holder: str | None = None, start: bool = True, on_pull: models.OnProgress | None = None
    ) -> None:
        self._paths = paths.find()
        self._holder = holder
        self._start = start
        self._on_pull = on_pull
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._finalizer: weakref.finalize[..., Client] | None = None
        self._engines: dict[str, Any] | None = None  # what hears, once somebody has asked for the best
        self._choices: dict[tuple[str | None, ...], Choice] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the supervisor. Requests under way are cancelled; the next one connects again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # --- hearing -----------------------------------------------------------------------------------------------------

    def transcribe(self, audio: Audio, **options: Any) -> Transcript:
        """The whole transcript of `audio`; takes what `transcribe_stream` takes."""
        return self.transcribe_stream(audio, **options).transcript()

    def transcribe_stream(
        self,
        audio: Audio,
        *,
        rate: int | None = None,
        channels: int = 1,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Unpack[Hearing],
    ) -> Transcription:
        """Segments as they become known.

        Args:
            audio: a path, a file's bytes, or an iterable of bytes such as a binary file; read in another thread.
            rate: Hz, when the bytes are raw s16le samples; None when they are a sound file's.
            channels: of raw samples.
            model: one of the engine's, or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast`, `medium` (the default) or `slow`.
            deadline: seconds after which the request is given up.
            on_progress: called with the seconds done and in all, while iterating.
            options: language, task, prompt, words, speakers and more: see `hushd.hearing.Hearing`.
        """
        params = hearing.params(options)
        if rate is not None:
            params |= {"format": "s16le", "rate": rate, "channels": channels}
        if model == AUTO:
            engine, model, _ = self._choose_model(params, speed, engine)
        request = asking.request("stt", "transcribe", params, engine, model, keep_alive, priority, deadline)
        exchange = self._exchange(request, source.of_audio(audio))
        from .transcription import Transcription  # while the worker works

        return Transcription(exchange, on_progress, diarized=bool(options.get("diarize")))

    def listen(
        self,
        chunks: Iterable[bytes],
        *,
        rate: int = 16000,
        channels: int = 1,
        continuous: bool = False,
        silence_s: float = 0.8,
        no_speech_s: float | None = None,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        echo: bool = False,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        **options: Unpack[Hearing],
    ) -> Transcription:
        """One utterance from live audio: ends by itself after `silence_s` seconds of silence.

        With `continuous` one segment after the other, an utterance each, until `chunks` end.

        Args:
            chunks: s16le samples as they are recorded, such as a `Microphone`; read in another thread.
            model: one of the engine's, or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast` (the default), `medium` or `slow`.
            no_speech_s: seconds in which somebody must begin to speak, 30 by default. With `continuous` so much
                silence ends the session; by default none does.
            echo: there are two channels, and the second is what a loudspeaker plays: that is not heard.
            on_partial: called while iterating with the unfinished utterance: text that will not change any more
                before its segment comes, and what follows it, which may.
            on_event: called while iterating with `began` as soon as somebody speaks, before there is any text, with
                `nothing` when that was a cough, and with `echo`, as docs/PROTOCOL.md describes them.
            options: language, task, prompt and more: see `hushd.hearing.Hearing`.

        Raises:
            HushdError: `no_speech` when nobody has begun in time.
        """
        params = hearing.params(options) | {
            "format": "s16le", "rate": rate, "channels": channels,
            "live": True, "continuous": continuous, "silence_s": silence_s,
        }  # fmt: skip
        if no_speech_s is not None:
            params["no_speech_s"] = no_speech_s
        if echo:
            params["echo"] = True
        if model == AUTO:
            engine, model, _ = self._choose_model(params, speed or "fast", engine)
        request = asking.request("stt", "transcribe", params, engine, model, keep_alive, priority)
        exchange = self._exchange(replace(request, session=True), Stream(chunks))
        from .transcription import Transcription  # while the worker works

        return Transcription(exchange, on_partial=on_partial, on_event=on_event, diarized=bool(options.get("diarize")))

    def choose_model(
        self,
        language: str | None = None,
        *,
        speed: str | None = None,
        engine: str | None = None,
        translate: bool = False,
    ) -> ModelChoice:
        """What `model="auto"` means now: the best installed model that hears `language`, is no slower than `speed`
        (`fast`, `medium`, `slow`; None: medium) and has room in memory; where memory is short, a smaller one.

        Returns `engine`, `model` and `why`, a sentence.

        Args:
            language: None: one that tells languages apart, if there is one.
            engine: only one of its models.

        Raises:
            HushdError: `model_missing` when none is installed that hears the language.
        """
        from . import model_choice

        if self._engines is None:
            self._engines = self.describe("stt")["stt"]
        found = model_choice.candidates(self._engines, engine, translate)
        there = model_choice.machine(self.status(), "stt")
        return model_choice.choose(found, there, language, speed or "medium")

    def _choose_model(self, params: dict[str, Any], speed: str | None, engine: str | None) -> ModelChoice:
        translate = params.get("task") == "translate"
        return self.choose_model(params.get("language"), speed=speed, engine=engine, translate=translate)

    # --- speaking ----------------------------------------------------------------------------------------------------

    def synthesize(
        self,
        text: Text,
        *,
        format: str = "s16le",
        engine: str | None = None,
        model: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_sentence: Callable[[Sentence], None] | None = None,
        **options: Unpack[Speaking],
    ) -> Speech:
        """Speech as it is made, sentence by sentence.

        Args:
            text: a string, UTF-8, or an iterable of either, which is read in another thread as it comes.
            format: `s16le` for raw samples, or `wav`, `flac`, `ogg`, `opus`, `mp3`, `aiff`, `pcm` for a file's bytes.
            on_sentence: called while iterating, before the audio of each sentence, with its place and its words'.
            options: voice, language, pace, markup and more: see `hushd.speaking.Speaking`.
        """
        if format not in ("s16le", *FORMATS):
            raise HushdError(
                "bad_request", f"There is no format {format!r}: choose s16le or one of {', '.join(FORMATS)}."
            )
        params = speaking.params(options) | {"format": format}
        if on_sentence is not None:
            params["timeline"] = True
        voice, language = params.get("voice"), params.get("language")
        if (voice or language) and not (engine and model):
            engine, model, voice = self._voice(voice, language, engine, model)
            if voice:
                params["voice"] = voice
                params.pop("language", None)  # the voice was chosen by it
        request = asking.request("tts", "synthesize", params, engine, model, keep_alive, priority, deadline)
        exchange = self._exchange(request, source.of_text(text))
        from .speech import Speech  # while the worker works

        return Speech(exchange, format, on_sentence)

    def _voice(self, voice: str | None, language: str | None, engine: str | None, model: str | None) -> Choice:
        """What a voice or a language means, looked up once for each."""
        if model and not engine and "/" in model:
            engine, _, model = model.partition("/")
        wanted = (voice, language, engine, model)
        if wanted not in self._choices:
            from .voices import choose  # for those who name one

            self._choices[wanted] = choose(self.describe("tts").get("tts", {}), *wanted)
        return self._choices[wanted]

    def voices(self) -> list[Voice]:
        """The voices of all engines, installed or not."""
        from .results import Voice

        engines = self.describe("tts").get("tts", {}).get("engines", [])
        return [Voice.from_data(voice, engine["name"]) for engine in engines for voice in engine.get("voices", ())]

    def conversation(self, *, mode: Mode = "auto", priority: str = "text", **options: Any) -> Conversation:
        """Saying something and hearing the answer, where whoever answers may interrupt. A context manager.

        Args:
            mode: `auto`, `half`, or `headphones`, where the microphone does not hear the loudspeaker.
            options: devices, callbacks and more: see `hushd.Conversation`.
        """
        asking.check_priority(priority)
        from .conversation import Conversation  # for those who have a loudspeaker and a microphone

        return Conversation(self, mode=mode, priority=priority, **options)

    # --- the floor ---------------------------------------------------------------------------------------------------

    def floor(self, *devices: str, priority: str = "text", on_wait: Callable[[str], None] | None = None) -> Floor:
        """The right to use the `speaker`, the `microphone` or both, so that programs do not talk over each other.

            with client.floor("microphone") as floor, Microphone() as microphone:
                print(client.listen(floor.while_held(microphone)).transcript())

        `hushd.playback.play` enters it by itself, for as long as there is something to hear.

        Args:
            on_wait: called with `waiting` or `paused` when it cannot be had at once.

        Raises:
            HushdError: from entering the block: `cancelled` when it was stopped, or replaced by something newer.
        """
        asking.check_priority(priority)
        from .floor import Floor  # for those who have a loudspeaker or a microphone

        return Floor(self._connect, devices, priority, on_wait)

    def stop_speaking(self, *who: str, current: bool = False) -> list[int]:
        """Silence: ends what is spoken and what waits to be; returns the numbers of those turns.

        Args:
            who: numbers of turns, clients as in `status`, or `self`; nobody named means everybody.
            current: ends only what is spoken now; the next goes on.
        """
        return list(self._control("stop" if current else "cancel", *who).get("turns", []))

    def pause(self, *who: str) -> list[int]:
        """Silence until `resume`: nothing is lost. Without names, what others are yet to say is paused too."""
        return list(self._control("pause", *who).get("turns", []))

    def resume(self, *who: str) -> list[int]:
        """Goes on where `pause` interrupted."""
        return list(self._control("resume", *who).get("turns", []))

    # --- workers -----------------------------------------------------------------------------------------------------

    def preload(self, *workers: str, keep_alive: KeepAlive = None, wait: bool = True) -> None:
        """Starts workers (`stt`, `tts/hibari`, `stt/moonshine/tiny-en`), all at once; returns when they are ready.

        With `wait=False` it returns when they have been asked for: a worker that is started is started for everybody.
        """
        lease = None if keep_alive is None else parse(keep_alive)
        requests = [Request(id=new_id(), worker=name, op="warm", input="none", keep_alive=lease) for name in workers]
        if not wait:
            in_contact(self._connect, lambda connection: [connection.start(request) for request in requests])
            return
        for exchange in [self._exchange(request, None) for request in requests]:
            deque(exchange, maxlen=0)

    def unload(self, *workers: str) -> list[str]:
        """Ends workers, all of them when none is named; returns the names of those that were, once they are gone."""
        return list(self._control("unload", *workers).get("unloaded", []))

    def status(self) -> dict[str, Any]:
        """What `hushd status --json` prints: the supervisor, its workers, memory."""
        return self._control("status")

    def reload(self) -> None:
        """Has the supervisor read its configuration again; requests under way go on.

        Raises:
            HushdError: `bad_request` for what is wrong in it, and nothing has changed.
        """
        self._control("reload")

    def describe(self, *roles: str) -> dict[str, Any]:
        """What engines, models and voices there are, by role (`stt`, `tts`)."""
        return self._control("describe", *roles)

    def shutdown(self, timeout: float = 10.0) -> bool:
        """Tells the supervisor to finish what is running and leave; whether it had left after `timeout` seconds."""
        connection = self._connect()
        connection.start(Control(id=new_id(), action="shutdown")).result()
        return connection.wait_lost(timeout)

    def restart(self, timeout: float | None = None) -> bool:
        """Has the supervisor finish what is running and make way for a new one, which serves who asks from now on.

        Returns whether it had left after `timeout` seconds. The next request starts the new one, or a service manager.
        """
        connection = self._connect()
        connection.start(Control(id=new_id(), action="restart")).result()
        return connection.wait_lost(timeout)

    # --- models ------------------------------------------------------------------------------------------------------

    def pull(self, model: str, *, on_progress: models.OnProgress | None = None) -> dict[str, Any]:
        """Downloads `ENGINE/NAME`, or checks it where it is here already; returns its `model`, `size` and `location`.

        Who pulls what is being pulled joins. What has arrived when it breaks off is kept for the next time.

        Args:
            on_progress: called with what is being done, the bytes that have come, and all of them or 0.
        """
        return models.ask(self._connect, "pull", {"model": model}, on_progress)

    def import_model(
        self,
        path: str | os.PathLike[str],
        name: str,
        *,
        engine: str | None = None,
        on_progress: models.OnProgress | None = None,
    ) -> dict[str, Any]:
        """Copies a model's file or folder into hushd's models folder, as `ENGINE/name`; returns what `pull` does.

        Args:
            engine: for which it is; None: its content tells.
        """
        params = {"path": os.path.abspath(path), "name": name, "engine": engine or ""}
        return models.ask(self._connect, "import", params, on_progress)

    def quantize(
        self, model: str, to: str = "int8", *, name: str | None = None, on_progress: models.OnProgress | None = None
    ) -> dict[str, Any]:
        """Makes a smaller model of one that is here, unless it has been made already; returns what `pull` does.

        Args:
            to: `int8`, or for Whisper's checkpoints another of CTranslate2's formats.
            name: what it is to be called; default: as `model` if the engine is another one, else `NAME-int8`.
        """
        return models.ask(self._connect, "quantize", {"model": model, "to": to, "name": name or ""}, on_progress)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _exchange(self, request: Request, input: Source | None) -> Exchange:
        return Exchange(self._connect, request, input, self._pull_missing)

    def _pull_missing(self, model: str) -> None:
        on_pull = self._on_pull
        self.pull(model, on_progress=on_pull and (lambda _, done, total: on_pull(model, done, total)))

    def _control(self, action: str, *names: str) -> dict[str, Any]:
        def ask(connection: Connection) -> Result:
            return connection.start(Control(id=new_id(), action=action, names=list(names))).result()

        return in_contact(self._connect, ask).data

    def _connect(self) -> Connection:
        """The connection, made anew when the last one was lost."""
        with self._lock:
            connection = self._connection
            if connection is not None and (connection.foreign or connection.usable):
                return connection
            connection = self._connection = self._find()
            if self._finalizer is not None:
                self._finalizer.detach()
            self._finalizer = weakref.finalize(self, connection.close)
            return connection

    def _find(self) -> Connection:
        """Connects; what fails is tried again after a look at whether anybody listens, and a start if not.

        For some seconds, because a supervisor that is about to end may be met more than once, and because who listens
        may be a service manager that has only begun to start one.
        """
        paths.prepare_runtime(self._paths)
        try:
            return Connection(self._paths.client_socket, holder=self._holder)
        except HushdError as error:
            if error.code not in GONE:
                raise
        from . import autostart

        give_up = time.monotonic() + autostart.READY_S
        while True:
            autostart.ensure(self._paths, start=self._start)
            patience = max(WELCOME_S, give_up - time.monotonic())
            try:
                return Connection(self._paths.client_socket, holder=self._holder, patience=patience)
            except HushdError as error:
                if error.code not in GONE or time.monotonic() >= give_up:
                    raise
            time.sleep(PAUSE_S)
