"""`say`: speaks text, or writes the sound to a file: words, a file's text, or standard input, which may still grow."""

from __future__ import annotations

import codecs
import os
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from hushd_models import preferences
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.names import USUAL_VOICE
from hushd_protocol.system import paths
from hushd_protocol.system.output_file import STANDARD_OUTPUT, OutputFile
from hushd_schema.operations.synthesize import MARKUPS

from hushd_cli.offers import mention_language, mention_slow_voice
from hushd_cli.terminal import console
from hushd_cli.terminal.shown_client import shown_client

from .options import parse, synthesize_options

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.synthesis.speech import Speech
    from hushd_reading.subtitles import SubtitleFile

    from .timed import TimedSpeech

_FIRST_BYTES = 1024  # the first bytes, by which binary data is recognised
# A file of these is read where a text is expected, since nobody speaks its name.
_SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
# Forms that `Client.synthesize` takes: a short text is sent in one piece; everything else, also a pipe, is streamed.
Text = str | bytes | Iterator[bytes]


def main(prog: str, argv: Sequence[str]) -> int:
    options = parse(prog, argv)
    if options.device == "?":
        from hushd.audio.playback import outputs  # noqa: PLC0415 - for a list

        from hushd_cli.listing import list_devices  # noqa: PLC0415 - likewise

        list_devices(outputs(), options.json)
    elif options.print:
        _print(options)
    else:
        _do(options)
    return 0


def _print(options: Namespace) -> None:
    from hushd.synthesis.reading import read  # noqa: PLC0415 - a room that `--print` alone needs

    markup = options.markup or MARKUPS[0]
    for words in read(_text(options), language=options.language, markup=markup, complain=console.complain):
        console.write(f"{words}\n")


def _do(options: Namespace) -> None:
    if options.output is None and options.voice != "?":
        from hushd.audio import devices  # noqa: PLC0415 - not for a file

        console.silence_libraries()
        devices.load_ahead()
    named = options.voice or options.language or options.engine or options.model or os.environ.get(USUAL_VOICE)
    blank = options.text and not "".join(options.text).strip()
    named = named or preferences.unserved_language(paths.find().config, "tts")  # whose voice speaks first
    # The client is imported while the device is looked for.
    with shown_client(options.input_file or "-", role="" if named or blank else "tts") as client:
        if options.voice == "?":
            from hushd_cli.listing import list_voices  # noqa: PLC0415 - likewise

            list_voices(client, options)
        elif options.output is None:
            _play(client, options)
        else:
            _write(client, options)
    if options.voice is None and options.language is None:
        mention_language()
    if client.passed_over:
        mention_slow_voice(*client.passed_over)


def _write(client: Client, options: Namespace) -> None:
    form = options.format
    subtitles = _subtitles(options)
    text = "" if subtitles else _text(options)
    with OutputFile(STANDARD_OUTPUT if options.output == "-" else options.output) as file:
        if file.is_terminal:
            raise HushdError(
                "bad_request", "A terminal cannot play sound: send it to a program, as in `say -o - … | aplay`."
            )
        if subtitles:
            speech: Speech | TimedSpeech = _write_timed(client, options, subtitles, file, form)
        else:
            speech = _speech(client, options, text, form)
            for data, offset in speech.pieces():
                file.write(data, offset)
            _warn(options, speech)
    _save_subtitles(options, speech)


def _write_timed(
    client: Client, options: Namespace, subtitles: SubtitleFile, file: OutputFile, form: str
) -> TimedSpeech:
    from hushd.synthesis.speech_file import encoding  # noqa: PLC0415 - for files of timed speech

    from .timed import TimedSpeech  # noqa: PLC0415 - for subtitles that are spoken

    if form in ("aac", "m4a"):
        raise HushdError("bad_request", f"Timed speech is not written as {form}: name a .wav, .flac, .ogg or .mp3.")
    options.sample_rate = options.sample_rate or (48_000 if form == "opus" else None)
    speech = TimedSpeech(client, options, subtitles)
    with closing(speech), encoding(file, form, speech.rate, speech.channels) as write:
        for samples in speech:
            write(samples)
    return speech


def _save_subtitles(options: Namespace, speech: Speech | TimedSpeech) -> None:
    """Writes the text with its times, if the options ask for it."""
    if options.subtitles:
        from hushd.transcripts.formats import transcript_format  # noqa: PLC0415 - for `--subtitles`

        with OutputFile(options.subtitles) as file:
            file.write(speech.transcript().render(transcript_format(options.subtitles)).encode())


def _play(client: Client, options: Namespace) -> None:
    if subtitles := _subtitles(options):
        from .timed import TimedSpeech  # noqa: PLC0415 - for subtitles that are spoken

        with closing(TimedSpeech(client, options, subtitles)) as timed:
            _sound(client, options, timed)
        _save_subtitles(options, timed)
        return
    if not _typed(options):
        _speak(client, options, _text(options))
        return
    if options.subtitles:
        raise HushdError("bad_request", "--subtitles are of one text, which is not typed line by line: name a file.")
    for line in filter(bytes.strip, _lines()):
        try:
            _speak(client, options, b"".join(utf8([line], "The line")))
        except HushdError as error:
            if error.code not in ("bad_request", "input_unreadable"):
                raise
            console.complain(error.message)  # the error of one line; the next may succeed


def _speak(client: Client, options: Namespace, text: Text) -> None:
    with closing(_speech(client, options, text, "s16le")) as speech:
        _sound(client, options, speech)
    _warn(options, speech)
    _save_subtitles(options, speech)


def _sound(client: Client, options: Namespace, speech: Speech | TimedSpeech) -> None:
    from hushd.audio.playback import Player  # noqa: PLC0415 - imported while the worker works

    volume = 1.0 if options.volume is None else options.volume
    floor = client.floor("speaker", priority=options.priority, on_wait=console.note_wait, duck=options.duck)
    player = Player(options.device, floor, volume)
    player.check()
    player.play(speech, speech.rate, speech.channels)


def _warn(options: Namespace, speech: Speech) -> None:
    """Prints which options had no effect, once for all typed lines."""
    for warning in speech.warnings:
        if warning not in options.warned:
            options.warned.append(warning)
            console.complain(warning.message)


def _speech(client: Client, options: Namespace, text: Text, form: str) -> Speech:
    shared = {name: getattr(options, name) for name in ("engine", "model", "keep_alive", "priority")}
    return client.synthesize(text, format=form, keep=False, **shared, **synthesize_options(options))


# --- the text ---------------------------------------------------------------------------------------------------------


def _text(options: Namespace) -> Text:
    """Returns the text that the arguments name. Raises `input_unreadable`, from the stream too."""
    name = _file(options)
    if options.text and not name:
        return " ".join(options.text)
    if name in (None, "-"):
        return utf8(_blocks(0, "Standard input"), "Standard input")
    descriptor, size = _open(name)
    if name.lower().endswith(_SUBTITLES):
        from hushd_reading.encoding import decoded  # noqa: PLC0415 - for subtitles that are spoken

        return decoded(b"".join(_blocks(descriptor, name)), name)
    blocks = utf8(_blocks(descriptor, repr(name)), repr(name))
    return b"".join(blocks) if 0 < size <= MAX_PAYLOAD else blocks


def _file(options: Namespace) -> str | None:
    """Returns the file whose text is spoken, that of -f or subtitles that are named where a text is expected."""
    only: str = options.text[0] if len(options.text) == 1 else ""
    is_file = only.lower().endswith(_SUBTITLES) and (options.output or os.path.isfile(only))
    return only if is_file else options.input_file


def _subtitles(options: Namespace) -> SubtitleFile | None:
    """Returns subtitles that are spoken in their times; None for any other text."""
    name = _file(options) or "-"
    if not (options.timed or (options.output and name.lower().endswith(_SUBTITLES))):
        return None
    from hushd_reading.encoding import decoded  # noqa: PLC0415 - for subtitles that are spoken
    from hushd_reading.subtitles import read  # noqa: PLC0415 - for subtitles that are spoken

    if name == "-" and (options.text or _typed(options)):
        raise HushdError("bad_request", "--timed is for subtitles: name a file of them, or pipe them in.")
    descriptor, name = (0, "Standard input") if name == "-" else (_open(name)[0], name)
    if subtitles := read(decoded(b"".join(_blocks(descriptor, name)), name), name):
        return subtitles
    raise HushdError("bad_request", f"{name} has no subtitles: leave out --timed, or name a file that has.")


def _open(name: str) -> tuple[int, int]:
    """Returns a descriptor of a file, and its size. Raises `input_unreadable`."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        return descriptor, os.fstat(descriptor).st_size
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
        raise HushdError("input_unreadable", f"{name!r} cannot be read ({reason}).") from error


def _typed(options: Namespace) -> bool:
    return not options.text and options.input_file in (None, "-") and os.isatty(0)


def _lines() -> Iterator[bytes]:
    """Yields the lines of standard input as they arrive."""
    incomplete = b""
    for block in _blocks(0, "Standard input"):
        *whole, incomplete = (incomplete + block).split(b"\n")
        yield from whole
    if incomplete:
        yield incomplete


def utf8(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yields the text of `blocks`, which must be UTF-8, without a byte order mark.

    Other encodings are not guessed: a wrong guess would be spoken.
    Raises `input_unreadable` for binary data and for other encodings, before anything after the last block that was
    text.

    Args:
        name: of the input, for errors.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line = 1
    for block in chain(blocks, [b""]):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _no_text(name, error.object, line + error.object.count(b"\n", 0, error.start)) from None
        if "\0" in text:
            raise _no_text(name, block, line)
        line += text.count("\n")
        if text:
            yield text.encode()


def _no_text(name: str, block: bytes, line: int) -> HushdError:
    if b"\0" in block[:_FIRST_BYTES] or block.startswith((b"%PDF", b"\x1f\x8b")):
        return HushdError("input_unreadable", f"{name} is binary data and not text.")
    return HushdError(
        "input_unreadable",
        f"{name} is not UTF-8 in line {line}: convert it, as with `iconv -f latin1 -t utf-8 FILE | say`.",
    )


def _blocks(descriptor: int, name: str) -> Iterator[bytes]:
    try:
        while block := os.read(descriptor, MAX_PAYLOAD):
            yield block
    except OSError as error:
        raise HushdError("input_unreadable", f"{name} cannot be read ({error.strerror}).") from error
