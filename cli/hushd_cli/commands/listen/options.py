"""The options of `listen`, with openai-whisper's names where they mean the same."""

from __future__ import annotations

import os
import re
import stat
from argparse import SUPPRESS, ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from hushd.transcripts.formats import TRANSCRIPT_FORMATS
from hushd_protocol.errors import HushdError
from hushd_schema.kinds import NonNegativeInt
from hushd_schema.operations import transcribe as schema
from hushd_schema.operations.decoder import DECODER, WHISPER
from hushd_schema.operations.transcribe import TRANSCRIBE, TranscribeOptions
from hushd_schema.results import is_name

from hushd_cli.arguments import Group, Parser, WideFormatter, value

if TYPE_CHECKING:
    from hushd.client import Client

ALL = "all"  # stands for all formats
_RARE = ("hotwords", "clips", "turn_end", "silence_s", "end_word")  # fields that only the whole help shows

_EXAMPLES = (
    ("listen", "the microphone, until you stop speaking"),
    ("listen meeting.wav", "a recording, as text"),
    ("listen -f srt -o talk.srt talk.mp4", "subtitles of a film"),
    ("listen --diarize -f vtt panel.mp4", "who said what"),
    ("listen --continuous -o notes.txt", "line after line, until Ctrl-C"),
    ("ssh host cat a.flac | listen -", "standard input"),
)


def parse(prog: str, argv: Sequence[str], parser: Parser | None = None) -> Namespace:
    """Parses the command line of `listen`, or of another `parser` with `add_recording`'s options; `files` are the
    recordings, `note` a sentence about options without effect, or empty.
    Raises `bad_request` for options that make no sense, alone or together."""
    options = (parser or make_parser(prog)).parse(argv, "files", files=True)
    options.device = options.device or _microphone(options)
    options.diarize |= options.speakers is not None or options.speaker is not None
    if options.json and options.format not in (None, "json"):
        raise HushdError("bad_request", f"--json and -f {options.format} exclude each other: give one of them.")
    options.format = "json" if options.json else options.format
    if options.output and options.output_dir:
        raise HushdError("bad_request", "--output and --output-dir both say where the text goes: give one of them.")
    if not (options.files or _is_live(options)) and _is_piped():
        options.files = ["-"]
    _check_files(options) if options.files else _check_microphone(options)
    options.note = _note(options)
    options.silence_s = options.silence_s or schema.SILENCE_S
    options.turn_end = options.turn_end or schema.BY_SILENCE
    options.end_word = options.end_word or ""
    return options


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Transcribe FILEs, or the microphone until the speaker stops.")
    parser.usage = "%(prog)s [OPTION…] [FILE…]"
    parser.examples = _EXAMPLES
    parser.formatter_class = WideFormatter
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a sound file, video or pipe; -: standard input, as what is piped in is without FILE",
    )
    output = _add_format(parser, "by the name of -o, or txt, a line a sentence")
    output.add_argument(
        "-o",
        "--output",
        metavar="PLACE",
        help=f"a file, such as talk.srt, or a folder for NAME.FORMAT; default with {ALL}: here",
    )
    output.add_argument("--resume", action="store_true", help="continue an interrupted run of the same command")
    group = add_transcription(parser)
    add_speaker(group)
    group.add_argument("--align", metavar="TEXT", help="a text that FILE is read from: its words, with their times")
    _add_written(group)
    add_cutting(parser)
    _add_microphone(parser)
    parser.add_worker_options()
    _add_whisper(parser)
    return parser


def add_recording(parser: Parser) -> None:
    """Adds the options of a recording alone to another command, which says itself where the transcript goes."""
    _add_format(parser)
    group = add_transcription(parser)
    add_speaker(group)
    _add_written(group)
    add_cutting(parser)
    parser.add_worker_options()
    _add_whisper(parser)
    missing = dict.fromkeys(("align", "device", "output", *TRANSCRIBE.options(schema.MICROPHONE)))
    parser.set_defaults(continuous=False, resume=False, **missing)


def transcribe_options(options: Namespace) -> TranscribeOptions:
    """Returns the transcription's options on the command line."""
    chosen = {name: getattr(options, name) for name in schema.OPTIONS if hasattr(options, name)}
    if decoder := _decoder(options):
        chosen["decoder"] = decoder
    return cast(TranscribeOptions, chosen)


def _check_files(options: Namespace) -> None:
    if _is_live(options):
        raise HushdError(
            "bad_request",
            "--continuous, --timeout, --silence, --turn-end, --end-word and --audio-device are for the microphone.",
        )
    if options.files.count("-") > 1:
        raise HushdError("bad_request", "Standard input can be read only once: give - once.")
    if "-" in options.files and os.isatty(0):
        raise HushdError(
            "bad_request", "Standard input is a terminal: send a sound file to it, as in `listen - < a.wav`."
        )
    if options.resume and any(map(_is_stream, options.files)):
        raise HushdError(
            "bad_request", "--resume reads a recording again, which - and a pipe do not allow: name a file."
        )
    if options.resume and options.diarize:
        raise HushdError("bad_request", "--diarize needs the whole recording: leave out --resume.")
    if options.clips and options.diarize:
        raise HushdError("bad_request", "--diarize needs the whole recording: leave out --clip-timestamps.")
    if options.align and (len(options.files) > 1 or options.diarize or options.written or options.task == "translate"):
        raise HushdError("bad_request", "--align is for one FILE, without --diarize, --written and --task translate.")


def _is_live(options: Namespace) -> bool:
    """Returns whether an option is for the microphone alone."""
    live = options.continuous or options.no_speech_s or options.silence_s or options.turn_end
    return bool(live or options.end_word or options.device)


def _is_piped() -> bool:
    """Returns whether standard input is a file or a pipe; a program's socket and /dev/null are neither."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)


def _is_stream(name: str) -> bool:
    """Returns whether a recording can be read only once."""
    try:
        return name == "-" or stat.S_ISFIFO(os.stat(name).st_mode)
    except (OSError, ValueError):
        return False  # opening it reports why


def _check_microphone(options: Namespace) -> None:
    if options.resume:
        raise HushdError("bad_request", "--resume continues a recording: name its FILE.")
    if options.align:
        raise HushdError("bad_request", "--align has the text of a recording: name its FILE.")
    if options.clips:
        raise HushdError("bad_request", "--clip-timestamps names parts of a recording: name its FILE.")
    if options.audio_track:
        raise HushdError("bad_request", "--audio-track names a track of a recording: name its FILE.")
    if options.diarize:
        raise HushdError("bad_request", "--diarize says who speaks in a recording: record first, and name its FILE.")
    if options.min_silence_s is not None:
        raise HushdError("bad_request", "--min-silence is for FILE: at the microphone --silence ends a line.")


def _count(text: str) -> int | None:
    """Returns a number from 1 on, or None, for which openai-whisper's command also accepts 0."""
    return None if text == "None" else value(NonNegativeInt)(text) or None


def _add_format(parser: Parser, default: str = "txt, a line a sentence") -> Group:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-f",
        "--output-format",
        "--format",
        dest="format",
        choices=(*TRANSCRIPT_FORMATS, ALL),
        metavar="FORMAT",
        help=f"{', '.join(TRANSCRIPT_FORMATS)} or {ALL}; default: {default}",
    )
    more = parser.add_rare_group("more of the output")
    more.add_argument("--json", action="store_true", help="as -f json; with -a '?' it lists the microphones as JSON")
    more.add_argument("--max-line-width", type=_count, metavar="N", help="the columns of a subtitle; default: 42")
    more.add_argument("--max-line-count", type=_count, metavar="N", help="the lines of a subtitle; default: 2")
    more.add_argument("--output-dir", metavar="DIR", help="a folder for the transcripts, whatever its name")
    return group


def _add_written(group: Group) -> None:
    group.add_argument("--written", action="store_true", help="spelt-out numbers in digits, such as 42%%")


def add_transcription(parser: Parser) -> Group:
    """Adds the options of a transcription, which `transcribe_options` reads; returns the group of the usual ones."""
    group, more = parser.add_argument_group("transcription"), parser.add_rare_group("more of the transcription")
    for name in TRANSCRIBE.options(schema.TEXT):
        parser.add_fields(more if name in _RARE else group, TRANSCRIBE, [name])
    search = parser.add_rare_group("search for the text")
    parser.add_fields(search, TRANSCRIBE, TRANSCRIBE.options(schema.SEARCH))
    return group


def _add_microphone(parser: Parser) -> None:
    group, more = parser.add_argument_group("the microphone"), parser.add_rare_group("more of the microphone")
    group.add_argument("--continuous", action="store_true", help="line after line, until Ctrl-C")
    for name in TRANSCRIBE.options(schema.MICROPHONE):
        parser.add_fields(more if name in _RARE else group, TRANSCRIBE, [name])
    group.add_argument(
        "-a",
        "--audio-device",
        dest="device",
        metavar="NAME",
        help="the microphone: its number, its name or the beginning of its name; '?' lists them",
    )


def add_cutting(parser: Parser) -> None:
    """Adds the options of segmentation."""
    group = parser.add_rare_group("segmentation")
    parser.add_fields(group, TRANSCRIBE, TRANSCRIBE.options(schema.CUTTING))


# --- speakers who are called by name ----------------------------------------------------------------------------------


def add_speaker(group: Group) -> None:
    """Adds --speaker, which may be repeated; `speaker` is a list of names with paths, or None."""
    group.add_argument(
        "--speaker",
        action="append",
        type=_speaker,
        metavar="NAME=FILE",
        help="name the voice in FILE; implies --diarize",
    )


def voiceprints(client: Client, options: Namespace) -> dict[str, str] | None:
    """Returns the voiceprints of the speakers in the options and the configuration, by name; None without --diarize.
    Raises `bad_request` for a recording without one voice, or an error in the configuration."""
    if not options.diarize:
        return None
    from hushd.verbs.speech import configured  # noqa: PLC0415 - the client, which comes after the options

    recordings = configured() | dict(options.speaker or ())
    worker = {"engine": options.engine, "model": options.model, "keep_alive": options.keep_alive}
    return client.voiceprints(recordings, **worker) or None


def _speaker(text: str) -> tuple[str, str]:
    name, _, path = text.partition("=")
    if not (is_name(name) and path):
        raise ArgumentTypeError(f"{text!r} is not a name and a file, as in Ann=ann.wav")
    return name, path


# --- openai-whisper's options that are not shared: its decoder's, and those without effect here -----------------------

_COMPUTES = re.compile(r"cpu|mps|rocm|hip|vulkan|(cuda|gpu)(:\d{1,2})?", re.IGNORECASE)
_INCREMENT = 0.2  # openai-whisper's value, if --temperature is given
_WITHOUT_EFFECT = ("fp16", "verbose", "model_dir", "max_words_per_line", "highlight_words")


def _add_whisper(parser: Parser) -> None:
    """Adds the options of Whisper's decoder, and options that are accepted without effect."""
    group = parser.add_rare_group(
        "Whisper's decoder", "Used by the engines whisper and faster-whisper; others ignore them, with a warning."
    )
    parser.add_fields(group, DECODER, DECODER.options(WHISPER), default=SUPPRESS)
    named = parser.add_rare_group("accepted from openai-whisper's command lines")
    named.add_argument(
        "--device",
        dest="whisper_device",
        metavar="DEVICE",
        help="cpu, cuda and so on have no effect here; any other name is a microphone's",
    )
    ignored = parser.add_rare_group("accepted from openai-whisper's command lines, without effect here")
    parser.add_switch(ignored, "--fp16", default=SUPPRESS, help="the configuration sets the precision")
    parser.add_switch(ignored, "--verbose", default=SUPPRESS, help="the progress shown does not depend on it")
    ignored.add_argument("--model-dir", default=SUPPRESS, metavar="DIR", help="docs/MODELS.md says where models lie")
    ignored.add_argument("--max-words-per-line", default=SUPPRESS, metavar="N", help="--max-line-width limits a line")
    parser.add_switch(ignored, "--highlight-words", default=SUPPRESS, help="json has the time of each word")


def _decoder(options: Namespace) -> dict[str, Any]:
    """Returns the given options of the decoder, for a request."""
    given = {name: getattr(options, name) for name in DECODER.options(WHISPER) if hasattr(options, name)}
    if options.temperature is not None:
        given.setdefault("temperature_increment", _INCREMENT)  # a single temperature is only for the API
    return {name: value for name, value in given.items() if value is not None}


def _microphone(options: Namespace) -> str | None:
    """Returns the microphone that openai-whisper's `--device` names; None where it names what computes."""
    name = options.whisper_device
    return None if name and _COMPUTES.fullmatch(name) else name


def _note(options: Namespace) -> str:
    """Returns a sentence about options without effect; empty if there are none."""
    names = ["--device"] if options.whisper_device and not _microphone(options) else []
    names += [f"--{name.replace('_', '-')}" for name in _WITHOUT_EFFECT if hasattr(options, name)]
    if not names:
        return ""
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{listed} {'has' if len(names) == 1 else 'have'} no effect here."
