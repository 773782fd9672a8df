"""Declares every setting that a user can configure. Times are in seconds, sizes in MB of 10^6 bytes.

A setting is a field of one of these tables, with its kind, its default, its help, a document that says more, and the
effect of a reload. Reading and its refusals, `hushd config`, completion and the reference in docs/CONFIGURATION.md are
derived from that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from hushd_protocol.duration import FOREVER
from hushd_protocol.names import COMPUTE_DEVICES, base, is_compute_device, is_model

from hushd_schema.kinds import Kind, choice, flag, number, seconds, text, text_table, texts, whole
from hushd_schema.results import is_name

from .declaration import REPLACES, setting, table

MODELS = "store/local"  # the one worker of the role `models`
HTTP_TOKEN = "HUSHD_HTTP_TOKEN"  # the variable that may hold the secret instead of `[http] token_file`
LOG_LEVELS = ("debug", "info", "warning", "error")
# Defaults that differ by role: downloads are rarely repeated soon, and a wake-word worker starts in a moment.
OF_ROLE: Mapping[str, Mapping[str, Any]] = {
    "models": {"keep_alive": 10.0, "memory_mb": 60.0},
    "wake": {"keep_alive": 10.0},
}


def _are_speakers(value: object) -> bool:
    if not isinstance(value, dict):
        return False

    return all(is_name(name) and isinstance(path, str) and path for name, path in value.items())


def _are_networks(value: Any) -> bool:
    try:
        return texts().fits(value) and all(ip_network(each, strict=False) for each in value)
    except ValueError:
        return False


_MODEL = Kind('an engine and a model, such as "moonshine/tiny-en"', is_model)
_MODELS = Kind(
    'a table of engines and models by language, such as { de = "whisper/small" }',
    lambda value: isinstance(value, dict) and all(map(is_model, value.values())),
)
_NAME = re.compile(r"[^/]{2,}")  # a language's tag or name; `hushd config check` knows which there are
_LANGUAGES = Kind(
    'a list of languages, such as ["fr", "en"]',
    lambda value: isinstance(value, list) and all(isinstance(each, str) and _NAME.fullmatch(each) for each in value),
    tuple,
)
_NETWORKS = Kind('a list of addresses and networks, such as ["192.168.1.5", "10.0.0.0/8"]', _are_networks, tuple)
_SPEAKERS = Kind('a table of recordings by their speakers\' names, such as { Ann = "ann.wav" }', _are_speakers)
_DEVICE = Kind(COMPUTE_DEVICES, lambda value: isinstance(value, str) and is_compute_device(value))


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """A worker's settings: the table `[worker]` for all workers, `[worker."stt/moonshine"]` for those of that name."""

    keep_alive: float = setting(
        300.0,
        seconds(FOREVER),
        "how long a worker stays after its last job, unless a request says otherwise; -1: for ever",
    )
    pinned: bool = setting(False, flag(), "true: never ended for idleness or memory")
    priority: int = setting(0, whole(-math.inf), "a higher one leaves later when memory is short; may be negative")
    memory_mb: float = setting(
        0.0, number(0), "MB (10^6 bytes) that a worker needs, until hushd has measured it; 0: unknown"
    )
    vram_mb: float = setting(0.0, number(0), "MB that it needs on a graphics card; 0: unknown")
    max_pss_mb: float = setting(
        0.0,
        number(0),
        "a new process takes over when it has grown to so many MB; 0: to twice its first size plus 1000 MB",
    )
    max_replicas: int = setting(
        0, whole(0), "processes of one worker that may work at once, as far as cores and memory allow; 0: see below"
    )
    queue: int = setting(4096, whole(1), "requests that may wait for one worker, of 16 MB together")
    start_timeout: float = setting(
        60.0, seconds(0.1), "a loading worker is ended after this time without computing, reading or taking memory"
    )
    drain_timeout: float = setting(60.0, seconds(), "for the running jobs when the supervisor leaves")
    stall_timeout: float = setting(
        20.0, seconds(0.1), "a job without output or CPU time for so long (or for twice its audio) is ended"
    )
    compute_device: str = setting(
        "auto",
        _DEVICE,
        "cpu, mps, cuda, rocm, vulkan, or one such as cuda:1; auto: a graphics card with room where the engine's "
        "package can use one, else the CPU",
        reload=REPLACES,
    )
    precision: str = setting(
        "auto",
        choice("auto", "int8", "original"),
        "the weights that it loads: original, int8 (of `hushd models shrink`); auto: int8 where it was as good here",
        reload=REPLACES,
    )
    command: Sequence[str] = setting((), texts(), "a program of your own instead of hushd's worker", reload=REPLACES)
    environment: Mapping[str, str] = setting(
        {}, text_table(), "variables added to the worker's environment", reload=REPLACES
    )


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """The table `[memory]`."""

    when_short: Sequence[str] = setting(
        (), texts(), "a program and its arguments that may free memory for a start (MEMORY.md)"
    )


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The table `[http]`: OpenAI's audio API."""

    listen: Sequence[str] = setting((), texts(), 'addresses, such as "127.0.0.1:8000"; none: off')
    hosts: Sequence[str] = setting(
        (), texts(), "names of this machine that requests may use, besides localhost and addresses"
    )
    origins: Sequence[str] = setting(
        (), texts(), 'of web pages that may send requests, such as "https://chat.example.org"'
    )
    token_file: str = setting(
        "", text(), "holds the secret that every request must carry; required beyond this machine"
    )
    models: Mapping[str, str] = setting({}, text_table(), "ENGINE/NAME by the name that programs use")
    voices: Mapping[str, str] = setting({}, text_table(), "an installed voice by the name that programs use")


@dataclass(frozen=True, slots=True)
class WyomingSettings:
    """The table `[wyoming]`: the protocol of Home Assistant's voice services."""

    listen: Sequence[str] = setting(
        (), texts(), 'addresses, such as "tcp://127.0.0.1:10300" or "unix:///run/hushd/wyoming.sock"; none: off'
    )
    allow: Sequence[str] = setting(
        (), _NETWORKS, 'addresses and networks that may connect besides your own programs here, such as "192.168.1.5"'
    )


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """The table `[security]`."""

    confine: str = setting(
        "auto",
        choice("auto", "required", "off"),
        "auto: engines reach nothing but their models and their jobs where the system can see to that; required: none "
        "starts where it cannot; off: they reach what you reach",
        reload=REPLACES,
    )


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The table `[agents]`: answers of agents that are read aloud."""

    rate: float = setting(0.0, number(0, 1000), "words a minute of answers that are read aloud; 0: the voice's own")


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of the configuration file."""

    stt: str = setting("moonshine/tiny-en", _MODEL, "engine/model for `listen` when it names none")
    tts: str = setting("hibari/en", _MODEL, "engine/model for `say` when it names none")
    wake: str = setting("micro/words", _MODEL, "engine/model that waits for words where none is named")
    stt_by_language: Mapping[str, str] = setting(
        {}, _MODELS, 'engine/model for `listen` in that language, such as { de = "whisper/small" }'
    )
    tts_by_language: Mapping[str, str] = setting(
        {}, _MODELS, 'engine/model for `say` of a text in that language, such as { fr = "kokoro/v1.0" }'
    )
    voice: str = setting("", text(), 'the voice for `say` when it names none; "": the model\'s own')
    languages: Sequence[str] = setting(
        (),
        _LANGUAGES,
        'languages that you speak, the one most used first, such as ["fr", "en"]; none: that of your session',
    )
    hear_again: bool = setting(
        True,
        flag(),
        "true: what the usual model has probably invented is heard again by an installed one of several languages",
        document="LISTEN.md",
    )
    speakers: Mapping[str, str] = setting(
        {},
        _SPEAKERS,
        'recordings of people whom `listen --diarize` calls by name, such as { Ann = "ann.wav" }',
        document="LISTEN.md",
    )
    duck: float = setting(
        20.0,
        number(0, 90),
        "decibels by which other programs are quieter while you talk with hushd or dictate; 0: off",
        document="DESKTOP.md",
    )
    auto_pull: bool = setting(
        False, flag(), "true: a request for a missing model downloads it; its client waits and sees the progress"
    )
    exit_when_idle: float = setting(
        600.0, seconds(), "a supervisor that a request started leaves after so long without a worker or a request"
    )
    log_level: str = setting("info", choice(*LOG_LEVELS), "debug, info, warning or error")
    memory_share: float = setting(
        0.8, number(0.001, 1), "of all memory, or of the container's limit, that all workers together may take"
    )
    memory: MemorySettings = table(MemorySettings, "memory of other programs", document="MEMORY.md")
    http: HttpSettings = table(HttpSettings, "OpenAI's audio API", document="SERVING.md")
    wyoming: WyomingSettings = table(WyomingSettings, "Home Assistant and others", document="SERVING.md")
    security: SecuritySettings = table(SecuritySettings, "what engines may reach", document="SECURITY.md")
    agents: AgentSettings = table(AgentSettings, "agents that speak", document="AGENTS.md")
    worker: Mapping[str, Mapping[str, Any]] = table(dict, "for all workers")  # WorkerSettings' by name; "" for all

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
