"""`hushd captions`: captions a loudspeaker, the microphone, or both, live."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hushd.audio.microphone import inputs
from hushd.client import Client
from hushd.dialogue.listener import cancels_echo
from hushd.transcripts.formats import TRANSCRIPT_FORMATS
from hushd.transcripts.transcript import Transcript
from hushd.transport.link import devices_link
from hushd_cli.arguments import Parser
from hushd_cli.commands.listen.command import choose_model
from hushd_cli.commands.listen.microphone import interrupt
from hushd_cli.listing import list_devices
from hushd_cli.terminal import console
from hushd_protocol import names
from hushd_protocol.errors import HushdError
from hushd_protocol.system.output_file import OutputFile, check_folder
from hushd_schema.operations.transcribe import TRANSCRIBE

from hushd_desktop.captions.captions import Captions
from hushd_desktop.captions.monitor import sinks
from hushd_desktop.captions.track import Line
from hushd_desktop.ducking.holder import Ducking

from .feeds import JsonLines, LiveFile, Terminal

if TYPE_CHECKING:
    from .feeds import Feed


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse(argv, "words")
    _check(options)
    if "?" in (options.sink, options.device):
        _list(options)
        return 0
    _check_echo(options)
    console.silence_libraries()
    lines: list[Line] = []
    with ExitStack() as stack:
        feeds = _feeds(options, stack)
        if options.microphone and options.duck:
            stack.enter_context(Ducking())
        client = stack.enter_context(Client(holder="captions"))
        captions = stack.enter_context(_captions(client, options))
        console.note("Ctrl-C ends.")
        try:
            _show(captions, feeds, lines)
        finally:
            if options.output:
                _save(options, lines, captions.language)
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog, "Caption whatever this machine plays: a line a sentence, until Ctrl-C. The sound is not kept."
    )
    source = parser.add_argument_group("source")
    source.add_argument(
        "--sink", metavar="NAME", help="the loudspeaker to caption; '?' lists them; default: the default one"
    )
    which = source.add_mutually_exclusive_group()
    which.add_argument("--microphone", action="store_true", help="caption the microphone instead")
    which.add_argument(
        "--both", action="store_true", help="caption both: `them:` is the loudspeaker, `me:` the microphone"
    )
    source.add_argument("-a", "--audio-device", dest="device", metavar="NAME", help="this microphone; '?' lists them")
    parser.add_no_duck(source)
    source.add_argument(
        "--headphones", action="store_true", help="with --both: the microphone cannot hear the loudspeaker"
    )
    outputs = parser.add_argument_group("outputs")
    outputs.add_argument("--json", action="store_true", help="print events as lines of JSON, for programs")
    outputs.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"write all captions at the end; the ending of FILE says how: {', '.join(TRANSCRIPT_FORMATS)}",
    )
    outputs.add_argument("--live", metavar="FILE", help="keep the current caption in FILE, for OBS's text from a file")
    text = parser.add_argument_group("transcription")
    parser.add_fields(text, TRANSCRIBE, ["language"])
    text.add_argument("--translate", action="store_true", help="translate into English, with engines that can")
    parser.add_fields(text, TRANSCRIBE, ["hotwords", "silence_s"])
    parser.add_worker_options()
    parser.set_defaults(words=[])
    return parser


def _check(options: Namespace) -> None:
    if options.words:
        raise HushdError("bad_request", f"`hushd captions` takes no {options.words[0]!r}: `listen FILE` reads files.")
    if options.microphone and options.sink:
        raise HushdError("bad_request", "--sink names a loudspeaker: give --both instead of --microphone.")
    if options.device and not (options.microphone or options.both or options.device == "?"):
        raise HushdError("bad_request", "--audio-device names a microphone: give --microphone or --both too.")
    if options.microphone or options.both:
        _check_microphone()
    if options.headphones and not options.both:
        raise HushdError("bad_request", "--headphones is for --both.")
    if options.output:
        _check_output(options.output)


def _check_microphone() -> None:
    """Refuses an attached machine's microphone, which is silent without the floor."""
    if devices_link("cli"):
        raise HushdError(
            "unsupported",
            "The microphone belongs to an attached machine, which lends it only to `listen`, `talk` and `wake`: run "
            "`hushd captions` there, or set HUSHD_DEVICES=here to use this machine's own.",
        )


def _check_echo(options: Namespace) -> None:
    """Refuses a microphone beside a loudspeaker that it hears."""
    if options.both and not options.headphones and not cancels_echo(options.device):
        raise HushdError(
            "bad_request",
            "--both needs --headphones, or a microphone whose echo the sound server cancels: another one hears the "
            "loudspeaker too.",
        )


def _check_output(file: str) -> None:
    if _format(file) not in TRANSCRIPT_FORMATS:
        known = ", ".join(f".{form}" for form in TRANSCRIPT_FORMATS)
        raise HushdError("bad_request", f"{file!r} has no known ending: end it with one of {known}.")
    check_folder(file)


def _format(file: str) -> str:
    return os.path.splitext(file)[1][1:].lower()


def _list(options: Namespace) -> None:
    if options.sink == "?":
        list_devices(sinks())
    else:
        list_devices(inputs())


def _feeds(options: Namespace, stack: ExitStack) -> list[Feed]:
    feeds: list[Feed] = [JsonLines() if options.json else Terminal(options.both)]
    if options.live:
        feeds.append(LiveFile(options.live))
    for feed in feeds:
        stack.enter_context(closing(feed))
    return feeds


def _captions(client: Client, options: Namespace) -> Captions:
    choose_model(client, options, "fast", options.translate)
    client.preload(names.worker("stt", options.engine, options.model), wait=False)  # loads meanwhile

    listening: dict[str, Any] = {
        "language": options.language,
        "task": "translate" if options.translate else None,
        "hotwords": options.hotwords,
        "silence_s": options.silence_s,
        "engine": options.engine,
        "model": options.model,
        "keep_alive": options.keep_alive,
    }
    return Captions(
        client,
        plays=not options.microphone,
        speaks=options.microphone or options.both,
        sink=options.sink,
        device=options.device,
        **{name: value for name, value in listening.items() if value is not None},
    )


def _show(captions: Captions, feeds: Sequence[Feed], lines: list[Line]) -> None:
    with interrupt(captions.stop):
        for event in captions:
            if isinstance(event, Line):
                lines.append(event)
            for feed in feeds:
                feed.show(event)


def _save(options: Namespace, captions: Sequence[Line], language: str) -> None:
    """Writes the captions so far, also after an error."""
    ordered = sorted((line.segment for line in captions), key=lambda segment: segment.start)
    lines = tuple(
        replace(segment, id=number, speaker=segment.speaker if options.both else "")
        for number, segment in enumerate(ordered)
    )
    text = Transcript(lines, language).render(_format(options.output))
    with OutputFile(options.output) as output:
        output.write(text.encode())
