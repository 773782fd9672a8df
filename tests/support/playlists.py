"""Files that name other files, which a program for sound may take for a recording, and follow."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

RATE = 16_000
WORDS = "orange-elephant-4711"  # what is written in the private text


class Private(NamedTuple):
    """Files that a stranger's file must not reach: a sound, a text, and the path of that file itself."""

    sound: Path
    text: Path
    itself: Path


def private_files(folder: Path) -> Private:
    """Puts a private sound and a private text into `folder`."""
    sound, text = folder / "private.mp3", folder / "private.txt"
    soundfile.write(sound, np.sin(np.arange(2 * RATE) * 0.2, dtype=np.float32) / 2, RATE)
    text.write_text(f"{WORDS}\n" * 40)
    return Private(sound, text, folder / "voice.mp3")


def _hls(*lines: str) -> bytes:
    return "\n".join(["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:10", *lines, ""]).encode()


def _vod(address: object, *before: str) -> bytes:
    """A playlist of one piece."""
    return _hls(*before, "#EXTINF:2.0,", str(address), "#EXT-X-ENDLIST")


def _concat(*lines: str) -> bytes:
    return "\n".join(["ffconcat version 1.0", *lines, ""]).encode()


def _dash(body: str, kind: str = 'type="static" mediaPresentationDuration="PT2S"') -> bytes:
    return (
        f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live'
        f':2011" minBufferTime="PT1S" {kind}><Period><AdaptationSet mimeType="audio/mp4" contentType="audio">'
        f'<Representation id="0" bandwidth="1000" codecs="mp4a.40.2" audioSamplingRate="16000">{body}'
        "</Representation></AdaptationSet></Period></MPD>"
    ).encode()


_LIVE = 'type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z"'


def _imf(names: Private) -> bytes:
    (names.itself.parent / "ASSETMAP.xml").write_text(
        '<AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><AssetList><Asset><Id>urn:uuid:'
        "11111111-1111-1111-1111-111111111111</Id><ChunkList><Chunk><Path>private.mp3</Path></Chunk></ChunkList>"
        "</Asset></AssetList></AssetMap>"
    )
    return (
        b'<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        b"<Id>urn:uuid:22222222-2222-2222-2222-222222222222</Id><ContentTitle>a</ContentTitle><EditRate>25 1</EditRate>"
        b"<SegmentList><Segment><SequenceList><MainAudioSequence><TrackId>urn:uuid:33333333-3333-3333-3333-333333333333"
        b"</TrackId><ResourceList><Resource><IntrinsicDuration>50</IntrinsicDuration><TrackFileId>urn:uuid:11111111-"
        b"1111-1111-1111-111111111111</TrackFileId></Resource></ResourceList></MainAudioSequence></SequenceList>"
        b"</Segment></SegmentList></CompositionPlaylist>"
    )


def _atom(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _mov(reference: bytes) -> bytes:
    """A QuickTime film whose samples are in another file."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = _atom(b"mvhd", struct.pack(">5I", 0, 0, 0, RATE, RATE), struct.pack(">IHHII", 0x10000, 256, 0, 0, 0), matrix,
                 bytes(24), struct.pack(">I", 2))  # fmt: skip
    tkhd = _atom(b"tkhd", struct.pack(">6I", 7, 0, 0, 1, 0, RATE), bytes(8), bytes(8), matrix, bytes(8))
    sound = struct.pack(">6xH HHI HHHH I", 1, 0, 0, 0, 1, 16, 0, 0, RATE << 16)
    stbl = _atom(
        b"stbl", _atom(b"stsd", struct.pack(">II", 0, 1), _atom(b"sowt", sound)),
        _atom(b"stts", struct.pack(">IIII", 0, 1, RATE, 1)), _atom(b"stsc", struct.pack(">IIIII", 0, 1, 1, RATE, 1)),
        _atom(b"stsz", struct.pack(">III", 0, 2, 2000)), _atom(b"stco", struct.pack(">III", 0, 1, 4000)),
    )  # fmt: skip
    dinf = _atom(b"dinf", _atom(b"dref", struct.pack(">II", 0, 1), reference))
    hdlr = _atom(b"hdlr", struct.pack(">I4s4s", 0, b"mhlr", b"soun"), bytes(13))
    mdhd = _atom(b"mdhd", struct.pack(">5IHH", 0, 0, 0, RATE, RATE, 0, 0))
    minf = _atom(b"minf", _atom(b"smhd", bytes(8)), dinf, stbl)
    trak = _atom(b"trak", tkhd, _atom(b"mdia", mdhd, hdlr, minf))
    return _atom(b"ftyp", b"qt  ", bytes(4), b"qt  ") + _atom(b"moov", mvhd, trak)


def _alias(path: Path) -> bytes:
    """A Macintosh alias record of that path."""
    name = path.name.encode()
    record = struct.pack(">4sHH", b"", 150, 2) + struct.pack(">H", 0) + b"\x04disk".ljust(28, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    text = str(path).encode()
    record += struct.pack(">HH", 2, len(text)) + text + b"\0" * (len(text) % 2)
    record += struct.pack(">HH", 18, len(text)) + text + b"\0" * (len(text) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return _atom(b"alis", bytes(4), record)


def _data(path: Path) -> str:
    return f"data:audio/mpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _id3(body: bytes) -> bytes:
    """Bytes that begin like an MP3."""
    return b"ID3\x03\0\0\0\0\0\x14" + b"TIT2\0\0\0\x0a\0\0\0a song ok" + body


def _svg(names: Private) -> bytes:
    return (
        f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="64" height="64"><image xlink:href="file://{names.sound}" width="64" height="64"/></svg>'
    ).encode()


FILES: dict[str, Callable[[Private], bytes]] = {
    "hls": lambda p: _vod(p.sound),
    "hls-file-url": lambda p: _vod(f"file:{p.sound}"),
    "hls-data-url": lambda p: _vod(_data(p.sound)),
    "hls-key": lambda p: _vod(p.sound, f'#EXT-X-KEY:METHOD=AES-128,URI="{p.text}"'),
    "hls-master": lambda p: _hls("#EXT-X-STREAM-INF:BANDWIDTH=1000", str(p.text)),
    "hls-itself": lambda p: _hls("#EXT-X-STREAM-INF:BANDWIDTH=1000", str(p.itself)),
    "hls-itself-by-descriptor": lambda p: _hls("#EXT-X-STREAM-INF:BANDWIDTH=1000", "/dev/fd/0"),
    "hls-http": lambda p: _vod("http://127.0.0.1:9/a.ts"),
    "hls-concat-protocol": lambda p: _vod(f"concat:{p.sound}|{p.sound}"),
    "hls-behind-a-tag": lambda p: _id3(_vod(p.sound)),
    "concat": lambda p: _concat(f"file {p.sound}"),
    "concat-text": lambda p: _concat(f"file {p.text}"),
    "concat-itself": lambda p: _concat("file /dev/fd/0"),
    "concat-endless": lambda p: _concat(*[f"file {p.sound}"] * 5000),
    "dash": lambda p: _dash(f"<BaseURL>{p.sound}</BaseURL>"),
    "dash-endless": lambda p: _dash(
        f'<SegmentTemplate media="{p.sound}" duration="1" startNumber="1"/>', _LIVE
    ),
    "imf": _imf,
    "sdp": lambda p: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40004 RTP/AVP 0\n",
    "mov-alias": lambda p: _mov(_alias(p.sound)),
    "mov-url": lambda p: _mov(_atom(b"url ", bytes(4), f"file://{p.sound}\0".encode())),
    "svg": _svg,
    "tones-without-end": lambda p: b"-SE\n## SBaGen\non: 300+10/80\noff: -\n00:00 on\n24:00 on\n",
    "m3u": lambda p: f"{p.sound}\n{p.text}\n".encode(),
}  # fmt: skip
