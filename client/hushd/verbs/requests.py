"""The requests of a client: what all have in common, their options, and those to the worker for models."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hushd_models import hf_cache
from hushd_protocol import JsonObject, duration, names
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW, PRIORITIES
from hushd_protocol.messages import Message, Partial, Progress, Request
from hushd_schema.kinds import check
from hushd_schema.operations import given, synthesize, transcribe

from hushd.transport.call import new_id

if TYPE_CHECKING:
    from hushd_schema.operations.synthesize import SynthesizeOptions
    from hushd_schema.operations.transcribe import TranscribeOptions

KeepAlive = float | str | None
OnProgress = Callable[[str, float, float], None]
_SHARED = ("engine", "model", "keep_alive", "priority", "deadline")


def take_shared(options: dict[str, Any]) -> JsonObject:
    """Takes the options that all requests have, the last arguments of `request`, out of a method's."""
    return {name: options.pop(name) for name in _SHARED if name in options}


def request(
    role: str,
    op: str,
    params: JsonObject,
    engine: str | None = None,
    model: str | None = None,
    keep_alive: KeepAlive = None,
    priority: str = "text",
    deadline: float | None = None,
) -> Request:
    """Returns a request to a worker of `role`, without its input. Raises `bad_request` for an argument out of range, or
    a model without an engine.
    `deadline`: seconds after which the request is given up."""
    check_priority(priority)
    if model and not engine and "/" not in model:
        raise HushdError("bad_request", f"Name the engine of the model {model!r} too, as ENGINE/{model}.")
    return Request(
        id=new_id(),
        worker=names.worker(role, engine, model),
        op=op,
        params=params,
        credit=CREDIT_WINDOW,
        priority=priority,
        deadline_ms=None if deadline is None else max(1, round(deadline * 1000)),
        keep_alive=None if keep_alive is None else parse_keep_alive(keep_alive),
    )


def warm(worker: str, keep_alive: KeepAlive, language: str | None = None) -> Request:
    """Returns a request that starts a worker, of a role alone the one for a language, and asks nothing of it."""
    lease = None if keep_alive is None else parse_keep_alive(keep_alive)
    params: JsonObject = {"language": language} if language else {}
    return Request(id=new_id(), worker=worker, op="warm", params=params, input="none", keep_alive=lease)


def check_priority(priority: str) -> None:
    """Raises `bad_request` for an unknown priority."""
    if priority not in PRIORITIES:
        raise HushdError("bad_request", f"There is no priority {priority!r}: choose one of {', '.join(PRIORITIES)}.")


def parse_keep_alive(value: float | str) -> float:
    """Seconds, of a value that `duration.parse` takes: 0 ends the worker with the job, -1.0 keeps it for ever.
    Raises `bad_request` for any other value."""
    seconds = duration.parse(value)
    if seconds is None:
        raise HushdError(
            "bad_request",
            f"{value!r:.40} is not a time to keep a worker alive: "
            "give seconds (300), a duration (5m, 1h30m), 0 or -1 (for ever).",
        )
    return seconds


# --- options ------------------------------------------------------------------------------------------------------
# The operations that describe them are imported by those who speak, or by those who listen.


def speech_params(options: SynthesizeOptions, form: str, timeline: bool) -> JsonObject:
    """Returns the parameters of a speech in the format `form`. Raises as `synthesize_params`, and `bad_request`
    for an unknown format."""
    check("format", form, synthesize.SYNTHESIZE.fields["format"].kind)
    return synthesize_params(options) | {"format": form} | ({"timeline": True} if timeline else {})


def synthesize_params(options: SynthesizeOptions) -> JsonObject:
    """Returns the options as a request carries them, without those that are left out. Raises TypeError for a name that
    is not an option."""
    params = given("synthesize", options, synthesize.OPTIONS)
    if "pronounce" in params:
        params["pronounce"] = dict(params["pronounce"])
    return params


def transcribe_params(options: TranscribeOptions) -> JsonObject:
    """Returns the options as a request carries them, without those that are left out. Raises TypeError for a name that
    is not an option."""
    params = given("transcribe", options, transcribe.OPTIONS)
    if not isinstance(hotwords := params.get("hotwords", ""), str):
        params["hotwords"] = ", ".join(hotwords)
    if clips := list(params.pop("clips", ())):
        params["clips"] = clips
    return params


def take_live_params(options: dict[str, Any]) -> JsonObject:
    """Takes the options of live audio out of those of `Client.listen`; returns them as a request carries them."""
    always = {"rate": 16_000, "channels": 1, "continuous": False, "silence_s": transcribe.SILENCE_S}
    others = {"no_speech_s": None, "turn_end": transcribe.BY_SILENCE, "end_word": ""}
    live = {name: options.pop(name, default) for name, default in always.items()}
    given = {name: options.pop(name, default) for name, default in others.items()}
    changed = {name: value for name, value in given.items() if value != others[name]}
    return {"format": "s16le", "live": True} | live | changed


# --- models -------------------------------------------------------------------------------------------------------


def of_models(op: str, params: JsonObject) -> Request:
    """Returns the request for `op` to the worker for models."""
    # No chunks will come; but a client that grants no credit is taken for one that has stopped reading, after 60 s.
    return Request(id=new_id(), worker="models", op=op, params=params, input="none", credit=CREDIT_WINDOW)


def pull_params(model: str) -> JsonObject:
    """Returns the parameters of a download, from the endpoint in this process's environment."""
    params: JsonObject = {"model": model}
    endpoint = os.environ.get("HF_ENDPOINT", "")
    if endpoint and "@" not in endpoint:  # a password stays where it is
        params["endpoint"] = endpoint
    if "HF_HUB_OFFLINE" in os.environ:
        params["offline"] = hf_cache.offline()
    return params


class Report:
    """Reports the messages of a request as progress."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._what, self._done, self._total = "", 0.0, 0.0

    def __call__(self, message: Message) -> None:
        match message:
            case Partial():
                self._what = str(message.data.get("text", ""))
            case Progress():
                self._done, self._total = message.done, message.total
        if self._on_progress:
            self._on_progress(self._what, self._done, self._total)
