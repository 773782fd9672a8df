"""One attempt at a recording on a node: it is read, transcribed from where an earlier one ended, and written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hushd import Client
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError

from . import leaving, metrics, store
from .delivery import Delivery
from .parts import Part
from .reading import recorded
from .recording import Recording
from .stretches import Long, cut


@dataclass(frozen=True, slots=True)
class Task:
    """A recording to transcribe.

    Attributes:
        options: for `Client.transcribe`, besides the audio.
        form: the transcript's format.
        url: of the folder to write it to; None: it is sent back.
        stretch_s: seconds of a stretch into which a long recording is cut; 0: none is cut.
        run: a name of the run that no other has.
    """

    recording: Recording
    options: Mapping[str, Any]
    form: str
    url: str | None = None
    stretch_s: float = 0.0
    run: str = ""


class Attempt:
    """One attempt at a recording: it is transcribed, and its transcript written if that is the node's task.

    Attributes:
        is_handed_back: whether it ended since the machine leaves.
        is_its_own: whether a failure now is of what the recording alone names: its place, or its transcript's.
    """

    def __init__(self, task: Task, client: Client, notice: leaving.Notice) -> None:
        self._task = task
        self._client = client
        self._notice = notice
        self.is_handed_back = False
        self.is_its_own = True
        self._store = store.opened(task.url) if task.url else None
        self._delivery = Delivery(self._store, task.recording, task.form) if self._store else None
        self._segments: list[Segment] = []

    def read(self, data: bytes | None) -> Transcript:
        """Returns the transcript of the recording, from its bytes or its place; raises as `run` does."""
        with recorded(data, self._task.recording, self._task.run) as path:
            return self.run(path)

    def run(self, path: Path) -> Transcript:
        """Returns the transcript of the file at `path`.

        Raises:
            Long: if it is to be cut.
            HushdError: of any failure.
        """
        self.is_its_own = False
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
        self.is_its_own = True
        return self._delivered(transcript, part)

    def readable(self, error: HushdError) -> Transcript | None:
        """Returns the transcript of the part that could be read before `error`, if it is about the recording."""
        read_s = error.detail.get("read_s")
        return Transcript(tuple(self._segments), duration=float(read_s)) if self._segments and read_s else None

    def _delivered(self, transcript: Transcript, part: Part | None) -> Transcript:
        stretch = self._task.recording.stretch
        if stretch and part and self._delivery:
            self._delivery.write_stretch(part, transcript)
            return replace(transcript, duration=stretch.end - stretch.start)
        if self._delivery:
            self._delivery.write(transcript)
        if part:
            part.remove()
        return transcript

    def _transcribed(self, path: Path, options: dict[str, Any], part: Part | None) -> Transcript:
        begin_s = max([options.get("start_s", 0.0), *options.get("clips", ())[:1]])
        keep = part.keep if part else lambda: None
        watch = leaving.Watch(self._notice, lambda: transcription.close(), keep)
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
                if not watch.has_stopped:
                    transcript = transcription.transcript()
                    watch.progressed(transcript.duration, transcript.duration)
                    return replace(transcript, segments=tuple(self._segments))
            except HushdError:
                if not watch.has_stopped:
                    raise
            finally:
                metrics.count("decoded_seconds", watch.done_s - begin_s)
            self.is_handed_back = True
            raise leaving.handed_back()

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
