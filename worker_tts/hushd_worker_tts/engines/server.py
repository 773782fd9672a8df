"""Speaks by any speech server, such as Kokoro-FastAPI or Chatterbox-TTS-Server, which runs while it is needed.

Its models are the files `servers/NAME.toml` beside hushd's configuration (see docs/SERVERS.md). The voice NAME is the
server's own choice, and NAME.VOICE one that it lists.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

from hushd_models.server_files import every, installed, read
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, best_effort, paths
from hushd_schema import engines, server_file
from hushd_schema.server_file import ServerFile
from hushd_worker.media import MAX_RATE, MIN_RATE
from hushd_worker.server import wyoming
from hushd_worker.server.exchange import Bounds, Broken, Check, Hangs, loads
from hushd_worker.server.process import ServerProcess, once

from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice, greeting

from .received_sound import bare, decoded, raw

_SOUND_TIMEOUT_S = 120.0  # seconds of silence
# Seconds of sound that every text may have, and then one for each character, at the usual speed.
_MIN_SOUND_LIMIT_S = 60.0
_DENSEST = 48_000  # samples a second that it may have, of 16 bits
_SILENCE = 1e-3  # the loudest sample of nothing that anybody hears; full scale is 1
_WORD = "Hello."
_LANGUAGE = "en-US"


class SpeechServer(Engine):
    """The engine. The abilities of a voice are those that its server's file declares."""

    SPEC = engines.get("server", "tts")
    takes_extra = True
    offline = True  # whether the server is told to download nothing

    def __init__(self, model: str) -> None:
        self._model = model
        self._file: ServerFile
        self._server: ServerProcess
        self._job = threading.local()  # several jobs at once, each on its thread
        self._listed: tuple[str, ...] = ()

    @property
    def check(self) -> Check:
        """The check of this thread's job; see `Engine`."""
        return getattr(self._job, "check", lambda: None)

    @check.setter
    def check(self, check: Check) -> None:
        self._job.check = check

    @property
    def extra(self) -> Mapping[str, Any]:
        """Further fields of this thread's job, for the server."""
        return getattr(self._job, "extra", {})

    @extra.setter
    def extra(self, extra: Mapping[str, Any]) -> None:
        self._job.extra = extra

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return tuple(
            Model(
                name,
                languages=file.languages or (_LANGUAGE,) if file else (),
                memory_mb=file.memory_mb if file else 0,
                installed=file is not None and installed(file) is not None,
            )
            for name, file in every("tts").items()
        )

    @classmethod
    def available(cls) -> bool:
        return bool(every("tts"))

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return tuple(voice for name, file in every("tts").items() for voice in _voices(name, file))

    def load(self, report: Callable[[str], None]) -> None:
        self._file = file = read(self._model)
        self.parallel, self.leave_s = file.parallel, file.stop_timeout
        self._server = ServerProcess(file, offline=self.offline)
        self._server.start(lambda limit: self._prove(limit), report)
        self.compute_device = self._server.compute_device()
        self._listed = file.voices if isinstance(file.voices, tuple) else self._ask_for_voices(file.voices)
        _remember(file, self._listed)

    def close(self) -> None:
        self._server.end()

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        if not any(c.isalnum() for c in text):
            return
        text = "".join(c if c.isprintable() else " " for c in text)  # a 0 breaks servers
        if voice.model != self._model:
            raise HushdError("unsupported", f"The voice {voice.name} is another server's: ask for it alone.")
        name = voice.name.removeprefix(self._model).removeprefix(".")
        if self._listed and name not in ("", *self._listed):
            raise HushdError("bad_request", f"The server {self._model} has no voice {name!r}.")
        with self._server.reported():
            longest_s = (_MIN_SOUND_LIMIT_S + len(text)) / min(speed, 1.0)
            bounds = _bounds(longest_s)
            yield from _heard(self._speak(text, name, speed, self.extra, self.check, bounds), longest_s)

    def _prove(self, limit_s: float) -> None:
        default = self._file.voices[0] if isinstance(self._file.voices, tuple) and self._file.voices else ""
        bounds = _bounds(_MIN_SOUND_LIMIT_S)._replace(silence_s=limit_s, all_s=limit_s)
        for _ in _heard(self._speak(_WORD, default, 1.0, {}, lambda: None, bounds), _MIN_SOUND_LIMIT_S):
            pass

    def _speak(
        self, text: str, voice: str, speed: float, extra: Mapping[str, Any], check: Check, bounds: Bounds
    ) -> Generator[AudioChunk, None, None]:
        file = self._file
        language = (file.languages or (_LANGUAGE,))[0]
        if file.like == "wyoming":
            with self._server.line(check, bounds) as line:
                for data, rate in wyoming.speak(line, file.name, text, voice):
                    yield from raw((data,), rate)
            return
        values = {
            "text": text,
            "voice": voice or next(iter(self._listed), ""),
            "model": file.model,
            "language": language,
            "format": "pcm" if file.stream == "pcm" else "wav",
            "speed": None if speed == 1.0 else speed,
            "stretch": None if speed == 1.0 else 1 / speed,
        }
        fields = file.accepted(server_file.filled(file.body, values))
        body = json.dumps(fields | dict(extra)).encode()
        path = server_file.path(file.speech, values)
        with self._server.ask(path, body, "application/json", check, bounds) as answer:
            if file.stream == "pcm":
                yield from bare(answer.blocks(), file.rate)
            else:
                yield from decoded(answer.blocks(), answer.headers.get("content-type", ""))

    def _ask_for_voices(self, path: str) -> tuple[str, ...]:
        """Returns the names that the server lists; none if it has no list."""
        bounds = Bounds(10.0, 10.0)
        try:
            if self._file.like == "wyoming":
                with self._server.line(lambda: None, bounds) as line:
                    return wyoming.voices(line, self._file.name)
            if path:
                with self._server.ask(path, None, "", lambda: None, bounds) as answer:
                    return _names(loads(b"".join(answer.blocks())))
        # The answer may be unlike any of the forms, too.
        except (HushdError, Broken, Hangs, ValueError, TypeError, AttributeError, KeyError):
            pass
        return ()


def _bounds(longest_s: float) -> Bounds:
    """Returns the bounds of a request for so much speech at most."""
    return Bounds(_SOUND_TIMEOUT_S, _SOUND_TIMEOUT_S + longest_s, int(longest_s * 2 * _DENSEST))


def _heard(chunks: Generator[AudioChunk, None, None], longest_s: float) -> Iterator[AudioChunk]:
    """Passes speech on. Raises Broken for none, for silence, with which servers answer that have no model, for samples
    that are not finite, and for more than `longest_s` seconds, or as many samples as these can have."""
    sound, left_s = False, longest_s
    with closing(chunks):  # an error that is kept would keep the server's turn
        for chunk in chunks:
            if not MIN_RATE <= chunk.rate <= MAX_RATE:
                raise Broken(f"sent sound of an impossible rate, {chunk.rate} Hz")
            left_s -= len(chunk.samples) / min(chunk.rate, _DENSEST)
            if left_s < 0:
                raise Broken(f"sent more than {longest_s:.0f} s of sound for this text")
            level: Any = abs(chunk.samples)
            peak = float(level.max(initial=0.0))
            if not math.isfinite(peak):
                raise Broken("sent samples that are no numbers")
            sound = sound or peak > _SILENCE
            yield chunk
    if not sound:
        raise Broken("answered without sound")


def _voices(name: str, file: ServerFile | None) -> Iterator[Voice]:
    """Yields the server's own choice, and the voices that its file or, once it has run, the server lists."""
    language = (file.languages or (_LANGUAGE,))[0] if file else ""
    here = file is not None and installed(file) is not None
    listed = file.voices if file and isinstance(file.voices, tuple) else _remembered(name)
    for own in ("", *listed):
        voice = f"{name}.{own}" if own else name
        yield Voice(voice, language, "", name, here, greeting(language, own or name) if language else "", 160)


def _names(listing: Any) -> tuple[str, ...]:
    """Returns the names in a server's list: texts, objects with a name or id, or names as keys."""
    while isinstance(listing, dict) and (inner := next((listing[k] for k in ("voices", "data") if k in listing), None)):
        listing = inner
    entries = listing if isinstance(listing, list) else list(listing)
    names = [
        next((each[k] for k in ("voice_id", "id", "name") if each.get(k)), "") if isinstance(each, dict) else each
        for each in entries
    ]
    return tuple(str(name) for name in names if name)


def _remembered(name: str) -> tuple[str, ...]:
    try:
        return tuple(json.loads((paths.find().state / "servers" / f"{name}.json").read_text()))
    except (OSError, ValueError):
        return ()


def _remember(file: ServerFile, voices: tuple[str, ...]) -> None:
    path = paths.find().state / "servers" / f"{file.name}.json"
    if isinstance(file.voices, str) and voices != _remembered(file.name):
        with best_effort.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.replace(path, json.dumps(voices).encode())


if __name__ == "__main__":  # `hushd servers try --download` runs this
    SpeechServer.offline = False
    engine = SpeechServer(sys.argv[1])
    once(engine.load, engine.close)
