"""All that a user can configure, with the defaults; `config` reads it from TOML. Seconds, and MB of 10^6 bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

STDIO = "stdio://"  # Wyoming on standard input and output, where no supervisor listens
MODELS = "store/local"  # the one worker of the role `models`
# Defaults that differ by role. Nobody comes back to a download soon.
OF_ROLE: Mapping[str, Mapping[str, Any]] = {"models": {"keep_alive": 10.0, "memory_mb": 60.0}}


def base(name: str) -> str:
    """The worker's name without the replica's number."""
    return name.partition("#")[0]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """One worker's settings: the table `[worker]` for all, `[worker."stt/moonshine"]` for those of that name."""

    keep_alive: float = 300.0  # after the last job, where no lease says otherwise; -1 never ends by idleness
    pinned: bool = False  # never ended for idleness or memory
    priority: int = 0  # a higher one is evicted later
    memory_mb: float = 0.0  # that it needs, until hushd has measured it; 0: not known
    vram_mb: float = 0.0  # the same of a graphics card
    vram_reserve_mb: float = 256.0  # of a card, that its start leaves to all other programs
    max_requests: int = 0  # after so many a new process takes over; 0: never
    max_pss_mb: float = 0.0  # the same for its size; 0: by its size when it became ready, see `lifecycle.ceiling`
    max_age: float = 86400.0  # the same for its age; 0: never
    max_replicas: int = 0  # processes that may work at once, as far as cores and memory allow; 0: see `replicas.limit`
    queue: int = 50  # requests that may wait
    start_timeout: float = 60.0  # without any sign of progress while loading
    drain_timeout: float = 60.0  # for running jobs when the supervisor leaves
    stall_timeout: float = 20.0  # a job without output or CPU time, at least this long
    compute_device: str = "auto"  # cpu, cuda, cuda:1, mps; auto: a card with room, else the CPU
    fallback: str = ""  # where memory is short for it: "cpu", or engine/model of another worker; empty: `server_busy`
    command: Sequence[str] = ()  # the user's own program instead of hushd's; --engine and --model are appended
    environment: Mapping[str, str] = field(default_factory=dict)  # added to the worker's environment


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The table `[http]`: OpenAI's audio API."""

    listen: Sequence[str] = ()  # HOST:PORT each; none: off
    hosts: Sequence[str] = ()  # names of this machine in requests, besides localhost and addresses
    origins: Sequence[str] = ()  # of web pages that may send requests, such as https://chat.example.org
    token_file: str = ""  # with the secret that every request must carry
    models: Mapping[str, str] = field(default_factory=dict)  # ENGINE/NAME by the name that programs use
    voices: Mapping[str, str] = field(default_factory=dict)  # installed voice by the name that programs use


@dataclass(frozen=True, slots=True)
class WyomingSettings:
    """The table `[wyoming]`: the protocol of Home Assistant's voice services."""

    listen: Sequence[str] = ()  # tcp://HOST:PORT or unix://PATH each; none: off
    allow: Sequence[str] = ()  # addresses and networks that may connect, besides this machine
    stt: str = ""  # ENGINE/NAME of the one model to offer; empty: all that are installed
    tts: str = ""  # the same of the one whose voices to offer
    only: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # `stt` and `tts` by address of `listen`

    def models(self, address: str) -> tuple[str, str]:
        """`stt` and `tts` of one address."""
        own = self.only.get(address, {})
        return own.get("stt", self.stt), own.get("tts", self.tts)


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """The table `[remote]`: other machines of the same owner."""

    listen: str = ""  # tcp+curve://HOST:PORT; empty: off


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in the configuration file."""

    stt: str = "moonshine/tiny-en"  # engine/model of a request that names the role alone
    tts: str = "hibari/en"  # the same of the other role
    stt_small: str = ""  # engine/model while memory is short, unless the usual one runs; empty: the same
    tts_small: str = ""  # the same of the other role
    standby: Sequence[str] = ()  # ROLE/ENGINE each, of which a template is kept, see `standby`
    auto_pull: bool = False  # a request for a missing model pulls it
    exit_when_idle: float = 600.0  # after which a supervisor that a request started leaves: no worker, no request
    queue: int = 200  # requests that may wait, over all workers
    log_level: str = "info"  # debug, info, warning or error
    log_format: str = "text"  # or json: an object a line
    log_content: bool = False  # whether logs have what was said and heard
    memory_share: float = 0.8  # of all memory (or the container's limit) that all workers together may take
    weight_priority: float = 100.0  # in eviction, lowest first: priority * this
    weight_idle: float = 1.0  # - idle seconds * this
    weight_size: float = 0.1  # - MB * this
    gateway_idle: float = 60.0  # after the last connection of HTTP or Wyoming, until their process leaves
    http: HttpSettings = field(default_factory=HttpSettings)
    wyoming: WyomingSettings = field(default_factory=WyomingSettings)
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    worker: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # overrides by name; "" for all

    def for_worker(self, name: str) -> WorkerSettings:
        """The settings of worker `name`: the general table, then the role's, the engine's and its own."""
        settings = WorkerSettings()
        parts = base(name).split("/")
        for key in ("", *("/".join(parts[:n]) for n in range(1, len(parts) + 1))):
            settings = replace(settings, **{**OF_ROLE.get(key, {}), **self.worker.get(key, {})})
        return settings

    def small_model(self, role: str) -> str:
        """`engine/model` for a role named alone while memory is short, empty for none."""
        return {"stt": self.stt_small, "tts": self.tts_small}.get(role, "")

    def default_model(self, role: str) -> str:
        """`engine/model` for a role named alone."""
        return {"stt": self.stt, "tts": self.tts, "models": MODELS}[role]
