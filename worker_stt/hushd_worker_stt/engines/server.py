"""Transcribes by any speech server, such as whisper.cpp's or one with OpenAI's API, which runs while it is needed.

Its models are the files `servers/NAME.toml` beside hushd's configuration (see docs/SERVERS.md). The server is given
the same pieces of speech as other engines, so that progress, live text and diarization work with any.
"""

from __future__ import annotations

import json
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from hushd_models.server_files import every, installed, read
from hushd_protocol.errors import HushdError
from hushd_schema import engines, server_file
from hushd_schema.sound_file import wav_header
from hushd_worker.server import exchange, wyoming
from hushd_worker.server.exchange import Bounds, Broken, Check, loads
from hushd_worker.server.process import ServerProcess, once

from hushd_worker_stt.engine import RATE, DetectedLanguage, Engine, Model, Options, PieceLength, Segment

from .command_output import OutputError, from_json, wav

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_TEXT_TIMEOUT_S = 300.0  # seconds for the text of one piece, to which the piece's own length is added
_TEXT_BYTES_PER_S = 2000  # bytes for a second of speech; with words' times some servers send 900
_WHOLE_RECORDING_S = 3600.0  # seconds of a piece, for servers that do better with a whole recording
_UNKNOWN = ("und",)
# Texts that no person has said: nothing, a page, broken JSON, events, and bytes.
_OF_PROGRAMS = re.compile(rb"\s*(?:$|[<{\[]|(?:data|event|id|retry): ?[^\n]*\n|:[^\n]*\n\w+:|.*\0)", re.DOTALL)
_NO_TEXT = "html", "event-stream", "audio/", "image/", "video/"  # parts of content types
_FAILURES, _SUCCESS = ("error", "errors", "exception", "traceback"), ("success", "ok")
_REMARKS = "detail", "message", "msg"  # words on a failure where there is no text,
_FINE = {"ok", "success", "done"}  # words of an `error` field that report none


class TranscriptionServer(Engine):
    """The engine `server`. A model is a server, whose file declares its abilities."""

    offline = True  # whether the server is told to download nothing
    SPEC = engines.get("server", "stt")

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return tuple(
            Model(name, server.languages or _UNKNOWN, round(server.memory_mb), word_times=server.words)
            if server
            else Model(name, _UNKNOWN, 0)
            for name, server in every("stt").items()
        )

    @classmethod
    def installed(cls, model: str) -> bool:
        server = every("stt").get(model)
        return server is not None and installed(server) is not None

    def load(self, model: str, report: Callable[[str], None]) -> None:
        self._file = file = read(model)
        self.PIECE = PieceLength(_WHOLE_RECORDING_S, _WHOLE_RECORDING_S) if file.whole else PieceLength(*file.piece)
        self.batch, self.leave_s = file.parallel, file.stop_timeout
        self._server = ServerProcess(file, offline=self.offline)
        silence = wav_header(RATE, RATE) + bytes(RATE)  # half a second
        self._server.start(lambda limit: self._hear(silence, Options(), lambda: None, Bounds(limit, limit)), report)
        self.compute_device = self._server.compute_device()

    def close(self) -> None:
        self._server.end()

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        return self._transcribe(samples, options, self.check)

    def transcribe_batch(self, pieces: Sequence[Samples], options: Sequence[Options]) -> list[list[Segment]]:
        with ThreadPoolExecutor(len(pieces)) as threads:
            return list(threads.map(partial(self._transcribe, check=self.check), pieces, options))

    def _transcribe(self, samples: Samples, options: Options, check: Check) -> list[Segment]:
        duration = len(samples) / RATE
        with self._server.reported():
            content = self._hear(wav(samples), options, check, _bounds(samples))
        try:
            return from_json(json.dumps(_words_in_segments(content, self._file.words)).encode(), duration)[0]
        except OutputError as error:
            raise HushdError("worker_failed", f"The server {self._file.name} {error}.") from error
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError) as error:
            raise HushdError("worker_failed", f"The server {self._file.name} printed JSON unlike whisper's.") from error

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        with self._server.reported():
            language = self._hear(wav(samples), Options(), self.check, _bounds(samples)).get("language")
        return DetectedLanguage(language) if language in self._file.languages else None

    def _hear(self, sound: bytes, options: Options, check: Check, bounds: Bounds) -> dict[str, Any]:
        """Returns the server's answer, with at least a `text`."""
        file = self._file
        language = None if options.language in _UNKNOWN else options.language
        if file.like == "wyoming":
            with self._server.line(check, bounds) as line:
                return _with_text(wyoming.hear(line, file.name, sound[44:], RATE, file.model, language), b"")
        granularity = ["word", "segment"] if options.word_times and file.words else None
        values = {
            "audio": sound,
            "model": file.model,
            "language": language,
            "prompt": ", ".join(filter(None, (options.prompt, options.hotwords))),
            "temperature": options.temperature,
            "granularity": granularity,
            "words": "true" if granularity else "false",
        }
        fields = file.accepted(server_file.filled(file.form, values)) | dict(options.decoder.get("extra") or {})
        body, kind = exchange.form(fields, sound)
        path = server_file.path(file.hear, values)
        with self._server.ask(path, body, kind, check, bounds) as answer:
            return _parsed(b"".join(answer.blocks()), answer.headers.get("content-type", ""))


def _parsed(data: bytes, kind: str) -> dict[str, Any]:
    """Returns an answer in JSON, or in plain text: neither a page, nor a stream of events, nor subtitles."""
    try:
        content = loads(data)
    except ValueError:
        content = None
        plain = not _OF_PROGRAMS.match(data) and b"-->" not in data and not any(each in kind for each in _NO_TEXT)
        with suppress(UnicodeDecodeError):
            content = data.decode() if plain else None
    return _with_text(content if isinstance(content, dict) else {"text": content}, data)


def _with_text(content: dict[str, Any], answer: bytes) -> dict[str, Any]:
    """Returns an answer that has a text, or none since nobody spoke. Raises Broken for one without, and for one that
    says what has failed: some servers do so with 200."""
    text, segments = content.get("text"), content.get("segments")
    if not isinstance(text, str) and not isinstance(segments, list):
        raise Broken(f"answered without a transcript: {exchange.first_words(answer) or 'nothing'}")
    words = text.strip() if isinstance(text, str) else ""
    remarks = [] if words or segments else [content.get(key) for key in _REMARKS]
    failures = [content.get(key) for key in _FAILURES] + [content.get(key) is False for key in _SUCCESS] + remarks
    if any(each and str(each).casefold() not in _FINE for each in failures):
        why = next((content[key] for key in (*_FAILURES, *_REMARKS) if content.get(key)), "")
        raise Broken(f"failed: {exchange.first_words(json.dumps(why).encode()) or 'it does not say why'}")
    if words and not any(c.isprintable() and not c.isspace() and c != "\ufffd" for c in words):
        raise Broken(f"answered with a text of {len(words)} characters without a letter")
    return content


def _words_in_segments(content: dict[str, Any], words: bool) -> dict[str, Any]:
    """Returns an answer whose segments have the words that OpenAI's API lists beside them; none if they are not
    `words` with real times."""
    segments, beside = content.get("segments"), (content.get("words") or []) if words else []
    if not segments:
        content = {key: value for key, value in content.items() if key != "segments"}
        if not (beside and content.get("text")):
            return content
        segments = [{"start": beside[0]["start"], "end": beside[-1]["end"], "text": content["text"]}]
    ends = list(accumulate((segment["end"] for segment in segments), max))
    near: list[list[Any]] = [[] for _ in ends]
    for word in beside:
        middle = (word["start"] + word["end"]) / 2
        at = bisect_left(ends, middle)
        if at < len(ends) and segments[at]["start"] <= middle:
            near[at].append(word)
    owned = zip(segments, near, strict=True)
    return {
        **content,
        "segments": [{**each, "words": (each.get("words") or own) if words else None} for each, own in owned],
    }


def _bounds(samples: Samples) -> Bounds:
    """Returns the bounds of a request for the text of a piece."""
    duration = len(samples) / RATE
    return Bounds(_TEXT_TIMEOUT_S, _TEXT_TIMEOUT_S + duration, int(1_000_000 + duration * _TEXT_BYTES_PER_S))


if __name__ == "__main__":  # `hushd servers try --download` runs this
    TranscriptionServer.offline = False
    engine = TranscriptionServer()
    once(partial(engine.load, sys.argv[1]), engine.close)
