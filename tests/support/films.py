"""Films and other files that libsndfile cannot read, made and read by PyAV, which is imported where it is
used: each process of pytest that collects the tests would hold it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

RATE = 16_000
Samples = npt.NDArray[Any]
# The container and the codec of files by their extension.
FORMATS = {
    "mp4": ("mp4", "aac"), "mkv": ("matroska", "aac"), "webm": ("webm", "libopus"), "m4a": ("ipod", "aac"),
    "mov": ("mov", "pcm_s16le"), "aac": ("adts", "aac"), "avi": ("avi", "mp2"), "wma": ("asf", "wmav2"),
    "ts": ("mpegts", "aac"), "ac3": ("ac3", "ac3"), "caf": ("caf", "pcm_s16le"), "flv": ("flv", "aac"),
    "mka": ("matroska", "flac"),
}  # fmt: skip


def film(
    path: Path,
    *tracks: Samples,
    picture_s: float = 0.0,
    late_s: float = 0.0,
    gap: tuple[float, float] = (0.0, 0.0),
    pace: float = 1.0,
    lost: int = 0,
    together: int = 1,
    layout: str = "mono",
    codec: str = "",
    languages: Sequence[str] = (),
    default: int = 0,
    attachment: bytes = b"",
    **options: str,
) -> Path:
    """Writes a file in the format of its extension.

    Args:
        tracks: samples of each sound track, floats at `RATE`; frames by channels where there are several.
        picture_s: seconds of a picture, 0 for none.
        late_s: the second at which the sound begins.
        gap: the second at which the clock jumps, and by how many.
        pace: the pace of the clock.
        lost: of so many packets one is left out.
        together: the number of packets that have the time of the first of them.
        languages: of the sound tracks.
        default: the number of the track that players begin with, from 1; 0: the container's own.
        attachment: a file in the file, its first stream.
        options: of the container.
    """
    import av

    container, usual = FORMATS[path.suffix[1:]]
    rate = 3 * RATE if usual in ("libopus", "ac3", "wmav2") else RATE
    tracks = tuple(np.repeat(track, rate // RATE, axis=0) for track in tracks)
    with av.open(path, "w", format=container, options=options) as file:
        picture = file.add_stream("libvpx" if container == "webm" else "mpeg4", rate=5) if picture_s else None
        if attachment:
            file.add_attachment("note.txt", "text/plain", attachment)
        streams = [file.add_stream(codec or usual, rate=rate, layout=layout) for _ in tracks]
        for stream in streams:
            stream.bit_rate = 96_000
        for stream, language in zip(streams, languages, strict=False):
            stream.metadata["language"] = language
        if default:
            streams[default - 1].disposition = av.stream.Disposition.default
        if picture:
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
            for number in range(int(picture_s * 5)):
                frame = av.VideoFrame(64, 64, "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 5)
                file.mux(picture.encode(frame))
            file.mux(picture.encode(None))
        for stream, samples in zip(streams, tracks, strict=True):
            for number, packet in enumerate([*_frames(stream, samples, rate, layout), *stream.encode(None)]):
                if lost and number % lost == lost - 1:
                    continue
                packet.pts = (packet.pts or 0) - (number % together) * ((packet.duration or 1) - 1)
                at = float(packet.pts * packet.time_base)
                shift = late_s + (gap[1] if at >= gap[0] else 0.0) + at * (pace - 1)
                packet.pts = packet.dts = packet.pts + round(shift / packet.time_base)
                file.mux(packet)
    return path


def _frames(stream: Any, samples: Samples, rate: int, layout: str) -> list[Any]:
    import av

    packets, step = [], rate // 10
    for at in range(0, len(samples), step):
        piece = np.clip(samples[at : at + step] * 32767, -32768, 32767).astype("<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        packets += stream.encode(frame)
    return packets


class Decoded(NamedTuple):
    """A file's sound as 16 bit integers, frames by channels, and how it was encoded."""

    samples: Samples
    rate: int
    codec: str


def decoded(data: bytes) -> Decoded:
    """Reads the first sound track of a file."""
    import av

    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.audio[0]
        pieces: Sequence[Samples] = []
        resampler = av.AudioResampler("s16", stream.layout, stream.rate)
        for frame in file.decode(stream):
            frame.pts = None
            pieces = [*pieces, *(each.to_ndarray() for each in resampler.resample(frame))]
        samples = np.concatenate([piece.reshape(-1, stream.layout.nb_channels) for piece in pieces])
        return Decoded(samples, stream.rate, stream.codec_context.name)


def cut(path: Path, share: float = 0.6) -> Path:
    """Returns a copy of the file that ends early, within a frame."""
    data = path.read_bytes()
    target = path.with_name(f"half-{path.name}")
    target.write_bytes(data[: int(len(data) * share) - 77])
    return target
