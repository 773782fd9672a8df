"""`hushd wake`: waits for wake words, and prints or passes on the speech that follows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd_cli.arguments import Parser, value
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_schema.operations.transcribe import SPEECH_S, TRANSCRIBE
from hushd_worker_wake.operation import DETECT, Threshold

from .heard import wake

if TYPE_CHECKING:
    from .heard import Heard

WORD, TEXT = "HUSHD_WAKE_WORD", "HUSHD_WAKE_TEXT"  # the command's environment variables


def main(prog: str, argv: Sequence[str]) -> int:
    end = argv.index("--") if "--" in argv else len(argv)
    options = make_parser(prog).parse(argv[:end], "words")
    command = list(argv[end + 1 :])
    if end < len(argv) and not command:
        raise HushdError("bad_request", "A command must follow --.")
    DETECT.read({"words": options.words or None})  # checked before the microphone opens
    if command and not shutil.which(command[0]):
        raise HushdError("bad_request", f"{command[0]!r} cannot be started: there is no such program.")
    with Client(holder="wake") as client:
        if options.list:
            _list(client, json_wanted=options.json)
            return 0
        console.silence_libraries()
        try:
            _wait(client, options, command)
        except KeyboardInterrupt:  # the usual end
            pass
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Wait for wake words at the microphone, in 35 MB, and print each. With COMMAND, run it at each word: its "
        f"standard input and {TEXT} hold the speech after the word, {WORD} the word. Ctrl-C ends it; `hushd pause` "
        "closes the microphone.",
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help='such as "okay nabu"; COMMAND follows after --')
    parser.add_argument("--list", action="store_true", help="list the known words")
    parser.add_argument("--listen", action="store_true", help="also print the speech after the word")
    parser.add_argument(
        "--at-once", action="store_true", help="run COMMAND at the word, without listening to the speech after it"
    )
    parser.add_argument("--once", action="store_true", help="end after the first word")
    parser.add_argument(
        "--threshold",
        type=value(Threshold),
        metavar="P",
        help="the certainty required for a word, 0.01 to 0.999; default: the model's own",
    )
    parser.add_argument(
        "--waiting", metavar="ENGINE/NAME", help="the model that listens for words; default: the configured one"
    )
    parser.add_argument("--json", action="store_true", help="print an object a line, for programs")
    parser.add_argument(
        "-a", "--audio-device", dest="device", metavar="NAME", help="the microphone; `listen -a '?'` lists them"
    )
    text = parser.add_argument_group("the speech after the word")
    parser.add_fields(text, TRANSCRIBE, ["language"])
    parser.add_fields(text, TRANSCRIBE, ["silence_s"], TRANSCRIBE.defaults()["silence_s"])
    parser.add_fields(
        text, TRANSCRIBE, ["no_speech_s"], SPEECH_S, help="how long to wait for speech after the word; default: 5"
    )
    parser.add_worker_options()
    return parser


def _wait(client: Client, options: Namespace, command: Sequence[str]) -> None:
    listens = options.listen or (command and not options.at_once)

    waiting = wake(
        client,
        *options.words,
        device=options.device,
        on_wait=console.note_wait,
        model=options.waiting,
        threshold=options.threshold,
    )
    with waiting:
        console.note(f"Waiting for {' or '.join(options.words) or 'the word'}: Ctrl-C ends.")
        for heard in waiting:
            if heard.lost:
                continue  # said during the previous command, too long ago
            text = _text(client, heard, options) if listens else ""
            if command:
                _run(command, heard.word, text)
            else:
                _print(heard, text, options, listens=bool(listens))
            if options.once:
                break


def _text(client: Client, heard: Heard, options: Namespace) -> str:
    """Returns the speech after the word as text; empty if there is none."""
    with client.floor("microphone"):
        transcription = client.listen(
            heard.sound(),
            rate=heard.rate,
            silence_s=options.silence_s,
            no_speech_s=options.no_speech_s,
            engine=options.engine,
            model=options.model,
            keep_alive=options.keep_alive,
            language=options.language,
        )
        return heard.speech(transcription)


def _print(heard: Heard, text: str, options: Namespace, *, listens: bool) -> None:
    if options.json:
        line = {"word": heard.word, "name": heard.name, "probability": heard.probability}
        console.write(json.dumps(line | ({"text": text} if listens else {}), ensure_ascii=False) + "\n")
    else:
        console.write(f"{heard.word}: {text}\n" if listens else f"{heard.word}\n")


def _run(command: Sequence[str], word: str, text: str) -> None:
    """Runs the command to its end; reports a failure."""
    with os_errors_as("bad_request", f"{command[0]!r} cannot be started"):
        done = subprocess.run(
            command, input=f"{text}\n".encode(), env={**os.environ, WORD: word, TEXT: text}, stderr=console.errors()
        )
    if done.returncode:
        console.complain(f"{command[0]} failed with exit code {done.returncode}.")


def _list(client: Client, *, json_wanted: bool) -> None:
    """Prints the known words, or what to install."""
    engines = client.describe("wake").wake.engines
    if json_wanted:
        console.write_json([engine.data() for engine in engines])
        return
    if not any(engine.installed for engine in engines):
        raise HushdError("engine_missing", f"No engine here detects wake words: {engines[0].install}.")
    for engine in engines:
        if engine.installed:
            words = [
                f"{word.phrase.lower():20} {engine.name:10} {' '.join(word.languages)}".rstrip()
                for word in engine.words
            ]
            console.write("".join(f"{line}\n" for line in words))
