"""Writes the notes of a meeting: Markdown, with times, and of a recording with speakers.

    pip install 'hushd[default]'
    python meeting_notes.py > notes.md                # the microphone, until Ctrl-C
    python meeting_notes.py meeting.mp4 > notes.md    # a recording, or a film

Speakers of the table `[speakers]` in the configuration appear by name, others as SPEAKER_00 and so on; live speech
has none.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import hushd


def attend(client: hushd.Client) -> Iterable[hushd.Segment]:
    """Transcribes the microphone until Ctrl-C, and shows each sentence on standard error."""
    segments = []
    with client.floor("microphone") as floor, hushd.Microphone() as microphone:
        signal.signal(signal.SIGINT, lambda *_: microphone.stop())
        print("Listening: Ctrl-C ends.", file=sys.stderr)
        for segment in client.listen(floor.while_held(microphone), rate=microphone.rate, continuous=True):
            segments.append(segment)
            print(segment.text.strip(), file=sys.stderr)
    return segments


def notes(title: str, segments: Iterable[hushd.Segment]) -> Iterator[str]:
    """Yields a heading, and a paragraph for each turn of a speaker."""
    yield f"# {title}\n"
    for speaker, turn in groupby(segments, lambda segment: segment.speaker):
        sentences = list(turn)
        time = timedelta(seconds=int(sentences[0].start))
        yield f"**{speaker or 'Notes'}** ({time})  \n{' '.join(sentence.text.strip() for sentence in sentences)}\n"


def main(*recordings: str) -> None:
    with hushd.Client() as client:
        for recording in recordings:
            transcript = client.transcribe(recording, diarize=True, people=client.voiceprints())
            print("\n".join(notes(Path(recording).stem, transcript)))
        if not recordings:
            title = f"{datetime.now():%Y-%m-%d %H:%M}"
            print("\n".join(notes(title, attend(client))))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except hushd.HushdError as error:
        sys.exit(str(error))
