"""`listen`: writes down what is said in files, on standard input, or into the microphone."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD

from hushd.client import Client
from hushd.formats import FORMATS, render
from hushd.output_file import OutputFile

from . import console
from .arguments import Parser

if TYPE_CHECKING:
    from hushd.transcription import Transcription


def main(prog: str, argv: Sequence[str]) -> int:
    options = _parse(prog, argv)
    targets = _targets(options)
    status = 0
    with Client(holder="cli") as client:
        if not options.files:
            _hear_microphone(client, options)
        for name, target in zip(options.files, targets, strict=True):
            try:
                _hear_file(client, options, name, target)
            except HushdError as error:
                console.complain(prog, error.message)
                status = max(status, error.exit_code)
                if error.code == "cancelled" or (error.code == "output_failed" and target is None):
                    break  # the next file would fare no better
    return status


def _parse(prog: str, argv: Sequence[str]) -> Namespace:
    parser = Parser(prog, "Writes down what is said in FILEs, or into the microphone until the speaker stops.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="a sound file; - is standard input")
    parser.add_argument("--format", choices=tuple(FORMATS), default="txt", help="default: txt, a line a sentence")
    parser.add_argument("-o", "--output-dir", metavar="DIR", help="write DIR/NAME.FORMAT for every FILE")
    parser.add_argument("--language", help="such as en; default: what the engine hears")
    parser.add_worker_options()
    return parser.parse(argv, "files")


def _hear_file(client: Client, options: Namespace, name: str, target: str | None) -> None:
    bar = console.ProgressBar(os.path.basename(name), shown=target is not None or not os.isatty(1))
    try:
        transcription = client.transcribe_stream(
            _standard_input() if name == "-" else name,
            language=options.language,
            engine=options.engine,
            model=options.model,
            keep_alive=options.keep_alive,
            on_progress=bar.update,
        )
        _write(transcription, options.format, target)
    finally:
        bar.clear()


def _hear_microphone(client: Client, options: Namespace) -> None:
    worker = "/".join(part for part in ("stt", options.engine, options.model) if part)
    client.preload(worker, wait=False)  # it loads while the microphone opens
    from hushd.microphone import Microphone

    with client.floor("microphone", on_wait=console.note_wait) as floor, Microphone() as microphone:
        console.note("Listening.")
        transcription = client.listen(
            floor.while_held(microphone),
            rate=microphone.rate,
            language=options.language,
            engine=options.engine,
            model=options.model,
            keep_alive=options.keep_alive,
        )
        _write(transcription, options.format, _target(options, "microphone"))


def _write(transcription: Transcription, form: str, target: str | None) -> None:
    if target is None:
        for text in render(form, transcription):
            console.write(text)
    else:
        with OutputFile(target) as file:
            for text in render(form, transcription):
                file.write(text.encode())


def _standard_input() -> Iterator[bytes]:
    if os.isatty(0):
        raise HushdError(
            "bad_request", "Standard input is a terminal: send a sound file to it, as in `listen - < a.wav`."
        )
    return iter(lambda: os.read(0, MAX_PAYLOAD), b"")


def _targets(options: Namespace) -> list[str | None]:
    """The file each transcript goes to, None for standard output; no two may have the same."""
    targets = [_target(options, "stdin" if name == "-" else name) for name in options.files]
    seen: dict[str, str] = {}
    for name, target in zip(options.files, targets, strict=True):
        if target is not None and seen.setdefault(target, name) != name:
            raise HushdError("bad_request", f"{seen[target]!r} and {name!r} would both become {target!r}.")
    return targets


def _target(options: Namespace, name: str) -> str | None:
    if options.output_dir is None:
        return None
    try:
        os.makedirs(options.output_dir, exist_ok=True)
    except OSError as error:
        raise HushdError(
            "output_failed", f"The folder {options.output_dir!r} cannot be made ({error.strerror})."
        ) from error
    stem = os.path.splitext(os.path.basename(name))[0]
    return os.path.join(options.output_dir, f"{stem}.{options.format}")
