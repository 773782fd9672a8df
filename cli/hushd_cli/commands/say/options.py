"""The options of `say`, with the names of macOS's `say` and of speech-dispatcher's `spd-say`."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import cast

from hushd.transcripts.formats import transcript_format
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_protocol.names import TRANSCRIPTS, USUAL_VOICE, by_session
from hushd_protocol.system.output_file import check_folder
from hushd_schema.operations import synthesize as schema
from hushd_schema.operations.synthesize import SYNTHESIZE, SynthesizeOptions
from hushd_schema.sound_file import OTHERWISE, SOUND_FORMATS, sound_format

from hushd_cli.arguments import Parser, WideFormatter

_SOUNDS = ", ".join(SOUND_FORMATS)
_EPILOG = """\
Text typed into a terminal is spoken line by line. `-o -` writes to standard
output while the speech is made."""


_EXAMPLES = (
    ('say "The build is green."', "speak"),
    ('say -o hello.mp3 "Hello."', "write a sound file"),
    ("say -o dub.wav film.srt", "speak subtitles in their times"),
    ("say -v '?'", "list the voices"),
    ('say -l de "Guten Morgen."', "a voice for German"),
    ("say -l de --print -f letter.txt", "print the words of a text"),
    ("agent | say --markdown", "speak while the text is still written"),
)


def parse(prog: str, argv: Sequence[str]) -> Namespace:
    """Parses the command line; `text` are the words.
    Raises `bad_request` for options that make no sense, alone or together."""
    parser = make_parser(prog)
    options = parser.parse(argv, "text")
    if options.text == ["-"] and options.input_file is None:
        options.text, options.input_file = [], "-"
    _check(options)
    options.timeline = options.subtitles is not None
    return options


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Speak TEXT, or standard input while it is still being written.")
    parser.usage = "%(prog)s [OPTION…] [TEXT…]"
    parser.epilog = _EPILOG
    parser.examples = _EXAMPLES
    parser.formatter_class = WideFormatter
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="the text, after -- if it begins with a dash; - is standard input"
    )
    parser.add_argument("-f", "--input-file", metavar="FILE", help="read the text from FILE; - is standard input")
    _add_speaking(parser)
    _add_playing(parser)
    _add_file(parser)
    parser.add_worker_options()
    parser.set_defaults(warned=[])
    return parser


def synthesize_options(options: Namespace) -> SynthesizeOptions:
    """Returns the speech's options on the command line. For the loudspeaker, the player sets the volume."""
    chosen = {name: getattr(options, name) for name in SYNTHESIZE.fields if hasattr(options, name)}
    if options.output is None:
        chosen["volume"] = None
    del chosen["format"]  # set by the file or the player
    return cast(SynthesizeOptions, chosen | by_session(os.environ.get(USUAL_VOICE), vars(options)))


def _file_format(options: Namespace) -> str:
    """Returns the format of -o's file; `wav` if neither an option nor the name says it.
    Raises `bad_request` for an unknown extension."""
    if options.format:
        return str(options.format)
    target = options.output
    special = os.path.exists(target) and not os.path.isfile(target) and not os.path.isdir(target)
    # The name of a pipe or a device has no format.
    return "wav" if target == "-" or special else sound_format(target)


def _add_speaking(parser: Parser) -> None:
    group = parser.add_argument_group("speech")
    parser.add_fields(group, SYNTHESIZE, SYNTHESIZE.options(schema.VOICE))
    group.add_argument(
        "--markdown",
        dest="markup",
        action="store_const",
        const="markdown",
        help="the text is Markdown, as agents write it",
    )
    group.add_argument(
        "--print", action="store_true", help="print the words that would be spoken of each line, without a voice"
    )
    group.add_argument("--json", action="store_true", help="with -v '?' and other lists: print JSON, for programs")


def _add_playing(parser: Parser) -> None:
    group = parser.add_argument_group("speaking aloud")
    group.add_argument(
        "-a",
        "--audio-device",
        dest="device",
        metavar="NAME",
        help="the loudspeaker: its number, its name or the beginning of its name; '?' lists them",
    )
    group.add_argument(
        "-P",
        "--priority",
        choices=PRIORITIES,
        default="text",
        metavar="PRIORITY",
        help=f"{', '.join(PRIORITIES)}: the rank of this speech; the first two interrupt lower ones; default: text",
    )
    group.add_argument("--duck", action="store_true", help="turn other programs down meanwhile, and pause players")


def _add_file(parser: Parser) -> None:
    group = parser.add_argument_group("to a file")
    group.add_argument(
        "-o",
        "--output",
        "--output-file",
        dest="output",
        metavar="FILE",
        help=f"write a sound file in the format of its extension: {_SOUNDS}; - is a WAV on standard output",
    )
    group.add_argument(
        "--format",
        "--file-format",
        dest="format",
        type=_format,
        metavar="FORMAT",
        help="the file's format, whatever its extension",
    )
    group.add_argument("--timed", action="store_true", help="speak subtitles in their times, as -o FILE film.srt does")
    group.add_argument(
        "--subtitles",
        metavar="FILE",
        help=f"write what is spoken with its times, in the format of FILE's extension: {', '.join(TRANSCRIPTS)}",
    )
    macos = parser.add_rare_group("files as macOS's say has them")
    for name in SYNTHESIZE.options(schema.FILE):
        parser.add_fields(macos if name == "channels" else group, SYNTHESIZE, [name])


def _check(options: Namespace) -> None:
    if options.voice == "?" and options.text and options.language is None:
        options.language, options.text = " ".join(options.text), []
    if options.text and options.input_file is not None:
        raise HushdError("bad_request", "There are two texts: give either words or -f FILE.")
    if options.json and "?" not in (options.voice, options.device):
        raise HushdError("bad_request", "--json is for lists: give -v '?' or -a '?' too.")
    if options.print and (options.voice or options.output or options.device):
        raise HushdError("bad_request", "--print needs no voice, file or loudspeaker: give it -l LANGUAGE alone.")
    if options.subtitles:
        transcript_format(options.subtitles)
    aloud = options.output is None
    if not aloud:
        options.format = _file_format(options)
        check_folder(options.output)
    elif any(value is not None for value in (options.format, options.sample_rate, options.channels)):
        raise HushdError("bad_request", "--format, --sample-rate and --channels are for -o FILE.")
    if not aloud and options.device and options.device != "?":
        raise HushdError("bad_request", "-a is for speaking aloud, not for -o FILE.")


def _format(text: str) -> str:
    name = text.lower()
    form = OTHERWISE.get(name, name)
    if form not in SOUND_FORMATS:
        raise ArgumentTypeError(f"must be one of {_SOUNDS}, not {text!r}")
    return form
