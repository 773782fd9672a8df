"""Opens sound of strangers by PyAV: FFmpeg's libraries, in this process.

A recording or the answer of a speech server may be anything. The libraries get its bytes and no path, may open nothing
else, and know only formats that have their sound in the file itself.
"""

from __future__ import annotations

from typing import Any, NoReturn

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError

# FFmpeg guesses a format from a file's content, and opens all paths and addresses in a playlist, a script or a
# description of a stream. The allowed formats, by recorders, telephones, cameras, broadcasters and editors, have their
# sound in the file itself. All others are refused by default: playlists (`hls`, `dash`, `concat`, `imf`), streams to be
# fetched (`sdp`, `rtsp`), devices, scripts, pictures, texts, samples without a header, and the formats of games, whose
# decoders are little used. `tests/worker/test_media.py` gives the reason for each.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "ogg", "avi", "asf", "asf_o", "flv", "kux", "mpeg", "mpegts",
    "nut", "rm", "ivr", "mxf", "gxf", "lxf", "wtv", "ty", "pva", "dv", "nsv", "nuv", "pmp", "vivo", "dhav", "mtv",
    "swf", "r3d",
)  # fmt: skip
_SOUND_FILES = (
    "wav", "w64", "aiff", "au", "caf", "flac", "mp3", "aac", "ac3", "eac3", "ac4", "dts", "dtshd", "truehd", "mlp",
    "loas", "ape", "mpc", "mpc8", "wv", "tta", "tak", "shn", "oma", "aea", "aa", "dsf", "iff", "wsd", "voc", "sox",
    "ircam", "avr", "epaf", "pvf", "hcom", "nistsphere", "nsp", "xwma", "vqf", "osq", "iamf", "laf", "s337m", "spdif",
    "sds", "rso", "wve", "daud", "qoa",
)  # fmt: skip
_TELEPHONY = (
    "amr", "amrnb", "amrwb", "gsm", "qcp", "ilbc", "g723_1", "g729", "bit", "act", "dss", "sbc", "codec2", "lc3",
)  # fmt: skip

ALLOWED = frozenset(name for formats in (_CONTAINERS, _SOUND_FILES, _TELEPHONY) for name in formats)
"""Names as `ffmpeg -demuxers` prints them, of any version."""
MIN_RATE = 1_000  # Hz; with 1 Hz in a header, each sample would become 16,000
MAX_RATE = 768_000
_TAKES_RATE = ("alaw", "mulaw", "s16le")
_OPTIONS = {"format_whitelist": ",".join(sorted(ALLOWED)), "protocol_whitelist": "none"}


def pyav(name: str) -> Any:
    """Returns PyAV, which prints nothing. Raises HushdError `engine_missing` without it; `name` is what needs it."""
    try:
        import av  # 0.1 s, and rarely needed
    except ImportError as error:
        raise HushdError("engine_missing", f"{name} needs PyAV: {extra_command('stt')}.") from error
    av.logging.set_level(None)
    return av


def open_sound(file: object, block: int = 32_768, bare: str = "", rate: int = 0, **options: str) -> Any:
    """Returns PyAV's container of a file, read by `block` bytes, which has `read`, and `seek` and `tell` if it can.
    Raises av.FFmpegError if it is of a format that is not allowed, or damaged.

    Args:
        bare: FFmpeg's name of a form without a header, of so many samples a second; by default the content tells.
    """
    import av

    options |= _OPTIONS
    if bare:
        options |= {"format_whitelist": bare} | ({"sample_rate": str(rate)} if bare in _TAKES_RATE else {})
        return av.open(file, "r", format=bare, options=options, buffer_size=block, io_open=_refuse)
    return av.open(file, "r", options=options, buffer_size=block, io_open=_refuse, metadata_errors="replace")


def _refuse(*_: object) -> NoReturn:
    """Opens no other file."""
    raise PermissionError
