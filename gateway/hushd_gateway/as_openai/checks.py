"""One request of each kind that programs of OpenAI's API send, to hushd's own address."""

from __future__ import annotations

import http.client
import io
import json
import secrets
import time
import wave
from collections.abc import Callable, Mapping
from typing import Any

from hushd_protocol import JsonObject

from .outcome import NO_KEY, NOTHING_TO_HEAR, Outcome, Refused, refused

TEXT = "Hello there, my friend. How are you today?"
PATIENCE_S = 300.0  # for an answer: a large model that has to be loaded first may take minutes
Fields = Mapping[str, str]


class Trial:
    """Requests to one address; the recordings that they send are what the first one has spoken.

    Attributes:
        sound: the spoken text as a WAV file; empty until there is one.
    """

    def __init__(self, host: str, port: int, key: str) -> None:
        self.host = host
        self.port = port
        self.headers = {"Authorization": f"Bearer {key or 'none'}"}
        self.sound = b""

    def outcome(self, check: Callable[[Trial], str]) -> Outcome:
        """Returns the outcome of a check, whatever goes wrong."""
        began = time.monotonic()
        try:
            text = check(self)
        except Refused as error:
            return refused(error)
        except (OSError, http.client.HTTPException) as error:
            return Outcome(f"the connection broke off ({str(error) or type(error).__name__})", is_cut=True)
        except (ValueError, LookupError, TypeError, EOFError, wave.Error):
            return Outcome("the answer has another form than OpenAI's")
        return Outcome(text, time.monotonic() - began, is_answered=True)

    def post_json(self, path: str, body: JsonObject) -> bytes:
        """Returns the body of the answer to a JSON object."""
        return self._request("POST", path, json.dumps(body).encode(), "application/json")

    def post_form(self, path: str, **fields: str) -> bytes:
        """Returns the body of the answer to a form with the recording; `_` at a name's end stands for `[]`."""
        if not self.sound:
            raise Refused("", NOTHING_TO_HEAR)
        boundary = secrets.token_hex(16)
        parts = [_part(boundary, _named(name), value.encode()) for name, value in fields.items()]
        parts.append(_part(boundary, "file", self.sound, 'filename="speech.wav"'))
        body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
        return self._request("POST", path, body, f"multipart/form-data; boundary={boundary}")

    def get(self, path: str) -> bytes:
        """Returns the body of an answer."""
        return self._request("GET", path)

    def _request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, self.headers | ({"Content-Type": kind} if kind else {}))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status == 401:  # the supervisor's own refusal of a poll has no JSON
            raise Refused(NO_KEY, "the server takes another key")
        if answer.status >= 400:
            error = json.loads(content)["error"]
            raise Refused(str(error["code"]), str(error["message"]))
        return content


def takes_key(trial: Trial) -> bool:
    """Returns whether the server takes the trial's key; true where it does not answer, since it may be leaving."""
    try:
        trial.get("/v1/models")
    except Refused as error:
        return error.code != NO_KEY
    except (OSError, http.client.HTTPException, ValueError):
        pass
    return True


def _named(name: str) -> str:
    return f"{name[:-1]}[]" if name.endswith("_") else name


def _part(boundary: str, name: str, value: bytes, more: str = "") -> bytes:
    head = "; ".join(filter(None, (f'Content-Disposition: form-data; name="{name}"', more)))
    return f"--{boundary}\r\n{head}\r\n\r\n".encode() + value + b"\r\n"


def _speech(trial: Trial) -> str:
    asked = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "wav"}
    sound = trial.post_json("/v1/audio/speech", asked)
    with wave.open(io.BytesIO(sound)) as file:
        seconds = len(file.readframes(2**30)) / file.getsampwidth() / file.getnchannels() / file.getframerate()
    if not seconds:
        raise ValueError
    trial.sound = sound
    return f"{seconds:.1f} s of sound"


def _speech_events(trial: Trial) -> str:
    asked = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": TEXT, "stream_format": "sse"}
    events = _events(trial.post_json("/v1/audio/speech", asked))
    if events[-1]["type"] != "speech.audio.done":
        raise ValueError
    return f"{len(events)} events"


def _transcription(trial: Trial) -> str:
    return str(json.loads(trial.post_form("/v1/audio/transcriptions", model="whisper-1"))["text"])


def _subtitles(trial: Trial) -> str:
    text = trial.post_form("/v1/audio/transcriptions", model="whisper-1", response_format="srt").decode()
    return text[: text.index("-->") + 16]


def _transcription_events(trial: Trial) -> str:
    events = _events(trial.post_form("/v1/audio/transcriptions", model="gpt-4o-mini-transcribe", stream="true"))
    return f"{len(events)} events: {events[-1]['text']}"


def _speakers(trial: Trial) -> str:
    asked = {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json"}
    transcript = json.loads(trial.post_form("/v1/audio/transcriptions", **asked))
    return ", ".join(sorted({f"speaker {segment['speaker']}" for segment in transcript["segments"]}))


def _word_times(trial: Trial) -> str:
    asked = {"model": "whisper-1", "response_format": "verbose_json", "timestamp_granularities_": "word"}
    words = json.loads(trial.post_form("/v1/audio/transcriptions", **asked))["words"]
    return f"{len(words)} words, the last one at {words[-1]['start']:.2f} s" if words else "no words in this sound"


def _log_probabilities(trial: Trial) -> str:
    asked = {"model": "gpt-4o-transcribe", "include_": "logprobs"}
    return f"{len(json.loads(trial.post_form('/v1/audio/transcriptions', **asked))['logprobs'])} words"


def _translation(trial: Trial) -> str:
    return str(json.loads(trial.post_form("/v1/audio/translations", model="whisper-1"))["text"])


def _realtime(trial: Trial) -> str:
    from .session import transcribe

    return transcribe(trial.host, trial.port, trial.headers, trial.sound)


def _languages(trial: Trial) -> str:
    entries = json.loads(trial.get("/v1/models"))["data"]
    heard_tags = sorted({tag for entry in entries for tag in entry.get("language", ())})
    spoken_tags = sorted({voice["language"] for entry in entries for voice in entry.get("voices", ())})
    return f"hears {_listed(heard_tags)}; speaks {_listed(spoken_tags)}; for more: hushd models recommend"


def _listed(tags: list[str]) -> str:
    return ", ".join(tags) if len(tags) <= 5 else f"{len(tags)} languages"


def _events(body: bytes) -> list[Any]:
    """Returns the events of a stream."""
    return [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]


CHECKS: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    ("speech", _speech),
    ("speech, events", _speech_events),
    ("transcription", _transcription),
    ("subtitles", _subtitles),
    ("transcript, events", _transcription_events),
    ("speakers", _speakers),
    ("realtime", _realtime),
    ("word times", _word_times),
    ("log probabilities", _log_probabilities),
    ("translation", _translation),
    ("languages", _languages),
)
