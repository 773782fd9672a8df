"""Speaks the text of `say`, or writes the sound to a file; subtitles in their times, where they are asked."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

from hushd.audio.playback import Player
from hushd.client import Client
from hushd.synthesis.speech import Speech
from hushd.synthesis.speech_file import encoding
from hushd.transcripts.formats import transcript_format
from hushd_protocol.errors import HushdError
from hushd_protocol.system.output_file import STANDARD_OUTPUT, OutputFile
from hushd_reading.encoding import decoded
from hushd_reading.subtitles import SubtitleFile, read

from hushd_cli.terminal import console

from .options import synthesize_options
from .text import SUBTITLES, Text, blocks_of, file_of, is_typed, lines, opened, text_of, utf8
from .timed import TimedSpeech


def write(client: Client, options: Namespace) -> None:
    form = options.format
    subtitles = _subtitles(options)
    text = "" if subtitles else text_of(options)
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
        with OutputFile(options.subtitles) as file:
            file.write(speech.transcript().render(transcript_format(options.subtitles)).encode())


def play(client: Client, options: Namespace) -> None:
    if subtitles := _subtitles(options):
        with closing(TimedSpeech(client, options, subtitles)) as timed:
            _sound(client, options, timed)
        _save_subtitles(options, timed)
        return
    if not is_typed(options):
        _speak(client, options, text_of(options))
        return
    if options.subtitles:
        raise HushdError("bad_request", "--subtitles are of one text, which is not typed line by line: name a file.")
    for line in filter(bytes.strip, lines()):
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


def _subtitles(options: Namespace) -> SubtitleFile | None:
    """Returns subtitles that are spoken in their times; None for any other text."""
    name = file_of(options) or "-"
    if not (options.timed or (options.output and name.lower().endswith(SUBTITLES))):
        return None
    if name == "-" and (options.text or is_typed(options)):
        raise HushdError("bad_request", "--timed is for subtitles: name a file of them, or pipe them in.")
    descriptor, name = (0, "Standard input") if name == "-" else (opened(name)[0], name)
    if subtitles := read(decoded(b"".join(blocks_of(descriptor, name)), name), name):
        return subtitles
    raise HushdError("bad_request", f"{name} has no subtitles: leave out --timed, or name a file that has.")
