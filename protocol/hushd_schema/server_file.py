"""The file `servers/NAME.toml`, which describes a speech server that hushd starts on demand. Pure.

Only `run` is always needed. `like` names a known API; the paths and bodies of another one can be written out. The API,
and whether the server speaks, hears or does both, are guessed from the command line where it tells them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import listed

from hushd_schema import kinds, toml
from hushd_schema.kinds import TABLE, Kind, choice, entry, flag, number, seconds, span_s, text, texts

FOLDER = "servers"  # folder beside the configuration
PIECE = 15.0, 30.0  # seconds


class Api(NamedTuple):
    """The requests of one kind of server: paths and fields, in which a text `{name}` stands for a value, and a field
    without its value is left out."""

    speech: str = ""
    body: Mapping[str, Any] = {}
    hear: str = ""
    form: Mapping[str, Any] = {}
    voices: str = ""


_HEARD = {
    "language": "{language}",
    "prompt": "{prompt}",
    "temperature": "{temperature}",
    "response_format": "verbose_json",
}
APIS = {
    "openai": Api(
        "/v1/audio/speech",
        {"model": "{model}", "input": "{text}", "voice": "{voice}", "response_format": "{format}", "speed": "{speed}"},
        "/v1/audio/transcriptions",
        {"file": "{audio}", "model": "{model}", **_HEARD, "timestamp_granularities[]": "{granularity}"},
        "/v1/audio/voices",
    ),
    "whisper.cpp": Api(hear="/inference", form={"file": "{audio}", **_HEARD}),
    "piper": Api("/synthesize", {"text": "{text}", "voice": "{voice}", "length_scale": "{stretch}"}, voices="/voices"),
    "asr-webservice": Api(
        hear="/asr?output=json&encode=true&task=transcribe&language={language}&word_timestamps={words}",
        form={"audio_file": "{audio}"},
    ),
    "wyoming": Api("by events", hear="by events"),
}
# Signs of a server in a command line; the first that is found counts.
_LIKE = (
    (r"whisper-asr-webservice", "asr-webservice"),
    (r"whisper-server", "whisper.cpp"),
    (r"piper[./]http_server", "piper"),
    (r"wyoming|--uri", "wyoming"),
    (r"kokoro|speaches|transformers serve|vllm|open-asr-server|llama-server|mlx_audio|orpheus|hushd serve", "openai"),
)
_SPEAKS = re.compile(r"kokoro|piper|tts|chatterbox|orpheus|alltalk|xtts|speech[-_]?t5", re.IGNORECASE)
_HEARS = re.compile(r"whisper|asr|stt|parakeet|canary|voxtral|moonshine|transcri", re.IGNORECASE)


_WORDS = Kind('["program", "argument", …]', lambda value: texts().fits(value) and bool(value) and bool(value[0]))
_PATH = Kind(
    "a path such as '/tts', or false where the server cannot do it",
    lambda value: value is False or text().fits(value),
)
_VOICES = Kind("a list of names, or a path", lambda value: texts().fits(value) or text().fits(value))
_ENV = Kind("a table of texts", lambda value: isinstance(value, dict) and all(map(text().fits, value.values())))


@dataclass(frozen=True, slots=True)
class ServerFile:
    """The content of one file, completed by guesses.

    Attributes:
        name: the server's, and its model's. All others are the keys that docs/SERVERS.md describes.
        like: empty for an API of its own.
        speech, hear: empty where it cannot do that.
        send: empty if it takes all fields.
    """

    name: str
    run: tuple[str, ...] = entry(_WORDS, ())
    like: str = entry(choice(*APIS), "")
    speech: str = entry(_PATH, "")
    hear: str = entry(_PATH, "")
    body: Mapping[str, Any] = entry(TABLE, {})
    form: Mapping[str, Any] = entry(TABLE, {})
    model: str = entry(text(), "")
    voices: tuple[str, ...] | str = entry(_VOICES, ())
    words: bool = entry(flag(), False)
    languages: tuple[str, ...] = entry(texts(), ())
    ready: str = entry(text(), "")
    ready_has: str = entry(text(), "")
    start_timeout: float = entry(seconds(1), 120.0)
    stop: tuple[str, ...] = entry(_WORDS, ())
    stop_timeout: float = entry(seconds(0), 4.0)
    cwd: str = entry(text(), "")
    env: Mapping[str, str] = entry(_ENV, {})
    memory_mb: float = entry(number(0), 0.0)
    vram_mb: float = entry(number(0), 0.0)
    parallel: int = entry(kinds.whole(1, 64), 1)
    piece: tuple[float, float] = entry(span_s(1, 3600), PIECE)
    whole: bool = entry(flag(), False)
    stream: str = entry(choice("wav", "pcm"), "wav")
    rate: int = entry(kinds.whole(8000, 192_000), 24_000)
    send: tuple[str, ...] = entry(texts(), ())

    def accepted(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Returns those of `fields` that it takes."""
        return {name: value for name, value in fields.items() if not self.send or name in self.send}

    def does(self, role: str) -> bool:
        """Returns whether it can do what the role `stt` or `tts` is for."""
        return bool(self.hear if role == "stt" else self.speech)

    def program(self, where: Mapping[str, str], words: Sequence[str]) -> list[str]:
        """Returns `words`, of `run` or `stop`, for the port and the socket in `where`; `~` is the home."""
        return [os.path.expanduser(_filled(word, where)) for word in words]


def read(name: str, content: Mapping[str, Any], otherwise: str = "") -> ServerFile:
    """Returns a server of the content of its file; its API is `otherwise` where nothing tells it.
    Raises `bad_request`, with a sentence that follows the file's name."""
    given = kinds.table(content, kinds.of(ServerFile))
    given |= {key: tuple(given[key]) for key in ("run", "stop", "languages", "send") if key in given}
    # A Wyoming server takes a socket, too, where all requests find one process.
    given["run"] = tuple(word.replace("stdio://", "unix://{socket}") for word in given.get("run", ()))
    if not given["run"]:
        raise HushdError("bad_request", 'it needs run = ["program", "argument", …].')
    command = " ".join(given["run"])
    custom = isinstance(given.get("speech"), str) or isinstance(given.get("hear"), str)
    guess = "" if custom else next((api for sign, api in _LIKE if re.search(sign, command)), otherwise)
    like = given.setdefault("like", guess)
    if not like and not custom:
        raise HushdError("bad_request", f"it needs like = {listed(APIS)}, or the path of its speech.")
    api = APIS.get(like, Api())
    given = {"speech": api.speech, "hear": api.hear, "body": api.body, "form": api.form, "voices": api.voices} | given
    roles = {"speech": bool(_SPEAKS.search(command)), "hear": bool(_HEARS.search(command))}
    for key, other in (("speech", "hear"), ("hear", "speech")):
        if given[key] is False or (key not in content and roles[other] and not roles[key]):
            given[key] = ""
    for key, fields, sent in (("speech", "body", "{text}"), ("hear", "form", "{audio}")):
        written = [given[key], *given[fields].values()]
        if given[key] and like != "wyoming" and not any(sent in each for each in written if isinstance(each, str)):
            needed = f'{fields} = {{ {sent[1:-1]} = "{sent}" }}'
            raise HushdError("bad_request", f"{key} sends no {sent}: write the field that takes it, such as {needed}.")
    if isinstance(given["voices"], list):
        given["voices"] = tuple(given["voices"])
    if not any("{port}" in word or "{socket}" in word for word in given["run"]):
        raise HushdError(
            "bad_request", "run has neither {port} nor {socket}: write it where the server takes its port."
        )
    return ServerFile(name, **given)


def known() -> dict[str, dict[str, Any]]:
    """Returns files for well-known servers, by name; their folders and models are examples."""
    servers: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("known_servers.json").read_text())
    return servers


def text_of(content: Mapping[str, Any]) -> str:
    """Returns the text of a file with these keys."""
    return "".join(f"{key} = {toml.written(value)}\n" for key, value in content.items())


def filled(fields: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields with `values` for their placeholders; without those that are one placeholder of no value."""
    done: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, str) and value.startswith("{") and value[1:-1] in values:
            value = values[value[1:-1]]
            if value in (None, ""):
                continue
        elif isinstance(value, str):
            value = _filled(value, {name: "" if each is None else str(each) for name, each in values.items()})
        done[key] = value
    return done


def _filled(word: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda match: values.get(match[1], match[0]), word)


def path(pattern: str, values: Mapping[str, Any]) -> str:
    """Returns a path with `values` for its placeholders."""
    texts = {name: each for name, each in values.items() if each is None or isinstance(each, str)}
    return _filled(pattern, {name: quote(each or "") for name, each in texts.items()})
