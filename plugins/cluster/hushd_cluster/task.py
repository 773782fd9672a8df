"""A recording's transcription on a node, as Ray calls it."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from functools import cache

import ray
from hushd import Client
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from . import leaving, metrics, node, store
from .attempt import Attempt, Task
from .delivery import Delivery
from .stretches import Long

PATIENCE_S = 10.0  # longest wait of a task whose node has no room
LEAVING_S = 0.5  # that a task takes on a machine that leaves, lest many come where there is no other


@dataclass(frozen=True, slots=True)
class Outcome:
    """A recording's outcome at a node.

    Attributes:
        node, host: the node's id in Ray, and its host name.
        transcript: None if the node has written it; with an error, of the part that could be read.
        sound_s, work_s: seconds of sound, and of work.
        leaves: whether it hands the recording back since its machine leaves.
        long_s: seconds of sound in a recording that is to be cut; 0 otherwise.
        language: of that one, as found at its begin.
        is_its_own: whether the error is of what the recording alone names, and says nothing of others.
    """

    node: str
    host: str
    transcript: Transcript | None = None
    error: HushdError | None = None
    sound_s: float = 0.0
    work_s: float = 0.0
    leaves: bool = False
    long_s: float = 0.0
    language: str = ""
    is_its_own: bool = False


def transcribe(data: bytes | None, task: Task) -> Outcome:
    """Transcribes a recording on a node; returns errors of all kinds, since Ray would wrap exceptions.

    Args:
        data: the recording's bytes; None: it is read from its URL.
    """
    where = ray.get_runtime_context().get_node_id(), f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"
    notice = leaving.Notice(paths.find().runtime)
    if notice.until(time.time()):
        time.sleep(LEAVING_S)
        return Outcome(*where, error=leaving.handed_back(), leaves=True)
    begun = time.monotonic()
    try:
        attempt = Attempt(task, _client(), notice)
    except HushdError as error:
        return Outcome(*where, error=error)
    try:
        with notice.at_work(), notice.by_signal():
            transcript = _join(task) if task.recording.joint else attempt.read(data)
    except Long as long:
        return Outcome(*where, long_s=long.total_s, language=long.language)
    except HushdError as error:
        if attempt.is_handed_back:
            return Outcome(*where, error=error, leaves=True)
        metrics.count("failures", 1, error.code)
        if error.retry_after_ms:  # waits in this task's slot, so that no other task is sent here meanwhile
            time.sleep(min(PATIENCE_S, error.retry_after_ms / 1000))
        is_its_own = attempt.is_its_own and error.code != "output_failed"
        return Outcome(*where, attempt.readable(error), error, is_its_own=is_its_own)
    except OSError as error:
        return Outcome(*where, error=HushdError("output_failed", f"It cannot keep a recording ({error.strerror})."))
    except Exception as error:  # its text may have a URL's secrets
        why = f"{task.recording.name!r} fails with {type(error).__name__}."
        return Outcome(*where, error=HushdError("worker_failed", why))
    work_s = time.monotonic() - begun
    metrics.observe_work(work_s)
    sent = transcript if task.url is None else None
    return Outcome(*where, sent, sound_s=transcript.duration, work_s=work_s)


def _join(task: Task) -> Transcript:
    assert task.url
    return Delivery(store.opened(task.url), task.recording, task.form).join()


@cache
def _client() -> Client:
    """Returns this Ray process's client of the node's supervisor."""
    node.prepare()
    return Client(holder=node.HOLDER)
