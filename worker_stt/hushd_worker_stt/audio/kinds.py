"""Kinds of files that FFmpeg does not know by their content: sound without a header, known by the ending of its name,
and files that are healthy and cannot be read, of which an error says the kind and what converts them."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import NamedTuple

HEAD_BYTES = 4_096


class Bare(NamedTuple):
    """Sound without a header: FFmpeg's name of its form, and its samples per second."""

    form: str
    rate: int


# Endings that telephone systems use: Asterisk's names, and others' for the same.
_BARE = {
    **dict.fromkeys(("ulaw", "ul", "ulw", "mulaw", "pcmu"), Bare("mulaw", 8_000)),
    **dict.fromkeys(("alaw", "al", "alw", "pcma"), Bare("alaw", 8_000)),
    **dict.fromkeys(("sln", "slin"), Bare("s16le", 8_000)),
    **{f"sln{khz}": Bare("s16le", 1_000 * khz) for khz in (8, 12, 16, 24, 32, 48, 96, 192)},
    "sln44": Bare("s16le", 44_100),
    "g722": Bare("g722", 16_000),
    "g729": Bare("g729", 8_000),
}  # fmt: skip
# The beginnings of files with a header, whatever their names: Wave, FLAC, Ogg, AIFF, MP3, Matroska, AU, CAF, MP4, AMR.
_HEADED = re.compile(rb"RIFF|RF64|fLaC|OggS|FORM|ID3|\x1aE\xdf\xa3|\.snd|caff|....ftyp|#!", re.DOTALL)

_SAVED = "which its maker's program saves as WAV"
_KINDS = (
    (rb"[\x01-\x07]enc", f"it is an encrypted dictation, {_SAVED} for whoever has its password"),
    (rb"[\x01-\x07]ds[s2]", f"it is a dictation in DSS or DS2, {_SAVED} (Olympus's ODMS, Philips's SpeechExec)"),
    (rb"MS_VOICE", f"it is a dictation of Sony's, {_SAVED} (Digital Voice Editor, Sound Organizer)"),
    (rb"\x02?#!SILK", "it is speech in SILK, of WeChat or QQ, which silk-v3-decoder converts to WAV"),
    (rb"....ftyp(?:aax|aaxc)|....ftypodcf|\x01[\x05-\x40].(?:audio|application)/", ""),
    (rb"MThd|RIFF....RMID", "it has notes and no sound (MIDI): `fluidsynth -F a.wav` plays them into a file"),
    (
        rb"\s*(?i:#EXTM3U|\[playlist\]|<asx|<smil|(?:REM|FILE|PERFORMER|TITLE) [^\n]*\n)",
        "it is a playlist: name a recording",
    ),
    (rb"\s*<\?xml[^>]*>\s*<(?i:playlist|smil|asx)", "it is a playlist: name a recording"),
    (rb"\s*<(?i:!doctype html|html|head)", "it is a web page: download the recording itself"),
    (
        rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|.{257}ustar",
        "it is an archive: unpack it first",
    ),
    (
        rb"\x89PNG|\xff\xd8\xff|GIF8|BM....\0\0\0\0|II\*\0|MM\0\*|RIFF....WEBP|....ftyp(?:heic|heix|mif1|avif)",
        "it is a picture",
    ),
    (rb"%PDF|\{\\rtf|\xd0\xcf\x11\xe0", "it is a document"),
    (rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\n\r\r\n|#!rtpplay", "it is a capture of packets: Wireshark saves its calls"),
    (rb"RIFX", "it is a WAV with its numbers the other way round (RIFX): `sox a.wav -L b.wav` turns them"),
    (rb"\.RMF|\.ra\xfd", "it is an unknown kind of RealAudio: RealPlayer's converter saves it as MP3"),
    (rb"\0{64}|\0+\Z", "it begins with zeros, as a file that was not copied to its end: copy it again"),
)
PROTECTED = "it is protected, and only its shop's own programs play it"
LOCKED = ("drms", "enca", "aavd")  # codecs of an MP4 whose packets are encrypted
_SEALS = re.compile(  # objects of encryption in ASF
    rb"\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\0\xa0\xc9\x55\xfc\x6e"
    rb"|\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c"
)
_ENDINGS = {
    "vox": "it is in Dialogic's ADPCM, without a header: `sox -r 8000 a.vox a.wav` converts it",
    "raw": "it has samples without a header: `sox -r 16000 -e signed -b 16 -c 1 a.raw a.wav` gives them one",
    "pcm": "it has samples without a header: `sox -t raw -r 16000 -e signed -b 16 -c 1 a.pcm a.wav` gives them one",
}


def bare(name: str, head: bytes) -> Bare | None:
    """Returns the form of sound without a header, by the ending of its name; None of any other file."""
    return None if _HEADED.match(head) else _BARE.get(_ending(name))


def described(name: str, head: bytes) -> str:
    """Returns the end of a sentence on a file that cannot be read, by its first bytes, and else by the ending of its
    name; empty of an unknown kind."""
    for pattern, what in _KINDS:
        if re.match(pattern, head, re.DOTALL):
            return what or PROTECTED
    if (known := _ENDINGS.get(_ending(name))) or not head:
        return known or ""
    with suppress(UnicodeDecodeError):
        text = getincrementaldecoder("utf-8")().decode(head)
        return "it is a text" if all(c.isprintable() or c.isspace() for c in text) else ""
    return ""


def is_locked(head: bytes) -> bool:
    """Returns whether an ASF that cannot be decoded is encrypted, by its beginning."""
    return _SEALS.search(head) is not None


def _ending(name: str) -> str:
    return name.rpartition(".")[2].casefold()
