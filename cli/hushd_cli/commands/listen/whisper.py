"""openai-whisper's options that `listen` does not share: its decoder's, and options without effect here."""

from __future__ import annotations

import re
from argparse import SUPPRESS, Namespace
from typing import Any

from hushd_schema.operations.decoder import DECODER, WHISPER

from hushd_cli.arguments import Parser

_DEVICE = re.compile(r"cpu|mps|rocm|hip|vulkan|(cuda|gpu)(:\d{1,2})?", re.IGNORECASE)
_OTHER_NAMES = {"gpu": "cuda", "hip": "rocm"}
_INCREMENT = 0.2  # openai-whisper's value, if --temperature is given
_LAYOUT = ("max_line_width", "max_line_count", "max_words_per_line")
_WITHOUT_EFFECT = ("fp16", "verbose", "model_dir", *_LAYOUT, "highlight_words")


def add_options(parser: Parser) -> None:
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
        help="as --compute-device; any other name is a microphone's",
    )
    ignored = parser.add_rare_group("accepted from openai-whisper's command lines, without effect here")
    parser.add_switch(ignored, "--fp16", default=SUPPRESS, help="the configuration sets the precision")
    parser.add_switch(ignored, "--verbose", default=SUPPRESS, help="the progress shown does not depend on it")
    ignored.add_argument("--model-dir", default=SUPPRESS, metavar="DIR", help="docs/MODELS.md says where models lie")
    for name in _LAYOUT:
        flag = f"--{name.replace('_', '-')}"
        ignored.add_argument(flag, default=SUPPRESS, metavar="N", help="subtitles have two lines of 42 characters")
    parser.add_switch(ignored, "--highlight-words", default=SUPPRESS, help="json has the time of each word")


def compute_device(name: str | None) -> str | None:
    """Returns the compute device of `--device NAME`, as in openai-whisper; None if it names a microphone."""
    if name is None or not (match := _DEVICE.fullmatch(name)):
        return None
    kind, number = (match[1] or name).lower(), match[2] or ""
    return _OTHER_NAMES.get(kind, kind) + number


def decoder(options: Namespace) -> dict[str, Any]:
    """Returns the given options of the decoder, for a request."""
    given = {name: getattr(options, name) for name in DECODER.options(WHISPER) if hasattr(options, name)}
    if options.temperature is not None:
        given.setdefault("temperature_increment", _INCREMENT)  # a single temperature is only for the API
    return {name: value for name, value in given.items() if value is not None}


def note(options: Namespace) -> str:
    """Returns a sentence about options without effect; empty if there are none."""
    names = [f"--{name.replace('_', '-')}" for name in _WITHOUT_EFFECT if hasattr(options, name)]
    if not names:
        return ""
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{listed} {'has' if len(names) == 1 else 'have'} no effect here."
