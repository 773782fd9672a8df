"""`hushd people`: the people whom hushd recognises by voice, with their consent."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd.reports.display import Column, laid_out
from hushd_models import consent
from hushd_models.people import PeopleFolder, Person, now
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES, wav_header
from hushd_schema.voiceprint import is_label

from hushd_cli.arguments import Parser
from hushd_cli.known_people import known
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.transcripts.transcript import Transcript

MAX_S = 60.0  # the longest recording
MAX_BYTES = 16 * 1024 * 1024  # more than a minute of 48 kHz in stereo
MIN_SPEECH_S = 3.0  # the least speech for a voiceprint
_PAUSE_S = 2.0  # of silence that ends a recording: people take a breath between two sentences
_PATIENCE_S = 30.0


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options, further_args = parser.parse_known_args(argv)
    # argparse misses a FILE after an option.
    if getattr(options, "file", "") is None and len(further_args) == 1 and not further_args[0].startswith("-"):
        options.file = further_args.pop()
    if further_args:
        parser.error(f"Unrecognized arguments: {' '.join(further_args)}")
    people = PeopleFolder()
    if options.command is None:
        parser.print_help()
    elif options.command == "add":
        _add(people, options)
    elif options.command == "list":
        _list(people, options.json)
    elif options.command == "show":
        _show(people, people.find(options.name), options.json)
    else:
        files = people.forget(options.name)
        console.note(
            f"{options.name} is forgotten: {', '.join(files) or 'nothing'} removed, with voiceprint and consent."
        )
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Manage the people whom hushd recognises by voice: `listen --diarize` and live captions then show their "
        "names instead of SPEAKER_00. Each person has consented aloud, in a recording that is kept as proof.",
    )
    commands = parser.add_commands()
    added = commands.add("add", "learn a voice from a recording in which its owner says the consent sentence")
    added.add_argument("name", metavar="NAME", help="the person's name, as transcripts show it")
    added.add_argument("file", nargs="?", metavar="FILE", help="the recording; without it the sentence is printed")
    added.add_argument("--microphone", action="store_true", help="record now")
    added.add_argument("--audio-device", dest="device", metavar="NAME", help="the microphone; '?' lists them")
    added.add_argument(
        "--imitation", action="store_true", help="ask for a second sentence, which allows engines to imitate the voice"
    )
    added.add_argument(
        "--language",
        default="en",
        metavar="TAG",
        help=f"the language of the sentence: {', '.join(consent.SENTENCES)}; default: en",
    )
    added.add_worker_options()
    listed = commands.add("list", "list the people")
    listed.add_argument("--json", action="store_true", help="print JSON, for programs")
    shown = commands.add("show", "show a person's data and consent")
    shown.add_argument("name", metavar="NAME")
    shown.add_argument("--json", action="store_true", help="print JSON, for programs")
    forgotten = commands.add("forget", "delete all data of a person")
    forgotten.add_argument("name", metavar="NAME")
    return parser


# --- add --------------------------------------------------------------------------------------------------------------


def _add(people: PeopleFolder, options: Namespace) -> None:
    if options.device == "?":
        from hushd.audio.microphone import inputs

        from hushd_cli.listing import list_devices

        return list_devices(inputs())
    if options.device and not options.microphone:
        raise HushdError("bad_request", "--audio-device names the microphone: give --microphone too.")
    if options.file and options.microphone:
        raise HushdError("bad_request", "Give FILE or --microphone, not both.")
    name = people.check_new(options.name)
    sentence = " ".join(consent.sentences(options.language, imitation=options.imitation))
    if not (options.file or options.microphone):
        console.write(f"{sentence}\n")
        console.note(
            f"Record {name} saying this, then run `hushd people add {name} FILE`; or give --microphone to record now."
        )
        return None
    with Client(holder="cli", compute_device=options.compute_device) as client:
        recording, suffix = _recorded(client, options, name, sentence) if options.microphone else _read(options.file)
        transcript = _transcribed(client, recording, options)
    _check(transcript, name, options)
    people.add(
        Person(
            name=name,
            voiceprint=transcript.voices[0].voiceprint,
            sentence=sentence,
            recognised=transcript.text,
            language=options.language,
            imitation=options.imitation,
            added=now(),
            recording=f"consent{suffix}",
        ),
        recording,
    )
    console.note(f"{name} is known now, from {transcript.voices[0].seconds:.0f} s of speech.")
    return None


def _read(file: str) -> tuple[bytes, str]:
    """Returns a recording's bytes, and the suffix of its name."""
    try:
        with open(file, "rb") as source:
            data = source.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise HushdError("input_unreadable", f"{file!r} cannot be read ({why}).") from error
    if len(data) > MAX_BYTES:
        raise HushdError("bad_request", f"{file!r} is larger than {MAX_BYTES >> 20} MiB: a minute of speech is enough.")
    suffix = os.path.splitext(file)[1].lower()
    return data, suffix if suffix in SUFFIXES else ""


def _recorded(client: Client, options: Namespace, name: str, sentence: str) -> tuple[bytes, str]:
    """Records until the speaker stops; returns a WAV file."""
    client.preload("/".join(filter(None, ("stt", options.engine, options.model))), wait=False)
    console.silence_libraries()
    from hushd.audio.microphone import Microphone

    samples = bytearray()
    with (
        client.floor("microphone", on_wait=console.note_wait) as floor,
        Microphone(options.device) as microphone,
    ):
        console.note(f"{name}, say this if you agree, and stay silent if not:\n  {sentence}")

        def heard() -> Iterator[bytes]:
            for chunk in floor.while_held(microphone):
                samples.extend(chunk)
                if len(samples) > 2 * MAX_S * microphone.rate:
                    return
                yield chunk

        client.listen(
            heard(),
            rate=microphone.rate,
            silence_s=_PAUSE_S,
            no_speech_s=_PATIENCE_S,
            engine=options.engine,
            model=options.model,
            language=options.language,
        ).transcript()
        recorded = bytes(samples)
        return wav_header(microphone.rate, len(recorded)) + recorded, ".wav"


def _transcribed(client: Client, recording: bytes, options: Namespace) -> Transcript:
    return client.transcribe(
        recording,
        engine=options.engine,
        model=options.model,
        language=options.language,
        keep_alive=options.keep_alive,
        diarize=True,
        voiceprints=True,
        people=known(),
    )


def _check(transcript: Transcript, name: str, options: Namespace) -> None:
    """Raises `bad_request` unless the recording is long enough and of one new person, who consents."""
    if transcript.duration > MAX_S:
        raise HushdError(
            "bad_request", f"The recording is {transcript.duration:.0f} s long: {MAX_S:.0f} s is the limit."
        )
    consent.check(options.language, transcript.text, imitation=options.imitation)
    if len(transcript.voices) != 1:
        raise HushdError(
            "bad_request", f"{len(transcript.voices)} voices are in the recording: {name} must speak alone."
        )
    (voice,) = transcript.voices
    if not is_label(voice.speaker):
        raise HushdError("bad_request", f"This is the voice of {voice.speaker}, who is known already.")
    if voice.seconds < MIN_SPEECH_S:
        raise HushdError(
            "bad_request",
            f"The recording has {voice.seconds:.1f} s of speech: at least {MIN_SPEECH_S:.0f} s are needed.",
        )


# --- list, show -------------------------------------------------------------------------------------------------------


def _list(folder: PeopleFolder, as_json: bool) -> None:
    people, damaged = folder.every()
    rows = [_row(folder, person) for person in people]
    if as_json:
        console.write_json({"people": rows})
    elif rows:
        console.write("\n".join([*laid_out(_COLUMNS, rows, console.width()), ""]))
    elif not damaged:
        console.note("No person is known yet; `hushd people add NAME` shows how to add one.")
    for sentence in damaged:
        console.complain(sentence)


def _show(folder: PeopleFolder, person: Person, as_json: bool) -> None:
    row = _row(folder, person)
    if as_json:
        return console.write_json(row)
    console.write("".join(f"{key + ':':<13}{value}\n" for key, value in row.items()))
    return None


def _row(folder: PeopleFolder, person: Person) -> JsonObject:
    """Returns the record of a person, without the voiceprint."""
    return {
        "name": person.name,
        "added": time.strftime("%Y-%m-%d %H:%M", time.localtime(person.added)),
        "imitation": "agreed" if person.imitation else "not agreed",
        "sentence": person.sentence,
        "recognised": person.recognised,
        "language": person.language,
        "recording": str(folder.recording(person)),
    }


_COLUMNS: tuple[Column[JsonObject], ...] = (
    Column("NAME", lambda row: str(row["name"]), left=True),
    Column("ADDED", lambda row: str(row["added"]), left=True),
    Column("IMITATION", lambda row: str(row["imitation"]), left=True),
    Column("RECORDING", lambda row: str(row["recording"]), left=True),
)
