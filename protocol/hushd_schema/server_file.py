"""The file `servers/NAME.toml`, which describes a speech server that hushd starts on demand. Pure.

Only `run` is always needed. `like` names a known API; the paths and bodies of another one can be written out. The API,
and whether the server speaks, hears or does both, are guessed from the command line where it tells them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import listed
from msgspec import Meta, Struct

from hushd_schema import kinds, toml
from hushd_schema.kinds import NonNegativeFloat, Rule, choice, seconds, span_s

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


_WORDS = Rule('["program", "argument", …]', lambda words: words and words[0])
_PATH = Rule("a path such as '/tts', or false where the server cannot do it", given=str | Literal[False])
_VOICES = Rule("a list of names, or a path")
_Texts: TypeAlias = tuple[str, ...]


class ServerFile(Struct, frozen=True):
    """The content of one file, completed by guesses.

    Attributes:
        name: the server's, and its model's. All others are the keys that docs/SERVERS.md describes.
        like: empty for an API of its own.
        speech, hear: empty where it cannot do that.
        send: empty if it takes all fields.
    """

    name: str
    run: Annotated[_Texts, _WORDS] = ()
    like: Annotated[str, Rule(given=choice(*APIS))] = ""
    speech: Annotated[str, _PATH] = ""
    hear: Annotated[str, _PATH] = ""
    body: Mapping[str, Any] = {}
    form: Mapping[str, Any] = {}
    model: str = ""
    voices: Annotated[_Texts | str, _VOICES] = ()
    words: bool = False
    languages: _Texts = ()
    ready: str = ""
    ready_has: str = ""
    start_timeout: Annotated[float, seconds(1)] = 120.0
    stop: Annotated[_Texts, _WORDS] = ()
    stop_timeout: Annotated[float, seconds()] = 4.0
    cwd: str = ""
    env: Mapping[str, str] = {}
    memory_mb: NonNegativeFloat = 0.0
    vram_mb: NonNegativeFloat = 0.0
    parallel: Annotated[int, Meta(ge=1, le=64)] = 1
    piece: Annotated[tuple[float, float], span_s(1, 3600)] = PIECE
    whole: bool = False
    stream: Literal["wav", "pcm"] = "wav"
    rate: Annotated[int, Meta(ge=8000, le=192_000)] = 24_000
    send: _Texts = ()

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
