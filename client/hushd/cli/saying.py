"""`say`: speaks, or writes what it would say to a file."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD, PRIORITIES

from hushd.client import Client
from hushd.output_file import STANDARD_OUTPUT, OutputFile
from hushd.sound_file import format_of

from . import console
from .arguments import Parser, positive

if TYPE_CHECKING:
    from hushd.speech import Speech


def main(prog: str, argv: Sequence[str]) -> int:
    options = _parse(prog, argv)
    with Client(holder="cli") as client:
        if options.voice == "?":
            _list_voices(client)
        elif options.output is None:
            _play(client, options)
        else:
            _write(client, options)
    return 0


def _parse(prog: str, argv: Sequence[str]) -> Namespace:
    parser = Parser(prog, "Speaks TEXT, or what standard input holds.")
    parser.add_argument("text", nargs="*", metavar="TEXT", help="what to say; behind -- if it begins with a dash")
    parser.add_argument("-v", "--voice", help="who speaks; '?' lists the voices")
    parser.add_argument("-r", "--rate", type=positive, metavar="WPM", help="words a minute")
    parser.add_argument("-f", "--input-file", metavar="FILE", help="read the text from FILE; - is standard input")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write a sound file: .wav, .flac, .ogg, .mp3 or .aiff; - is a WAV on standard output",
    )
    parser.add_argument(
        "--priority",
        choices=PRIORITIES,
        default="text",
        help="who is heard first; important and message interrupt what is lower; default: text",
    )
    parser.add_worker_options()
    options = parser.parse(argv, "text")
    if options.text and options.input_file is not None:
        raise HushdError("bad_request", "There are two texts: give either words or -f FILE.")
    return options


def _write(client: Client, options: Namespace) -> None:
    target, form = options.output, "wav"
    if target == "-":
        target = STANDARD_OUTPUT
    elif not _is_special(target):
        form = format_of(target)
    with OutputFile(target) as file:
        for data, offset in _speech(client, options, form).pieces():
            file.write(data, offset)


def _play(client: Client, options: Namespace) -> None:
    speech = _speech(client, options, "s16le")
    from hushd.playback import play  # while the worker works

    floor = client.floor("speaker", priority=options.priority, on_wait=console.note_wait)
    try:
        play(speech, speech.rate, speech.channels, floor=floor)
    finally:
        speech.close()


def _speech(client: Client, options: Namespace, form: str) -> Speech:
    return client.synthesize(
        _text(options),
        voice=options.voice,
        wpm=options.rate,
        format=form,
        engine=options.engine,
        model=options.model,
        keep_alive=options.keep_alive,
        priority=options.priority,
    )


def _text(options: Namespace) -> str | bytes | Iterator[bytes]:
    """What to say. A text that fits goes in one piece, everything else streams; so does a pipe, as it comes."""
    if options.text:
        return " ".join(options.text)
    if options.input_file in (None, "-"):
        return _blocks(0, "Standard input")
    name = options.input_file
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        size = os.fstat(descriptor).st_size
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
        raise HushdError("input_unreadable", f"{name!r} cannot be read ({reason}).") from error
    blocks = _blocks(descriptor, repr(name))
    return b"".join(blocks) if 0 < size <= MAX_PAYLOAD else blocks


def _blocks(descriptor: int, name: str) -> Iterator[bytes]:
    try:
        while block := os.read(descriptor, MAX_PAYLOAD):
            yield block
    except OSError as error:
        raise HushdError("input_unreadable", f"{name} cannot be read ({error.strerror}).") from error


def _is_special(path: str) -> bool:
    """Whether `path` is a pipe or a device, whose name says nothing of a format."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _list_voices(client: Client) -> None:
    voices = client.voices()
    if not voices:
        raise HushdError("engine_missing", "No engine is known that speaks: pip install 'hushd[default]'.")
    for voice in voices:
        note = "" if voice.installed else " (not installed)"
        console.write(f"{voice.name:<19} {voice.language:<7} # {voice.sample}{note}\n")
