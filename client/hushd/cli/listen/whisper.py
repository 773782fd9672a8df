"""openai-whisper's options besides those that `listen` shares with it: its decoder's, and those without effect here."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from hushd.cli.arguments import Parser, number, or_none, positive, whole

OFF = "off"  # of a threshold on the wire; None on the command line
_DEVICE = re.compile(r"cpu|mps|(cuda|gpu|hip)(:\d{1,2})?", re.IGNORECASE)  # ROCm's cards are `cuda` to torch, too
_INCREMENT = 0.2  # openai-whisper's, where --temperature is given


def _count(text: str) -> int:
    return or_none(whole(1, 100))(text) or 1


def _threshold(read: Callable[[str], float]) -> Callable[[str], float | str]:
    return lambda text: OFF if text == "None" else read(text)


def _tokens(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ArgumentTypeError(f"must be numbers with commas between them, not {text!r}") from None


_USED: tuple[tuple[str, str, Callable[[str], Any], str], ...] = (  # option, name on the wire, reader, help
    ("--best-of", "best_of", _count, "texts to sample when the temperature is not 0"),
    ("--patience", "patience", positive, "how long the beam search goes on; 1 is usual"),
    ("--length-penalty", "length_penalty", number(0, 1), "how much longer texts are preferred"),
    ("--suppress-tokens", "suppress_tokens", _tokens, "tokens to leave out, by comma; -1: symbols"),
    (
        "--temperature-increment-on-fallback",
        "temperature_increment",
        _threshold(number(0.01, 1)),
        "added to the temperature while the text is doubtful; None: try once",
    ),
    (
        "--compression-ratio-threshold",
        "compression_ratio_threshold",
        _threshold(number(0, 1000)),
        "text that repeats itself more is doubtful; default: 2.4",
    ),
    (
        "--logprob-threshold",
        "logprob_threshold",
        _threshold(number(-1000, 0)),
        "text that is less likely is doubtful; default: -1",
    ),
    (
        "--no-speech-threshold",
        "no_speech_threshold",
        _threshold(number(0, 1)),
        "above it doubtful text counts as silence; default: 0.6",
    ),
    ("--prepend-punctuations", "prepend_punctuations", str, "marks that belong to the next word"),
    ("--append-punctuations", "append_punctuations", str, "marks that belong to the word before"),
    (
        "--hallucination-silence-threshold",
        "hallucination_silence_threshold",
        or_none(number(0, 3600)),
        "with word times: skip longer silence around doubtful words",
    ),
    ("--threads", "threads", whole(0, 1024), "cores to use; default: the configuration's"),
)
_SWITCHES = (
    ("--condition-on-previous-text", "give each piece the text before it; default: False"),
    ("--carry-initial-prompt", "give every piece the initial prompt, not only the first; default: True"),
)
_WITHOUT_EFFECT = ("fp16", "verbose", "model_dir")


def add_options(parser: Parser) -> None:
    """Adds the options of Whisper's decoder, and those that are accepted and have no effect."""
    group = parser.add_argument_group(
        "Whisper's decoder", "Used by the engines whisper and faster-whisper; others do without, and listen says so."
    )
    for option, name, read, does in _USED:
        group.add_argument(option, dest=name, type=read, default=SUPPRESS, metavar="X", help=does)
    for option, does in _SWITCHES:
        parser.add_switch(group, option, default=SUPPRESS, help=does)
    ignored = parser.add_argument_group("accepted from openai-whisper's command lines, without effect here")
    parser.add_switch(ignored, "--fp16", default=SUPPRESS, help="the precision is the configuration's")
    parser.add_switch(
        ignored, "--verbose", default=SUPPRESS, help="what is shown of the progress does not depend on it"
    )
    ignored.add_argument("--model-dir", default=SUPPRESS, metavar="DIR", help="`hushd models import` takes models over")


def compute_device(name: str | None) -> str | None:
    """The device that `--device NAME` has compute, as with openai-whisper; None where it means a microphone."""
    if name is None or not (match := _DEVICE.fullmatch(name)):
        return None
    return name.lower() if not match[1] else f"cuda{match[2] or ''}"


def decoder(options: Namespace) -> dict[str, Any]:
    """The decoder's options that were given, as a request carries them."""
    names = [name for _, name, _, _ in _USED] + [option[2:].replace("-", "_") for option, _ in _SWITCHES]
    given = {name: getattr(options, name) for name in names if hasattr(options, name)}
    if options.temperature is not None:
        given.setdefault("temperature_increment", _INCREMENT)  # one temperature and no other is for the API
    return {name: value for name, value in given.items() if value is not None}


def note(options: Namespace) -> str:
    """A sentence about the options that have no effect; empty where there are none."""
    names = [f"--{name.replace('_', '-')}" for name in _WITHOUT_EFFECT if hasattr(options, name)]
    if not names:
        return ""
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{listed} {'has' if len(names) == 1 else 'have'} no effect here."
