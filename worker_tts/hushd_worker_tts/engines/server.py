"""Speaks by any speech server, such as Kokoro-FastAPI or Chatterbox-TTS-Server, which runs while it is needed.

Its models are the files `servers/NAME.toml` beside hushd's configuration (see docs/SERVERS.md). The voice NAME is the
server's own choice, and NAME.VOICE one that it lists.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hushd_models.installation import document
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import server_file
from hushd_schema.server_file import ServerFile
from hushd_worker.server import exchange, wyoming
from hushd_worker.server.exchange import Broken, Check
from hushd_worker.server.files import every, installed, read
from hushd_worker.server.process import ServerProcess, once

from hushd_worker_tts.engine import AudioChunk, EngineInfo, Model, Voice, greeting

if TYPE_CHECKING:
    from hushd_worker_tts.engine import Samples

_LIMIT_S = 120.0  # of silence
_WORD = "Hello."
_LANGUAGE = "en-US"
_HEAD = 65_536  # bytes in which a WAV file's samples begin


class Server:
    """The engine. The abilities of a voice are those that its server's file declares."""

    economy = degraded = False
    offline = True  # whether the server is told to download nothing

    def __init__(self, model: str) -> None:
        self._model = model
        self._file: ServerFile
        self._server: ServerProcess
        self._job = threading.local()  # several jobs at once, each on its thread
        self._listed: tuple[str, ...] = ()
        self.parallel, self.leave_s = 1, 0.0
        self.compute_device = "cpu"

    @property
    def check(self) -> Check:
        """Of the job of this thread; see `TtsEngine`."""
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
    def info(cls) -> EngineInfo:
        servers = every("tts")
        models = tuple(
            Model(
                name,
                languages=file.languages or (_LANGUAGE,) if file else (),
                memory_mb=file.memory_mb if file else 0,
                embedded=False,
                installed=file is not None and installed(file) is not None,
            )
            for name, file in servers.items()
        )
        default = "default" if "default" in servers or not servers else next(iter(servers))
        return EngineInfo(
            name="server",
            installed=bool(servers),
            install=f"`hushd servers add NAME -- COMMAND` (see {document('SERVERS.md')})",
            default_model=default,
            default_voice=default if servers else "",
            models=models,
            slowest=0.25,
            fastest=4.0,
            streaming=True,
        )

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
        with self._server.reported(_LIMIT_S):
            yield from _heard(self._speak(text, name, speed, self.extra, self.check, _LIMIT_S))

    def _prove(self, limit_s: float) -> None:
        default = self._file.voices[0] if isinstance(self._file.voices, tuple) and self._file.voices else ""
        for _ in _heard(self._speak(_WORD, default, 1.0, {}, lambda: None, limit_s)):
            pass

    def _speak(
        self, text: str, voice: str, speed: float, extra: Mapping[str, Any], check: Check, limit_s: float
    ) -> Iterator[AudioChunk]:
        file = self._file
        language = (file.languages or (_LANGUAGE,))[0]
        if file.like == "wyoming":
            with self._server.line(check, limit_s) as line:
                for data, rate in wyoming.speak(line, file.name, text, voice, ""):
                    yield AudioChunk(_integers(data), rate)
            return
        values = {
            "text": text,
            "voice": voice or self._default_voice(),
            "model": file.model,
            "language": language,
            "format": "pcm" if file.stream == "pcm" else "wav",
            "speed": None if speed == 1.0 else speed,
            "stretch": None if speed == 1.0 else 1 / speed,
        }
        fields = {k: v for k, v in server_file.filled(file.body, values).items() if not file.send or k in file.send}
        if file.stream == "sse":
            fields["stream_format"] = "sse"
        body = json.dumps(fields | dict(extra)).encode()
        path = server_file.path(file.speech, values)
        with self._server.ask(path, body, "application/json", check, limit_s) as answer:
            blocks = _events(answer.blocks()) if file.stream == "sse" else answer.blocks()
            yield from _raw(blocks, file.rate) if file.stream == "pcm" else _decoded(blocks)

    def _default_voice(self) -> str:
        return self._listed[0] if self._listed else ""

    def _ask_for_voices(self, path: str) -> tuple[str, ...]:
        """Returns the names that the server lists; none if it has no list."""
        if not path or self._file.like == "wyoming":
            return ()
        try:
            with self._server.ask(path, None, "", lambda: None, 10.0) as answer:
                return _names(json.loads(b"".join(answer.blocks())))
        except (HushdError, Broken, exchange.Hangs, ValueError):
            return ()


# --- sound -----------------------------------------------------------------------------------------------------------


def _heard(chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
    """Passes speech on. Raises Broken for none, and for silence: servers answer so, with 200, without a model."""
    sound = False
    for chunk in chunks:
        sound = sound or bool(chunk.samples.any())
        yield chunk
    if not sound:
        raise Broken("answered without sound")


def _decoded(blocks: Iterator[bytes]) -> Iterator[AudioChunk]:
    """Yields the sound of a file as it comes: of a WAV file of 16 bits, whatever length it claims; else at its end."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= 12 and head[:4] + head[8:12] != b"RIFFWAVE":
            break
        if (begun := _wav_samples(head)) is not None:
            at, rate, channels = begun
            yield from _raw(_after(head[at:], blocks), rate, channels)
            return
        if len(head) > _HEAD:
            break
    yield from _whole(head + b"".join(blocks))


def _wav_samples(head: bytes) -> tuple[int, int, int] | None:
    """Returns where the samples of a WAV file begin, their rate and channels; None for others, and too early."""
    at, kind = 12, (0, 0, 0, 0)
    while at + 8 <= len(head):
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"data":
            form, channels, rate, bits = kind
            return (at + 8, rate, channels) if form in (1, 0xFFFE) and bits == 16 and rate and channels else None
        if name == b"fmt " and at + 24 <= len(head):
            fields = (head[at + 8 : at + 10], head[at + 10 : at + 12], head[at + 12 : at + 16], head[at + 22 : at + 24])
            form, channels, rate, bits = (int.from_bytes(each, "little") for each in fields)
            kind = form, channels, rate, bits
        at += 8 + size + size % 2
    return None


def _after(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _raw(blocks: Iterable[bytes], rate: int, channels: int = 1) -> Iterator[AudioChunk]:
    """Yields samples of 16 bits as they come."""
    rest, frame = b"", 2 * channels
    for block in blocks:
        rest += block
        if whole := len(rest) // frame * frame:
            samples = _integers(rest[:whole])
            yield AudioChunk(samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1), rate)
            rest = rest[whole:]


def _integers(data: bytes) -> Samples:
    import numpy as np

    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def _whole(data: bytes) -> Iterator[AudioChunk]:
    """Yields the sound of a file of any format that libsndfile reads."""
    import soundfile

    if not data:
        raise Broken("answered without sound")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            while len(block := file.read(65_536, dtype="float32", always_2d=True)):
                yield AudioChunk(block.mean(axis=1), int(file.samplerate))
    except soundfile.LibsndfileError:
        raise Broken(f"answered without sound: {exchange.first_words(data)}") from None


def _events(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the sound in events, as OpenAI's API sends it."""
    rest = b""
    for block in blocks:
        rest += block
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and line[5:].strip() not in (b"", b"[DONE]"):
                try:
                    event = json.loads(line[5:])
                    sound = event.get("audio") or event.get("delta")
                except (ValueError, AttributeError):
                    raise Broken(f"answered without sound: {exchange.first_words(line[5:])}") from None
                if event.get("error"):
                    raise Broken(f"failed: {exchange.first_words(line[5:])}")
                if sound:
                    yield base64.b64decode(sound)


# --- voices ----------------------------------------------------------------------------------------------------------


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
    from hushd_protocol.system import atomic_file, best_effort

    path = paths.find().state / "servers" / f"{file.name}.json"
    if isinstance(file.voices, str) and voices != _remembered(file.name):
        with best_effort.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.replace(path, json.dumps(voices).encode())


if __name__ == "__main__":  # for `hushd servers try --download`
    Server.offline = False
    engine = Server(sys.argv[1])
    once(engine.load, engine.close)
