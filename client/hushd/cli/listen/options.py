"""The options of `listen`. Where they mean what openai-whisper's mean, they have its names."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from hushd_protocol.errors import HushdError

from hushd.cli.arguments import Parser, or_none, positive, whole
from hushd.transcripts.formats import FORMATS
from hushd.transcripts.options import TranscribeOptions

if TYPE_CHECKING:
    from hushd.transcripts.cues import Layout

ALL = "all"  # of the formats
_LAYOUT = ("max_line_width", "max_line_count", "max_words_per_line", "highlight_words")

_TIMEOUT = "how long nobody may speak: then it fails, by default after 30, or with --continuous ends, by default never"

_EPILOG = """\
Underscores are as good as dashes: --word_timestamps is --word-timestamps.

Subtitles (vtt, srt) come in cues of at most two lines of 42 characters and
seven seconds. With a layout option the rules are openai-whisper's instead, and
--max-line-width None alone leaves segments whole, as whisper does by itself."""


def parse(prog: str, argv: Sequence[str]) -> Namespace:
    """The arguments; `files` are the recordings.

    Raises:
        HushdError: `bad_request` for what makes no sense.
    """
    parser = Parser(prog, "Writes down what is said in FILEs, or into the microphone until the speaker stops.")
    parser.usage = "%(prog)s [OPTION…] [FILE…]"
    parser.epilog = _EPILOG
    parser.formatter_class = partial(argparse.RawDescriptionHelpFormatter, max_help_position=30)
    parser.add_argument("files", nargs="*", metavar="FILE", help="a sound file or a video; - is standard input")
    _add_output(parser)
    _add_hearing(parser)
    _add_cutting(parser)
    _add_microphone(parser)
    parser.add_worker_options()
    options = parser.parse(argv, "files", files=True)
    options.diarize |= options.speakers is not None
    if options.resume and not options.files:
        raise HushdError("bad_request", "--resume goes on with a recording: name its FILE.")
    if options.files and (options.once or options.continuous or options.timeout or options.device):
        raise HushdError(
            "bad_request", "--once, --continuous, --timeout and --device are for the microphone, not FILE."
        )
    if options.files.count("-") > 1:
        raise HushdError("bad_request", "Standard input can be read once only: give - once.")
    if options.resume and options.diarize:
        raise HushdError("bad_request", "Speakers are told apart in whole recordings only: leave out --resume.")
    return options


def hearing(options: Namespace) -> TranscribeOptions:
    """What the options ask of a transcription."""
    wanted = {name: getattr(options, name) for name in TranscribeOptions.__annotations__ if hasattr(options, name)}
    if any(getattr(options, name, None) for name in _LAYOUT):
        wanted["word_times"] = True  # they are for words, as exactly as these are known
    return cast(TranscribeOptions, wanted)


def layout(options: Namespace) -> Layout | None:
    """How subtitles are to be laid out; None: nothing was said of it."""
    given = {name: getattr(options, name) for name in _LAYOUT if hasattr(options, name)}
    if not given:
        return None
    from hushd.transcripts.cues import Layout  # for subtitles only

    return Layout(**given)


def _add_output(parser: Parser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-f",
        "--output-format",
        "--format",
        dest="format",
        choices=(*FORMATS, ALL),
        default="txt",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} or {ALL} of them in files; default: txt, a line a sentence",
    )
    group.add_argument(
        "-o", "--output-dir", metavar="DIR", help=f"write DIR/NAME.FORMAT for every FILE; default with {ALL}: here"
    )
    group.add_argument(
        "--resume", action="store_true", help="go on where the same command was interrupted (see docs/LISTEN.md)"
    )
    group = parser.add_argument_group("layout of subtitles")
    unset: Any = argparse.SUPPRESS
    group.add_argument(
        "--max-line-width", type=_count, default=unset, metavar="N", help="characters in a line; None: no limit"
    )
    group.add_argument("--max-line-count", type=_count, default=unset, metavar="N", help="lines in a cue")
    group.add_argument("--max-words-per-line", type=_count, default=unset, metavar="N", help="words in a cue")
    parser.add_switch(group, "--highlight-words", default=unset, help="underline each word as it is spoken")


def _add_hearing(parser: Parser) -> None:
    group = parser.add_argument_group("what is heard")
    group.add_argument("--language", metavar="NAME", help="what is spoken: en, English; default: the engine finds out")
    group.add_argument(
        "--speed",
        choices=("fast", "medium", "slow"),
        help="with --model auto: how slow the model may be; default: medium, at the microphone fast",
    )
    group.add_argument("--task", choices=("transcribe", "translate"), help="translate: into English, if the engine can")
    group.add_argument(
        "--initial-prompt", dest="prompt", metavar="TEXT", help="text that came before, for names and style"
    )
    group.add_argument("--hotwords", metavar="WORDS", help="words to expect, separated by commas")
    group.add_argument("--beam-size", type=_count, metavar="N", help="how many texts are followed at once")
    group.add_argument("--temperature", type=float, metavar="T", help="0, the likeliest text, to 1, the freest")
    parser.add_switch(
        group,
        "--word-timestamps",
        dest="word_times",
        default=False,
        help="ask when each word was said, for json and for exact subtitles",
    )
    parser.add_switch(group, "--diarize", default=False, help="say who speaks: SPEAKER_00, SPEAKER_01, …")
    group.add_argument(
        "--speakers", type=_count, metavar="N", help="how many people speak, where that is known; and --diarize"
    )


def _add_microphone(parser: Parser) -> None:
    group = parser.add_argument_group("the microphone")
    once = group.add_mutually_exclusive_group()
    once.add_argument("--once", action="store_true", help="end when the speaker stops, which is the default")
    once.add_argument("--continuous", action="store_true", help="line after line until Ctrl-C, which ends with code 0")
    group.add_argument("--timeout", type=positive, metavar="SECONDS", help=_TIMEOUT)
    group.add_argument(
        "--silence", type=positive, default=0.8, metavar="SECONDS", help="the quiet that ends a line; default: 0.8"
    )
    group.add_argument("--device", metavar="NAME", help="its number, name or how that begins; '?' lists them")


def _add_cutting(parser: Parser) -> None:
    group = parser.add_argument_group("where speech is cut")
    for option, name, text in (
        ("--min-silence", "min_silence_s", "the quiet that ends a segment"),
        ("--speech-pad", "speech_pad_s", "the quiet kept around speech"),
        ("--max-segment", "max_segment_s", "how long a segment may become where nobody pauses"),
    ):
        group.add_argument(option, dest=name, type=positive, metavar="SECONDS", help=text)


def _count(text: str) -> int | None:
    """A number from 1 on, or None, which openai-whisper's command also takes 0 for."""
    return or_none(whole(0))(text) or None
