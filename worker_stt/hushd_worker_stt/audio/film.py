"""Reads what libsndfile cannot, even the sound of films, by PyAV: FFmpeg's libraries, in this process.

The file may come from a stranger; see `hushd_worker.media`. Of sound the libraries hold a second at most."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hushd_models import languages
from hushd_protocol.errors import HushdError
from hushd_worker import media
from hushd_worker.media import MAX_RATE, MIN_RATE

from . import extent, kinds
from .extent import Bytes

if TYPE_CHECKING:
    from av import AudioFrame

    from hushd_worker_stt.engine import Samples

_FILM_BLOCK_BYTES = 2**17  # bytes at once
_INDEXED = ("matroska", "mov")  # formats that find a time without reading all before it
_STATED = (*_INDEXED, "asf", "flv", "rm", "tta", "voc", "wtv")  # formats that state the duration; others' is estimated
_PIECES = (188, 192, 204)  # bytes of which a transport stream has whole numbers
_MISSING = 0.98  # share of the stated duration
_WARM_S = 1.0  # seconds of sound before a time, after which a decoder is right there
_JUMP_S = 0.1  # a frame that begins so much after the end of the one before has a gap before it
_ANEW_S = 0.5  # ... and one so much before it begins anew, while one a little before it has its time of another
_MOST_FRAMES = 4  # frames in a step that may be a clock's, and not silence
_ROUNDING_S = 0.0015  # seconds by which times in whole milliseconds are rounded
_MAX_FILE_S = 6 * 3600  # seconds of the longest file
_MIN_BYTE_RATE = 16  # bytes per second, which every longer recording exceeds
_PACKET_HEAD_BYTES = 64
_RAW = ("aac", "ac3", "eac3", "dts", "mp3")  # formats of frames alone
_UNTIMED = ("ac3", "eac3")  # formats of checked frames without a clock: nobody knows how many are missing at a damage
_CHECKED = ("ac3", "eac3", "wavpack")  # codecs whose decoders pass over wrong checksums by default
_MOST_FRAME_BYTES = 2**16  # bytes that no frame of such a format has
_COUNTED = "mp3"  # the format whose times only count its frames, so that they are early behind a damage
_WORD_S = 0.2  # seconds of sound in which a word may be
_TORN = "its last sound is incomplete"
_REFUSED = "it is damaged, or a playlist, a picture, a text or another file without a recording of its own"


class Sound(NamedTuple):
    """A part of a track.

    Attributes:
        samples: frames by channels.
        rate: in Hz.
        layout: the names of the channels, such as FL, FR and FC; numbers where the file does not say.
    """

    samples: Samples
    rate: int
    layout: tuple[str, ...]


class _Steps:
    """The last steps between frames: how much later each begins than the one before ends, by their times."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._latest = deque[float](maxlen=8)
        self._longest = _JUMP_S

    def add(self, time: float | None, length: float) -> None:
        """Adds a frame that begins at `time`, if that is known, and is `length` seconds long."""
        if time is not None and self._due is not None:
            self._latest.append(time - self._due)
        self._due, self._longest = None if time is None else time + length, max(_JUMP_S, _MOST_FRAMES * length)

    @property
    def are_even(self) -> bool:
        """True if frame after frame is late by the same: then their clock is too fast, and nothing is missing. Longer
        steps are silence that was not sent."""
        count, latest = len(self._latest), max(self._latest, default=0.0)
        if not count or (count == 1 and latest > _JUMP_S):
            return False
        return latest <= min(self._longest, 1.5 * sum(self._latest) / count + _ROUNDING_S)


class Film(AbstractContextManager["Film"]):
    """A sound track of a file; a context manager that closes it. Raises `input_unreadable`; `engine_missing` without
    PyAV; `bad_request` without such a track.

    Each sample is where the frames' times have it: a track that begins after the picture begins with silence, and gaps
    in it are silent. Times count from the file's own beginning.

    Args:
        source: the bytes of the file.
        start_s: the second at which to begin.
        bare: the form of sound without a header.

    Attributes:
        tracks: the languages of the sound tracks by their numbers, empty where the file does not say; the best first:
            those in the language that is asked for, then the one that the file has players begin with.
        track: the number of this one.
        duration: the seconds by the file's header; 0.0 if it does not state them.
        seconds: the position up to which it has been decoded.
        failure: the reason for a stop before the end; known once the blocks have ended.
        gap_s: the second from which a part of the track could not be decoded, if it is long enough for a word, between
            parts that could; None for none so far.
    """

    def __init__(
        self,
        source: Bytes,
        name: str,
        start_s: float = 0.0,
        track: int = 0,
        language: str = "",
        bare: kinds.Bare | None = None,
    ) -> None:
        self._av = media.pyav(name)
        self._name, self._start, self._bytes, self._check = name, start_s, source, source.check
        self._bare = bare
        self._max_s = _MAX_FILE_S + self._bytes.size / _MIN_BYTE_RATE
        self._floats: Any = None  # makes floats of frames
        self._format: object = None  # format of the frames that it takes
        self.seconds, self.failure = 0.0, ""
        self.gap_s: float | None = None
        self._open()
        self.tracks = self._by_rank(languages.code(language))
        self.track = track or next(iter(self.tracks), 1)
        self.duration = (self._file.duration or 0) / self._av.time_base
        self._zero_s: float = (self._file.start_time or 0) / self._av.time_base
        if self.track not in self.tracks:
            self._file.close()
            raise self._no_track()

    def _open(self) -> None:
        self._bytes.seek(0)
        try:
            self._file: Any = media.open_sound(self._bytes, _FILM_BLOCK_BYTES, *(self._bare or ()))
        # The format is not in the list, or there is none.
        except (self._av.error.ArgumentError, self._av.error.InvalidDataError):
            raise self._unreadable(self._kind() or _REFUSED) from None
        except self._av.FFmpegError as error:
            raise self._unreadable(self._kind() or _why(error)) from None
        self._streams: list[Any] = [stream for stream in self._file.streams if stream.type == "audio"]

    def _kind(self) -> str:
        """Returns what kind of file it is, if that is known, and FFmpeg does not read it."""
        return kinds.described(self._name, self._bytes.peek(0, kinds.HEAD_BYTES))

    def _by_rank(self, asked: str) -> dict[int, str]:
        default = self._av.stream.Disposition.default
        tracks = {number: languages.code(stream.language or "") for number, stream in enumerate(self._streams, 1)}
        others = {n: not stream.disposition & default for n, stream in enumerate(self._streams, 1)}
        best_first = sorted(tracks, key=lambda n: (asked not in ("", tracks[n]), others[n]))
        return {n: tracks[n] if languages.name(tracks[n]) != tracks[n] else "" for n in best_first}

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self) -> Iterator[Sound]:
        """Yields the track from `start_s` on.

        Raises:
            HushdError: `input_unreadable` if nothing of it can be decoded; its detail has the numbers of the `tracks`.
            Cancelled: the job was cancelled.
        """
        held: list[Sound] = []
        frames, left_s = 0, self._max_s
        for sound in self._placed():
            if held and (sound[1:] != held[0][1:] or frames >= sound.rate):
                yield _joined(held)
                held, frames = [], 0
            held.append(sound)
            frames += len(sound.samples)
            left_s -= len(sound.samples) / sound.rate
            if left_s < 0:
                self.failure = "it is longer than a file of its size can be"
                break
        if held:
            yield _joined(held)

    def _placed(self) -> Iterator[Sound]:
        """Yields the sound from `start_s` on, frame by frame, with silence in the gaps."""
        shift = 0.0  # seconds added to times that begin anew, as in recordings that were joined
        steps = _Steps()
        for time, sound in self._sought():
            steps.add(time, len(sound.samples) / sound.rate)
            time = self.seconds if time is None else time + shift
            if time > self.seconds + _JUMP_S and steps.are_even:
                shift -= time - self.seconds
            elif time > self.seconds + _JUMP_S:
                self.seconds = max(self.seconds, min(self._start, time))  # nobody waits for silence before the start
                while (gap := round((time - self.seconds) * sound.rate)) > 0:
                    silence = np.zeros_like(sound.samples, shape=(min(gap, sound.rate), sound.samples.shape[1]))
                    self.seconds += len(silence) / sound.rate
                    yield sound._replace(samples=silence)
            elif time < self.seconds - _ANEW_S:
                shift += self.seconds - time
            skip = max(0, round((self._start - self.seconds) * sound.rate))
            self.seconds += len(sound.samples) / sound.rate
            if skip < len(sound.samples):
                yield sound._replace(samples=sound.samples[skip:])

    def _sought(self) -> Iterator[tuple[float | None, Sound]]:
        """Yields decoded frames with their times, all those that end after `start_s` among them."""
        if self._start > _WARM_S and self._file.format.name.startswith(_INDEXED):
            try:
                self._file.seek(int((self._start - _WARM_S + self._zero_s) * self._av.time_base))
            except self._av.FFmpegError:
                yield from self._again()
                return
            frames = self._frames()
            first = next(frames, None)
            if first is None or first[0] is None or first[0] > self._start:  # past it, or there is no more: who knows
                yield from self._again()
                return
            yield first
            yield from frames
        else:
            yield from self._frames()

    def _again(self) -> Iterator[tuple[float | None, Sound]]:
        """Yields all frames, after a seek that went astray."""
        self._file.close()
        self._open()
        yield from self._frames()

    def _frames(self) -> Iterator[tuple[float | None, Sound]]:
        """Yields decoded frames with the seconds at which they begin, if known; sets `failure`."""
        stream = self._streams[self.track - 1]
        if stream.codec_context is None:
            raise self._undecodable("its codec is unknown")
        with suppress(UnicodeDecodeError):  # PyAV knows tags in ASCII: AAC in an AVI has another, and FLAC in a WAV
            if stream.codec_context.codec_tag in kinds.LOCKED:
                raise self._unreadable(kinds.PROTECTED)
        form = self._file.format.name
        if stream.codec_context.name in _CHECKED:
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        passage = extent.Passage(self._bytes, form, stream.index)
        torn, any_frame, latest, lost_s, torn_s, behind_s = "", False, 0.0, 0.0, 0.0, 0.0
        try:
            for packet in self._file.demux():
                self._check()
                latest, missing_s = max(latest, self._end(packet)), passage.add(packet)
                if packet.stream.index != stream.index:  # the index of the packet itself is 0 at a stream's end
                    continue
                lost_s += missing_s
                try:
                    frames: list[AudioFrame] = packet.decode()
                except self._av.FFmpegError as error:  # the error is this packet's alone: the next one may be whole
                    torn, torn_s = _why(error), torn_s or self.seconds
                    lost_s += _WORD_S if form in _UNTIMED else passage.lost(packet)
                    continue
                if frames:
                    if any_frame and lost_s >= _WORD_S and self.gap_s is None:
                        self.gap_s = self.seconds
                    behind_s += lost_s if any_frame and form == _COUNTED else 0.0
                    lost_s = 0.0
                for frame in frames:
                    # A WAV's last read is always called incomplete.
                    torn = _TORN if frame.is_corrupt or (packet.is_corrupt and form != "wav") else ""
                    any_frame = True
                    time = self._time(frame)
                    yield None if time is None else time + behind_s, self._sound(frame)
                if packet.size > _MOST_FRAME_BYTES and form in _RAW:  # something stands behind its frame
                    lost_s = passage.lost(packet)
        except self._av.FFmpegError as error:
            torn = _why(error)
        except IndexError:  # PyAV raises this at the end of a damaged file, for a track that began in its middle
            pass
        if torn and not any_frame:
            raise self._undecodable(torn)
        if form == "aac" and torn_s and not self.gap_s and passage.missing_s >= _WORD_S:
            self.gap_s = torn_s
        if form == "mpegts" and all(self._bytes.size % each for each in _PIECES):
            torn = _TORN
        if form == "mpeg" and extent.ends_within_part(self._bytes):
            torn = _TORN
        stated = self.duration if form.startswith(_STATED) else 0.0
        first_s = self._zero_s if form == "asf" else 0.0  # the duration of an ASF counts from 0
        is_short = max(first_s + latest, self.seconds) < _MISSING * stated
        self.failure = torn or ("its end is missing" if is_short and not self._is_whole(passage.end) else "")

    def _is_whole(self, end: int) -> bool:
        """Returns whether a file whose packets' times are too short has all of them, by its own size; `end`: the end of
        the last one. What was downloaded in part may have zeros for the rest."""
        name, size = self._file.format.name, self._bytes.size
        promised = extent.size_by_boxes(self._bytes) if name.startswith(_INDEXED) else None
        behind = self._bytes.peek(end, _PACKET_HEAD_BYTES)
        return promised is not None and promised <= size and (not behind or any(behind))

    def _sound(self, frame: AudioFrame) -> Sound:
        """Returns a frame's samples as floats."""
        rate = frame.sample_rate
        if not MIN_RATE <= rate <= MAX_RATE:
            raise self._unreadable(f"it claims an impossible sample rate of {rate} Hz")
        form = frame.format.name, frame.layout.name, rate
        if form != self._format:
            self._format, self._floats = form, self._av.AudioResampler("flt", frame.layout, rate)
        layout = tuple(channel.name for channel in frame.layout.channels)
        (floats,) = self._floats.resample(frame)
        return Sound(floats.to_ndarray().reshape(-1, len(layout)), rate, layout)

    def _time(self, frame: AudioFrame) -> float | None:
        if frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base) - self._zero_s

    def _end(self, packet: Any) -> float:
        """Returns the second at which a packet of any track ends, from the file's beginning; 0.0 if unknown."""
        if packet.pts is None or not packet.time_base:
            return 0.0
        return float((packet.pts + (packet.duration or 0)) * packet.time_base) - self._zero_s

    def _no_track(self) -> HushdError:
        if not self.tracks:
            return HushdError("input_unreadable", f"{self._name} holds no audio.")
        number = "one audio track" if len(self.tracks) == 1 else f"{len(self.tracks)} audio tracks"
        return HushdError("bad_request", f"{self._name} has {number}, so audio_track cannot be {self.track}.")

    def _undecodable(self, why: str) -> HushdError:
        if kinds.is_locked(self._bytes.peek(0, kinds.HEAD_BYTES)):
            return self._unreadable(kinds.PROTECTED)
        error = self._unreadable(self._kind() or f"its audio track {self.track} cannot be decoded, since {why}")
        error.detail = {"tracks": list(self.tracks)}
        return error

    def _unreadable(self, why: str) -> HushdError:
        return HushdError("input_unreadable", f"{self._name} cannot be read as audio: {why}.")


def _joined(sounds: Sequence[Sound]) -> Sound:
    return sounds[0]._replace(samples=np.concatenate([sound.samples for sound in sounds]))


def _why(error: Exception) -> str:
    """Returns the libraries' reason as the end of a sentence."""
    text = str(getattr(error, "strerror", "") or error).rstrip(".").partition(", patches welcome")[0]
    return text[:1].lower() + text[1:]
