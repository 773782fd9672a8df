"""Transcripts as txt, vtt, srt, lrc, tsv and json, as openai-whisper's command writes them.

Each format is a generator over segments, so that a subtitle is written as soon as its sentence is known; only json,
one document, waits for the end. A speaker's name stands in txt where the speaker changes, in vtt as a voice, in srt in
brackets, in tsv and json in a field of its own. A text that is probably wrong has a mark before it, in each subtitle;
json lists the stretches.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.names import TRANSCRIPTS
from hushd_protocol.system.output_file import check_folder

from hushd.transcripts.cues import readable, shown
from hushd.transcripts.segment import USUAL, Layout, Segments, joined

if TYPE_CHECKING:
    from hushd.transcripts.cues import Cue
    from hushd.transcripts.segment import Word


def timestamp(seconds: float, *, hours: bool, mark: str) -> str:
    """`HH:MM:SS.mmm`, rounded to the nearest millisecond; without `hours` these appear only once there are any.

    >>> timestamp(61.5, hours=False, mark=".")
    '01:01.500'
    """
    minutes, milliseconds = divmod(round(max(0.0, seconds) * 1000), 60_000)
    hour, minute = divmod(minutes, 60)
    lead = f"{hour:02d}:" if hours or hour else ""
    return f"{lead}{minute:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"


def txt(segments: Segments) -> Iterator[str]:
    """A line a segment."""
    speaker = ""
    for segment in segments:
        changed = segment.speaker and segment.speaker != speaker
        speaker = segment.speaker or speaker
        text = f"{segment.mark}{segment.text.strip()}"
        yield f"{segment.speaker}: {text}\n" if changed else f"{text}\n"


def vtt(segments: Segments, layout: Layout = USUAL) -> Iterator[str]:
    """WebVTT: hours only where there are any."""
    yield "WEBVTT\n\n"
    for cue in _cues(segments, layout):
        start, end = (timestamp(t, hours=False, mark=".") for t in (cue.start, cue.end))
        who = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        yield f"{start} --> {end}\n{who}{_escaped(cue.text)}\n\n"


def _escaped(text: str) -> str:
    """Returns a text as WebVTT has it: a player would take `<T>` for a tag, and show nothing of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def srt(segments: Segments, layout: Layout = USUAL) -> Iterator[str]:
    """SubRip: numbered, with hours and a decimal comma. It knows no escapes: an arrow would begin a line of times."""
    for number, cue in enumerate(_cues(segments, layout, label=len("[]: ")), start=1):
        start, end = (timestamp(t, hours=True, mark=",") for t in (cue.start, cue.end))
        who = f"[{cue.speaker}]: " if cue.speaker else ""
        yield f"{number}\n{start} --> {end}\n{who}{cue.text.replace('-->', '->')}\n\n"


def lrc(segments: Segments, layout: Layout = USUAL) -> Iterator[str]:
    """Lyrics: a line a cue, with the time at which it begins."""
    for cue in _cues(segments, layout, label=len(": ")):
        minutes, hundredths = divmod(round(100 * cue.start), 6000)
        who = f"{cue.speaker}: " if cue.speaker else ""
        yield f"[{minutes:02d}:{hundredths / 100:05.2f}]{who}{' '.join(cue.text.split())}\n"


def tsv(segments: Segments) -> Iterator[str]:
    """Tab-separated: start and end in whole milliseconds, and the text with its tabs made spaces."""
    yield "start\tend\ttext\tspeaker\n" if segments.diarized else "start\tend\ttext\n"
    for segment in segments:
        text = segment.mark + segment.text.strip().replace("\t", " ")
        who = f"\t{segment.speaker}" if segments.diarized else ""
        yield f"{round(1000 * segment.start)}\t{round(1000 * segment.end)}\t{text}{who}\n"


def json_document(segments: Segments) -> Iterator[str]:
    """One object: `text`, `segments` (with `words` and `speaker` where known), `language`, and, if there are any,
    `language_probability`, `warnings`, the stretches `unlikely`, and the `model` that has heard it again."""
    rows: list[JsonObject] = []
    for segment in segments:
        row: JsonObject = {"id": segment.id, "start": segment.start, "end": segment.end, "text": segment.text}
        if segment.words:
            row["words"] = [word_fields(word) for word in segment.words]
        if segment.speaker:
            row["speaker"] = segment.speaker
        rows.append(row)
    text = joined(row["text"] for row in rows)
    document: JsonObject = {"text": text, "segments": rows, "language": segments.language}
    if segments.language_probability is not None:
        document["language_probability"] = segments.language_probability
    if segments.model:
        document["model"] = segments.model
    if segments.warnings:
        document["warnings"] = [warning.data() for warning in segments.warnings]
    if segments.unlikely:
        document["unlikely"] = [{"start": start, "end": end} for start, end in segments.unlikely]
    yield json.dumps(document) + "\n"


def word_fields(word: Word) -> JsonObject:
    """A word in JSON, with its probability where that is known."""
    row: JsonObject = {"word": word.word, "start": word.start, "end": word.end}
    return row if word.probability is None else row | {"probability": word.probability}


Writer = Callable[[Segments], Iterator[str]]
_SUBTITLES = {"vtt": vtt, "srt": srt, "lrc": lrc}
TRANSCRIPT_FORMATS: dict[str, Writer] = dict(
    zip(TRANSCRIPTS, (txt, *_SUBTITLES.values(), tsv, json_document), strict=True)
)


def render(form: str, segments: Segments, layout: Layout = USUAL) -> Iterator[str]:
    """Yields `segments` in the format `form`, piece by piece; subtitles fit the layout. Raises `bad_request` for a
    format that is not in `TRANSCRIPT_FORMATS`."""
    if form not in TRANSCRIPT_FORMATS:
        raise HushdError("bad_request", f"There is no format {form!r}: choose one of {', '.join(TRANSCRIPT_FORMATS)}.")
    return _SUBTITLES[form](segments, layout) if form in _SUBTITLES else TRANSCRIPT_FORMATS[form](segments)


def transcript_format(path: str) -> str:
    """Returns the format for the extension of a file to be written. Raises `bad_request` for an unknown one,
    `output_failed` where its folder is missing."""
    form = os.path.splitext(path)[1][1:].lower()
    if form not in TRANSCRIPT_FORMATS:
        endings = ", ".join(f".{form}" for form in TRANSCRIPT_FORMATS)
        raise HushdError("bad_request", f"{path!r} names no format: end it with one of {endings}.")
    check_folder(path)
    return form


def _cues(segments: Segments, layout: Layout, label: int = 0) -> Iterator[Cue]:
    return shown(readable(segments, label, layout, lambda: segments.language))
