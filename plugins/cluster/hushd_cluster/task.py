"""A recording's transcription on a node, as Ray calls it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

import ray
from hushd import Client
from hushd.transcripts.transcript import Transcript
from hushd.transport.source import File
from hushd.warnings import CUT_OFF
from hushd_protocol.errors import HushdError

from . import outputs, store
from .faults import retried
from .recording import Recording

HOLDER = "ray"  # the name in `hushd status` of Ray's processes, which are clients of their node's supervisor
MAX_TASK_WAIT_S = 10.0  # longest wait of a task whose node has no room
TRIES = 3  # tries of reading or writing at a store that is busy


@dataclass(frozen=True, slots=True)
class Task:
    """A recording to transcribe. `url`: of the folder to write it to; None: it is sent back."""

    recording: Recording
    options: Mapping[str, Any]
    form: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A recording's outcome at a node.

    Attributes:
        node, host: the node's id in Ray, and its host name.
        transcript: None if the node has written it; with an error, of the part that could be read.
        sound_s, work_s: seconds of sound, and of work.
        is_its_own: whether the error is of what the recording alone names, its place or its transcript's, and says
            nothing of others.
    """

    node: str
    host: str
    transcript: Transcript | None = None
    error: HushdError | None = None
    sound_s: float = 0.0
    work_s: float = 0.0
    is_its_own: bool = False


def transcribe(data: bytes | None, task: Task) -> Outcome:
    """Transcribes a recording on a node; returns errors of all kinds, since Ray would wrap exceptions.
    `data`: the recording's bytes; None: it is read from its URL."""
    where = ray.get_runtime_context().get_node_id(), f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"
    begun = time.monotonic()
    is_its_own = False
    try:
        client = _client()
        target = store.opened(task.url) if task.url else None
        is_its_own = True
        audio = _audio(task.recording.place) if data is None else data
        is_its_own = False
        transcript = _transcribed(client, audio, task.options)
        if damage := [warning.message for warning in transcript.warnings if warning.code == CUT_OFF]:
            error = HushdError("input_unreadable", damage[0])
            return Outcome(*where, transcript if transcript.segments else None, error)
        is_its_own = True
        if target:
            retried(lambda: outputs.save(target, task.recording.name, task.form, transcript), TRIES)
    except HushdError as error:
        if error.retry_after_ms:  # waits in this task's slot, so that no other task is sent here meanwhile
            time.sleep(min(MAX_TASK_WAIT_S, error.retry_after_ms / 1000))
        is_its_own = is_its_own and error.code != "output_failed"
        return Outcome(*where, error=error, is_its_own=is_its_own)
    except Exception as error:  # its text may have a URL's secrets
        return Outcome(*where, error=HushdError("worker_failed", f"It fails with {type(error).__name__}."))
    sent = None if target else transcript
    return Outcome(*where, sent, sound_s=transcript.duration, work_s=time.monotonic() - begun)


def prepare() -> None:
    """Removes the variables that Ray set for this process, since a supervisor started from here would inherit them.

    Ray limits a task's threads to its CPUs and hides graphics cards; but the engines run in the supervisor's workers,
    which share the whole machine.
    """
    os.environ.pop("OMP_NUM_THREADS", None)
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        del os.environ["CUDA_VISIBLE_DEVICES"]


@cache
def _client() -> Client:
    """Returns this Ray process's client of the node's supervisor."""
    prepare()
    return Client(holder=HOLDER)


def _audio(url: str) -> str | bytes:
    """Returns the path of a recording in a folder that the nodes share, or the bytes of one from elsewhere."""
    if not (path := store.local_path(url)):
        return retried(lambda: store.fetched(url), TRIES)
    File(path)  # a pipe would be waited for
    return path


def _transcribed(client: Client, audio: str | bytes, options: Mapping[str, Any]) -> Transcript:
    with closing(client.transcribe_stream(audio, priority="progress", **options)) as transcription:
        return transcription.transcript()
