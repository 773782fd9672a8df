"""A recording's transcription on a node, as Ray calls it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray
from hushd import Client
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from . import faults, leaving, node, store
from .outputs import PARTS
from .parts import Part, finished
from .recording import Recording, shown
from .stretches import cut, joined

PATIENCE_S = 10.0  # longest wait of a task whose node has no room
LEAVING_S = 0.5  # that a task takes on a machine that leaves, lest many come where there is no other
READS = 3  # attempts at reading a recording, before it is another task's
WRITES = 6  # attempts at writing a transcript to a store that is busy, in half a minute


@dataclass(frozen=True, slots=True)
class Task:
    """A recording to transcribe.

    Attributes:
        options: for `Client.transcribe`, besides the audio.
        form: the transcript's format.
        url: of the folder to write it to; None: it is sent back.
        stretch_s: seconds of a stretch into which a long recording is cut; 0: none is cut.
    """

    recording: Recording
    options: Mapping[str, Any]
    form: str
    url: str | None = None
    stretch_s: float = 0.0


class Long(Exception):
    """A recording of `total_s` seconds, in the language found at its begin, is to be cut."""

    def __init__(self, total_s: float, language: str) -> None:
        super().__init__(total_s, language)
        self.total_s = total_s
        self.language = language


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


def transcribe(data: bytes | None, task: Task) -> Outcome:
    """Transcribes a recording on a node; returns errors, since Ray would wrap exceptions.

    Args:
        data: the recording's bytes; None: it is read from its URL.
    """
    where = ray.get_runtime_context().get_node_id(), f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"
    notice = leaving.Notice(paths.find().runtime)
    if notice.until(time.time()):
        time.sleep(LEAVING_S)
        return Outcome(*where, error=leaving.handed_back(), leaves=True)
    begun, attempt = time.monotonic(), Attempt(task, _client(), notice)
    try:
        with notice.at_work():
            transcript = attempt.join() if task.recording.joint else attempt.read(data)
    except Long as long:
        return Outcome(*where, long_s=long.total_s, language=long.language)
    except HushdError as error:
        if attempt.is_handed_back:
            return Outcome(*where, error=error, leaves=True)
        if error.retry_after_ms:  # waits in this task's slot, so that no other task is sent here meanwhile
            time.sleep(min(PATIENCE_S, error.retry_after_ms / 1000))
        return Outcome(*where, attempt.readable(error), error)
    except OSError as error:
        return Outcome(*where, error=HushdError("output_failed", f"It cannot keep a recording ({error.strerror})."))
    sent = transcript if task.url is None else None
    return Outcome(*where, sent, sound_s=transcript.duration, work_s=time.monotonic() - begun)


class Attempt:
    """One attempt at a recording: it is transcribed, and its transcript written if that is the node's task.

    Attributes:
        is_handed_back: whether it ended since the machine leaves.
    """

    def __init__(self, task: Task, client: Client, notice: leaving.Notice) -> None:
        self._task = task
        self._client = client
        self._notice = notice
        self.is_handed_back = False
        self._store = store.opened(task.url) if task.url else None
        self._segments: list[Segment] = []

    def read(self, data: bytes | None) -> Transcript:
        """Returns the transcript of the recording, from its bytes or its place; raises as `run` does."""
        with recorded(data, self._task.recording) as path:
            return self.run(path)

    def run(self, path: Path) -> Transcript:
        """Returns the transcript of the file at `path`.

        Raises:
            Long: if it is to be cut.
            HushdError: of any failure.
        """
        recording = self._task.recording
        options = dict(self._task.options)
        if recording.stretch:
            options["clips"] = recording.stretch.clips
        part = self._part(path)
        if part and (recording.is_begun or recording.stretch) and (earlier := part.resume()):
            self._segments = earlier
            if part.is_whole:
                return Transcript(tuple(earlier), part.language)
            options |= {"start_s": part.rest_s} | ({"language": part.language} if part.language else {})
        try:
            transcript = self._transcribed(path, options, part)
        except Long:
            raise
        except BaseException:  # also where Ray ends this process, by SystemExit
            if part:
                part.keep()
            raise
        if recording.stretch and part:
            finish = part.finish
            faults.retried(lambda: finish(transcript), time.sleep, WRITES)
            length = recording.stretch.end - recording.stretch.start
            return replace(transcript, duration=length)
        if self._store:
            self._write(transcript)
        if part:
            part.remove()
        return transcript

    def join(self) -> Transcript:
        """Writes the transcript of a recording whose stretches are there; raises `HushdError`."""
        assert self._store
        recording = self._task.recording
        names = [replace(recording, stretch=stretch).key for stretch in recording.joint]
        parts = [finished(self._store, name) for name in names]
        transcript = joined(recording.joint, parts)
        self._write(transcript)
        for name in (*names, recording.name):
            with suppress(HushdError):
                self._store.remove(f"{PARTS}/{name}.json")
        return replace(transcript, duration=0.0)  # that of its stretches was counted

    def _transcribed(self, path: Path, options: dict[str, Any], part: Part | None) -> Transcript:
        watch = leaving.Watch(self._notice, lambda: transcription.close())
        transcription = self._client.transcribe_stream(
            path, priority="progress", on_progress=watch.progressed, **options
        )
        with closing(transcription), watch:
            try:
                for segment in transcription:
                    segment = replace(segment, id=len(self._segments))
                    self._segments.append(segment)
                    if part:
                        part.add(segment, transcription.rest_s, transcription.language, time.monotonic())
                    if self._is_cut and cut(watch.total_s, self._task.stretch_s):
                        raise Long(watch.total_s, transcription.language)
            except HushdError:
                if not watch.has_stopped:
                    raise
            if watch.has_stopped:
                self.is_handed_back = True
                raise leaving.handed_back()
            return replace(transcription.transcript(), segments=tuple(self._segments))

    def readable(self, error: HushdError) -> Transcript | None:
        """Returns the transcript of the part that could be read before `error`, if it is about the recording."""
        read_s = error.detail.get("read_s")
        return Transcript(tuple(self._segments), duration=float(read_s)) if self._segments and read_s else None

    def _part(self, path: Path) -> Part | None:
        if self._store is None or self._is_undivided:
            return None
        return Part(self._store, self._task.recording.key, path, self._task.options)

    @property
    def _is_undivided(self) -> bool:
        """True if it is transcribed in one go: speakers are told apart over the whole recording."""
        return bool(self._task.options.get("diarize") or self._task.options.get("clips"))

    @property
    def _is_cut(self) -> bool:
        """True if it is cut where it is long."""
        recording = self._task.recording
        return self._store is not None and recording.is_remote and not recording.stretch and not self._is_undivided

    def _write(self, transcript: Transcript) -> None:
        """Writes the transcript; one that another node has written meanwhile stays."""
        assert self._store
        name, data = f"{self._task.recording.name}.{self._task.form}", transcript.render(self._task.form).encode()
        put = self._store.replace if self._task.recording.is_stale else self._store.create
        faults.retried(lambda: put(name, data), time.sleep, WRITES)


@contextmanager
def recorded(data: bytes | None, recording: Recording) -> Iterator[Path]:
    """Yields the path of a recording on this node, which is a temporary copy unless the nodes share its folder.

    Raises:
        HushdError: if it cannot be read or kept, or from the block, with the recording's name in place of the path.
    """
    if data is not None:
        with node.as_file(data, recording.name) as path:
            yield path
        return
    if urlsplit(recording.place).scheme.lower() == "file":
        with _named(Path(store.path_of(recording.place)), recording):
            yield Path(store.path_of(recording.place))
        return
    folder = tempfile.mkdtemp(prefix="hushd-ray-")
    try:
        path = Path(folder, f"recording{Path(urlsplit(recording.place).path).suffix}")
        with _named(path, recording):
            faults.retried(lambda: store.fetched(recording.place, path), time.sleep, READS)
            yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _named(path: Path, recording: Recording) -> Iterator[None]:
    """Replaces a path in errors by the recording's name, since the driver does not know the path."""
    try:
        yield
    except FileNotFoundError:
        raise HushdError(
            "input_unreadable", f"{recording.name} cannot be read: there is no {shown(recording.place)}."
        ) from None
    except HushdError as error:
        name = os.fspath(path)
        error.message = error.message.replace(repr(name), recording.name).replace(name, recording.name)
        raise


@cache
def _client() -> Client:
    """Returns this Ray process's client of the node's supervisor."""
    node.prepare()
    return Client(holder=node.HOLDER)
