"""Declares every setting that a user can configure. Times are in seconds, sizes in MB of 10^6 bytes.

A setting is a field of one of these tables, with its kind, its default, its help, a document that says more, and the
effect of a reload. Reading and its refusals, `hushd config`, completion and the reference in docs/CONFIGURATION.md are
derived from that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal, TypeAlias

from hushd_protocol.duration import FOREVER
from hushd_protocol.names import COMPUTE_DEVICES, base, is_compute_device, is_model
from msgspec import Meta, Struct

from hushd_schema.kinds import NonNegativeFloat, NonNegativeInt, PositiveInt, Rule, seconds
from hushd_schema.results import is_name

from .declaration import REPLACES, Setting, Table

MODELS = "store/local"  # the one worker of the role `models`
HTTP_TOKEN = "HUSHD_HTTP_TOKEN"  # the variable that may hold the secret instead of `[http] token_file`
LOG_LEVELS = ("debug", "info", "warning", "error")
# Defaults that differ by role: downloads are rarely repeated soon, and a wake-word worker starts in a moment.
OF_ROLE: Mapping[str, Mapping[str, Any]] = {
    "models": {"keep_alive": 10.0, "memory_mb": 60.0},
    "wake": {"keep_alive": 10.0},
}


_LANGUAGE = re.compile(r"[^/]{2,}")  # a language's tag or name; `hushd config check` knows which there are


def _are_networks(allowed: tuple[str, ...]) -> bool:
    return all(ip_network(each, strict=False) for each in allowed)


def _are_speakers(recordings: Mapping[str, str]) -> bool:
    return all(is_name(name) and path for name, path in recordings.items())


_Texts: TypeAlias = tuple[str, ...]
_Map: TypeAlias = Mapping[str, str]
_Model: TypeAlias = Annotated[str, Rule('an engine and a model, such as "moonshine/tiny-en"', is_model)]
_MODELS = Rule(
    'a table of engines and models by language, such as { de = "whisper/small" }',
    lambda models: all(map(is_model, models.values())),
)
_LANGUAGES = Rule('a list of languages, such as ["fr", "en"]', lambda names: all(map(_LANGUAGE.fullmatch, names)))
_NETWORKS = Rule('a list of addresses and networks, such as ["192.168.1.5", "10.0.0.0/8"]', _are_networks)
_SPEAKERS = Rule('a table of recordings by their speakers\' names, such as { Ann = "ann.wav" }', _are_speakers)
_DEVICE = Rule(COMPUTE_DEVICES, is_compute_device)


class WorkerSettings(Struct, frozen=True):
    """A worker's settings: the table `[worker]` for all workers, `[worker."stt/moonshine"]` for those of that name."""

    keep_alive: Annotated[
        float,
        seconds(FOREVER),
        Setting("how long a worker stays after its last job, unless a request says otherwise; -1: for ever"),
    ] = 300.0
    pinned: Annotated[bool, Setting("true: never ended for idleness or memory")] = False
    priority: Annotated[int, Setting("a higher one leaves later when memory is short; may be negative")] = 0
    memory_mb: Annotated[
        NonNegativeFloat, Setting("MB (10^6 bytes) that a worker needs, until hushd has measured it; 0: unknown")
    ] = 0.0
    vram_mb: Annotated[NonNegativeFloat, Setting("MB that it needs on a graphics card; 0: unknown")] = 0.0
    max_pss_mb: Annotated[
        NonNegativeFloat,
        Setting("a new process takes over when it has grown to so many MB; 0: to twice its first size plus 1000 MB"),
    ] = 0.0
    max_replicas: Annotated[
        NonNegativeInt,
        Setting("processes of one worker that may work at once, as far as cores and memory allow; 0: see below"),
    ] = 0
    queue: Annotated[PositiveInt, Setting("requests that may wait for one worker, of 16 MB together")] = 4096
    start_timeout: Annotated[
        float,
        seconds(0.1),
        Setting("a loading worker is ended after this time without computing, reading or taking memory"),
    ] = 60.0
    drain_timeout: Annotated[float, seconds(), Setting("for the running jobs when the supervisor leaves")] = 60.0
    stall_timeout: Annotated[
        float, seconds(0.1), Setting("a job without output or CPU time for so long (or for twice its audio) is ended")
    ] = 20.0
    compute_device: Annotated[
        str,
        _DEVICE,
        Setting(
            "cpu, mps, cuda, rocm, vulkan, or one such as cuda:1; auto: a graphics card with room where the engine's "
            "package can use one, else the CPU",
            reload=REPLACES,
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "original"],
        Setting("auto: int8 on a CPU, where the model has it; original: as its files are", reload=REPLACES),
    ] = "auto"
    command: Annotated[_Texts, Setting("a program of your own instead of hushd's worker", reload=REPLACES)] = ()
    environment: Annotated[_Map, Setting("variables added to the worker's environment", reload=REPLACES)] = {}


class MemorySettings(Struct, frozen=True):
    """The table `[memory]`."""

    when_short: Annotated[
        _Texts, Setting("a program and its arguments that may free memory for a start (MEMORY.md)")
    ] = ()


class HttpSettings(Struct, frozen=True):
    """The table `[http]`: OpenAI's audio API."""

    listen: Annotated[_Texts, Setting('addresses, such as "127.0.0.1:8000"; none: off')] = ()
    hosts: Annotated[
        _Texts, Setting("names of this machine that requests may use, besides localhost and addresses")
    ] = ()
    origins: Annotated[_Texts, Setting('of web pages that may send requests, such as "https://chat.example.org"')] = ()
    token_file: Annotated[
        str, Setting("holds the secret that every request must carry; required beyond this machine")
    ] = ""
    models: Annotated[_Map, Setting("ENGINE/NAME by the name that programs use")] = {}
    voices: Annotated[_Map, Setting("an installed voice by the name that programs use")] = {}


class WyomingSettings(Struct, frozen=True):
    """The table `[wyoming]`: the protocol of Home Assistant's voice services."""

    listen: Annotated[
        _Texts, Setting('addresses, such as "tcp://127.0.0.1:10300" or "unix:///run/hushd/wyoming.sock"; none: off')
    ] = ()
    allow: Annotated[
        _Texts,
        _NETWORKS,
        Setting('addresses and networks that may connect besides your own programs here, such as "192.168.1.5"'),
    ] = ()


class SecuritySettings(Struct, frozen=True):
    """The table `[security]`."""

    confine: Annotated[
        Literal["auto", "required", "off"],
        Setting(
            "auto: engines reach nothing but their models and their jobs where the system can see to that; required: "
            "none starts where it cannot; off: they reach what you reach",
            reload=REPLACES,
        ),
    ] = "auto"


class AgentSettings(Struct, frozen=True):
    """The table `[agents]`: answers of agents that are read aloud."""

    rate: Annotated[
        float, Meta(ge=0, le=1000), Setting("words a minute of answers that are read aloud; 0: the voice's own")
    ] = 0.0


class Settings(Struct, frozen=True):
    """The content of the configuration file."""

    stt: Annotated[_Model, Setting("engine/model for `listen` when it names none")] = "moonshine/tiny-en"
    tts: Annotated[_Model, Setting("engine/model for `say` when it names none")] = "hibari/en"
    wake: Annotated[_Model, Setting("engine/model that waits for words where none is named")] = "micro/words"
    stt_by_language: Annotated[
        _Map, _MODELS, Setting('engine/model for `listen` in that language, such as { de = "whisper/small" }')
    ] = {}
    tts_by_language: Annotated[
        _Map, _MODELS, Setting('engine/model for `say` of a text in that language, such as { fr = "kokoro/v1.0" }')
    ] = {}
    voice: Annotated[str, Setting('the voice for `say` when it names none; "": the model\'s own')] = ""
    languages: Annotated[
        _Texts,
        _LANGUAGES,
        Setting('languages that you speak, the one most used first, such as ["fr", "en"]; none: that of your session'),
    ] = ()
    hear_again: Annotated[
        bool,
        Setting(
            "true: what the usual model has probably invented is heard again by an installed one of several languages",
            document="LISTEN.md",
        ),
    ] = True
    speakers: Annotated[
        _Map,
        _SPEAKERS,
        Setting(
            'recordings of people whom `listen --diarize` calls by name, such as { Ann = "ann.wav" }',
            document="LISTEN.md",
        ),
    ] = {}
    duck: Annotated[
        float,
        Meta(ge=0, le=90),
        Setting(
            "decibels by which other programs are quieter while you talk with hushd or dictate; 0: off",
            document="DESKTOP.md",
        ),
    ] = 20.0
    auto_pull: Annotated[
        bool, Setting("true: a request for a missing model downloads it; its client waits and sees the progress")
    ] = False
    exit_when_idle: Annotated[
        float,
        seconds(),
        Setting("a supervisor that a request started leaves after so long without a worker or a request"),
    ] = 600.0
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Setting("debug, info, warning or error")] = (
        "info"
    )
    memory_share: Annotated[
        float,
        Meta(ge=0.001, le=1),
        Setting("of all memory, or of the container's limit, that all workers together may take"),
    ] = 0.8
    memory: Annotated[MemorySettings, Table("memory of other programs", document="MEMORY.md")] = MemorySettings()
    http: Annotated[HttpSettings, Table("OpenAI's audio API", document="SERVING.md")] = HttpSettings()
    wyoming: Annotated[WyomingSettings, Table("Home Assistant and others", document="SERVING.md")] = WyomingSettings()
    security: Annotated[SecuritySettings, Table("what engines may reach", document="SECURITY.md")] = SecuritySettings()
    agents: Annotated[AgentSettings, Table("agents that speak", document="AGENTS.md")] = AgentSettings()
    worker: Annotated[
        Mapping[str, Mapping[str, Any]], Table("for all workers")
    ] = {}  # WorkerSettings' by name; "" for all

    def for_worker(self, name: str) -> WorkerSettings:
        """Returns the settings of worker `name`: the general table, then the role's, the engine's and its own."""
        values: dict[str, Any] = {}
        parts = base(name).split("/")
        for key in ("", *("/".join(parts[:n]) for n in range(1, len(parts) + 1))):
            values |= {**OF_ROLE.get(key, {}), **self.worker.get(key, {})}
        return WorkerSettings(**values)

    @property
    def longest_drain(self) -> float:
        """Returns the longest time that any worker's jobs have when the supervisor leaves."""
        return max(self.for_worker(name).drain_timeout for name in ("", *self.worker))

    def models(self, role: str) -> dict[str, str]:
        """Returns the models that the user has chosen for requests without a model, by key."""
        chosen = {role: self.default_model(role)}
        different = {key: model for key, model in chosen.items() if model != getattr(DEFAULTS, key)}
        by_language = self.by_language(role)
        return different | {f"{role}_by_language.{language}": model for language, model in by_language.items()}

    def model_for(self, role: str, language: object = None) -> str:
        """`engine/model` for a language, where a request names no other; `pt-BR` counts as `pt`, and no language as the
        first of the user's own."""
        named = language if isinstance(language, str) else next(iter(self.languages), "")
        tag, models = named.lower().replace("_", "-"), self.by_language(role)
        return models.get(tag) or models.get(tag.partition("-")[0]) or self.default_model(role)

    def by_language(self, role: str) -> Mapping[str, str]:
        """`engine/model` by language, of the languages that have one of their own in this role."""
        return {"stt": self.stt_by_language, "tts": self.tts_by_language}.get(role, {})

    def default_model(self, role: str) -> str:
        """Returns the `engine/model` for requests without a model."""
        return {"stt": self.stt, "tts": self.tts, "wake": self.wake, "models": MODELS}[role]


DEFAULTS = Settings()
