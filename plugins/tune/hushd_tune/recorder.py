"""Shows sentences on a terminal, and records them one by one."""

from __future__ import annotations

import os
import queue
import select
import termios
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from hushd.client import Client
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import wav_header

from . import loudness, sentences
from .tuning_folder import TuningFolder

_LOOK_S = 0.05  # between two looks at the keys and the microphone
_MAX_S = 60
_AGAIN, _QUIT = "a", "q"
_BEGIN = ("\n", "\r", " ")
_KEYS = "Enter begins and ends a sentence; a: again, q: that is enough."


class Source(Protocol):
    """An open microphone, such as `hushd.audio.microphone.Microphone`."""

    rate: int

    def take(self) -> bytes | None: ...

    def lose(self) -> HushdError: ...


def missing(tuning: TuningFolder, language: str) -> dict[int, str]:
    """Returns the sentences that are not recorded yet, by number.

    Raises:
        HushdError: `bad_request` if there are some, and no terminal to show them.
    """
    texts = dict(enumerate(sentences.of(language), 1))
    missing = {number: text for number, text in texts.items() if not tuning.has(language, number, text)}
    if missing and not (os.isatty(0) and os.isatty(1)):
        raise HushdError(
            "bad_request",
            "Sentences can only be recorded at a terminal: name a folder of recordings instead, `hushd tune DIR`.",
        )
    return missing


def record(client: Client, tuning: TuningFolder, language: str, texts: Mapping[int, str], device: str | None) -> None:
    """Records sentences; each is kept at once, so that Ctrl-C loses one at most.

    Raises:
        HushdError: `no_device`; `output_failed`.
    """
    console.silence_libraries()
    from hushd.audio.microphone import Microphone

    with (
        client.floor("microphone", on_wait=console.note_wait) as floor,
        Microphone(device) as microphone,
        _single_keys(),
    ):
        console.write(f"{len(texts)} sentences to read aloud, as you usually speak.\n{_KEYS}\n")
        recorded = set()

        def keep(number: int, recording: bytes) -> None:
            tuning.add(language, number, texts[number], recording)
            recorded.add(number)
            floor.keep()

        try:
            read_aloud(microphone, _key, texts, keep)
        except BaseException:
            console.note(f"{len(recorded)} of {len(texts)} are recorded; the same command goes on with the others.")
            raise


def read_aloud(
    microphone: Source, key: Callable[[], str], texts: Mapping[int, str], keep: Callable[[int, bytes], None]
) -> None:
    """Has sentences read, and again where that was too quiet, too loud or cut off.

    Args:
        key: waits a moment; returns a pressed key, or nothing.
        keep: takes a sentence's number and its recording, a WAV file.
    """
    for number, text in texts.items():
        console.write(f"\n{number}. {text}\n")
        while True:
            chunks = _one(microphone, key)
            if chunks is None:
                return
            if not (fault := loudness.fault(chunks, microphone.rate)):
                break
            console.write(f"{fault} Once more:\n\n{number}. {text}\n")
        recording = b"".join(chunks)
        keep(number, wav_header(microphone.rate, len(recording)) + recording)


def _one(microphone: Source, key: Callable[[], str]) -> list[bytes] | None:
    """Records from one key to the next; returns the recording to keep, None if that was enough."""
    line = console.StatusLine()
    chunks: list[bytes] = []
    recording = False
    try:
        while True:
            pressed, new = key(), _taken(microphone)
            chunks = chunks + new if recording else []
            if pressed == _QUIT:
                return None
            if pressed == _AGAIN:
                chunks = []
            elif (recording and pressed) or sum(map(len, chunks)) > 2 * microphone.rate * _MAX_S:
                return chunks
            elif pressed in _BEGIN:
                recording = True
            line.show(partial(_status, recording))
    finally:
        line.clear()


def _status(recording: bool, _: int) -> str:
    return "Enter: done" if recording else "Enter: record"


def _taken(microphone: Source) -> list[bytes]:
    """Returns the sound that has been recorded since the last call."""
    chunks = []
    try:
        while (chunk := microphone.take()) is not None:
            chunks.append(chunk)
    except queue.Empty:
        return chunks
    raise microphone.lose()


def _key() -> str:
    """Waits a moment for a key; returns it, or nothing."""
    readable, _, _ = select.select([0], [], [], _LOOK_S)
    if not readable:
        return ""
    data = os.read(0, 64)
    if not data:
        raise KeyboardInterrupt  # the terminal is gone
    return data.decode(errors="replace")[0].lower()


@contextmanager
def _single_keys() -> Iterator[None]:
    """Within the block keys arrive at once, and are not echoed; Ctrl-C interrupts as usual."""
    saved = termios.tcgetattr(0)
    tty.setcbreak(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
