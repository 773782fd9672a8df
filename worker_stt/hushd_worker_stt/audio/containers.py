"""The formats that FFmpeg's libraries may open: files that contain sound or film themselves, never lists of others.

They guess a format from a file's content, and open all paths and addresses in a playlist, a script or a description of
a stream. The allowed formats, by recorders, telephones, cameras, broadcasters and editors, have their sound in the file
itself. All others are refused by default: playlists (`hls`, `dash`, `concat`, `imf`), streams to be fetched (`sdp`,
`rtsp`), devices, scripts, pictures, texts, samples without a header, and the formats of games, whose decoders are
little used. `tests/worker_stt/audio/test_playlists.py` gives the reason for each.
"""

from __future__ import annotations

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
