"""Speaks by any program, such as macOS's `say`, festival or a script.

Its models are the files `voices/NAME.toml` beside hushd's configuration (see docs/MODELS.md), with one or more voices
each. The program is started for each sentence, without a shell, in the worker's process group, and so dies with the
worker.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models.installation import document, extra_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.system import paths
from hushd_schema.kinds import Kind, choice, number, seconds, text, whole
from hushd_worker import command
from hushd_worker.command import RUN, CommandLine, CommandSpecError, files, remove, reported, run, sound_file

from hushd_worker_tts.engine import AudioChunk, EngineInfo, Model, Voice, greeting

if TYPE_CHECKING:
    from hushd_worker_tts.engine import Samples

_BLOCK = 2**20  # samples of all channels in one read


def _never_cancelled() -> None:
    """Does nothing, since outside a job there is nothing to cancel."""


class Command:
    """The engine. The abilities of a voice are those that its file declares."""

    economy = degraded = False
    check: Callable[[], None] = staticmethod(_never_cancelled)

    def __init__(self, model: str) -> None:
        self._model = model

    @classmethod
    def info(cls) -> EngineInfo:
        specs = _specs()
        models = tuple(
            Model(
                name,
                languages=tuple(dict.fromkeys(speaker.language for speaker in spec.speakers)) if spec else (),
                memory_mb=spec.memory_mb if spec else 0,
                embedded=False,
                installed=spec is not None and spec.line.find(_folder()) is not None,
            )
            for name, spec in specs.items()
        )
        voices = _voices(specs)
        default = "default" if "default" in specs or not specs else next(iter(specs))
        return EngineInfo(
            name="command",
            # Its code comes with hushd; without a file of the user it has no voice.
            installed=bool(specs),
            install=f"put a file voices/NAME.toml beside {paths.find().config}, as {document('MODELS.md')} describes",
            default_model=default,
            default_voice=next((voice.name for voice in voices if voice.model == default), ""),
            models=models,
            slowest=0.25,
            fastest=4.0,
            streaming=True,
        )

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return _voices(_specs())

    def load(self, report: Callable[[str], None]) -> None:
        _loaded(self._model)  # to report a mistake in it now
        self._wav = sound_file()
        try:
            import soundfile  # noqa: F401
        except (ImportError, OSError) as error:
            raise HushdError(
                "engine_missing", f"The engine command needs soundfile ({reason(error)}): {extra_command('tts')}."
            ) from error

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        if not any(c.isalnum() for c in text):
            return
        spec, program = _loaded(voice.model)  # the file may have changed
        speaker = next(speaker for speaker in spec.speakers if speaker.name == voice.name)
        samples, rate = _decoded(self._run(spec, program, text, speaker, speed), spec)
        if len(samples):
            yield AudioChunk(samples, rate)

    def _run(self, spec: CommandSpec, program: str, text: str, speaker: Speaker, speed: float) -> bytes:
        """Returns the program's sound for a text, not decoded."""
        arguments = spec.arguments(text, str(self._wav), speaker, speed)
        data = f"{text}\n".encode("utf-8", "replace") if spec.reads_input else b""
        try:
            with reported(spec.line.program, f"raise timeout in {spec.path}"):
                self._wav.unlink(missing_ok=True)
                printed = run([program, *arguments], data, spec.timeout, self.check)
                if spec.writes_file:
                    printed = self._wav.read_bytes() if self._wav.exists() else b""
        finally:
            remove(self._wav)
        if not printed:
            where = "into its file" if spec.writes_file else "on standard output"
            raise HushdError("worker_failed", f"The program {spec.line.program!r} produced no sound {where}.")
        return printed


def _decoded(data: bytes, spec: CommandSpec) -> tuple[Samples, int]:
    """Returns float samples, mono, and their rate."""
    import numpy as np
    import soundfile

    if spec.output == "raw":
        frame = 2 * spec.channels
        whole = np.frombuffer(data[: len(data) // frame * frame], "<i2").astype(np.float32) / np.float32(32768)
        samples, rate = whole.reshape(-1, spec.channels), spec.rate
    else:
        try:
            samples, rate = _read(data)
        except soundfile.LibsndfileError as error:
            raise HushdError(
                "worker_failed",
                f"The program {spec.line.program!r} did not produce a sound file ({error.error_string.rstrip('.')}).",
            ) from error
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono, int(rate)


def _read(data: bytes) -> tuple[Samples, int]:
    """Returns samples, frames by channels, and their rate. Reads blocks, since a damaged header may promise
    terabytes."""
    import numpy as np
    import soundfile

    with soundfile.SoundFile(io.BytesIO(data)) as file:
        frames = max(1, _BLOCK // file.channels)
        blocks = [np.zeros((0, file.channels), np.float32)]
        while len(block := file.read(frames, dtype="float32", always_2d=True)):
            blocks.append(block)
        return np.concatenate(blocks), int(file.samplerate)


# --- its files -------------------------------------------------------------------------------------------------------


def _folder() -> Path:
    return paths.find().config.parent / "voices"


def _voices(specs: Mapping[str, CommandSpec | None]) -> tuple[Voice, ...]:
    """Returns the voices of the valid files, then one named after each invalid file."""
    voices, wrong = [], []
    for name, spec in specs.items():
        if spec is None:
            wrong.append(Voice(name, language="", gender="", model=name, installed=False, sample="", wpm=1))
            continue
        installed = spec.line.find(_folder()) is not None
        voices += [
            Voice(
                name=speaker.name,
                language=speaker.language,
                gender=speaker.gender,
                model=name,
                installed=installed,
                sample=speaker.sample or greeting(speaker.language, speaker.name),
                wpm=spec.wpm,
            )
            for speaker in spec.speakers
        ]
    return (*voices, *wrong)


def _specs() -> dict[str, CommandSpec | None]:
    """Returns the files by name, None for an invalid one, which still is a model and a voice, so that its use reports
    the mistake."""
    if not _folder().is_dir():
        return {}
    specs: dict[str, CommandSpec | None] = {}
    for path in files(_folder()):
        try:
            specs[path.stem] = CommandSpec.read(path)
        except CommandSpecError:
            specs[path.stem] = None
    return specs


def _loaded(model: str) -> tuple[CommandSpec, str]:
    """Returns the content of a file and its program.

    Raises:
        HushdError: `model_missing` for an invalid file, `engine_missing` for a missing program.
    """
    path = _folder() / f"{model}.toml"
    try:
        spec = CommandSpec.read(path)
    except CommandSpecError as error:
        raise HushdError("model_missing", f"{path}: {error} (see {document('MODELS.md')}).") from error
    program = spec.line.find(path.parent)
    if program is None:
        raise HushdError("engine_missing", f"The program {spec.line.program!r} of {path} is not installed.")
    return spec, program


_PLACEHOLDERS = ("text", "wav", "voice", "language", "wpm", "speed", "stretch")
_KINDS = {
    "run": RUN,
    "language": text(),
    "gender": text(),
    "sample": text(),
    "voices": Kind(
        "tables: write [[voices]], and name and language below it",
        lambda value: isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value),
    ),
    "output": choice("sound", "raw"),
    "rate": whole(1000),
    "channels": whole(1),
    "wpm": number(10)._replace(make=round),
    "memory_mb": number(0)._replace(make=round),
    "timeout": seconds(0.1),
}
_VOICE_KINDS = {"name": text(), "id": text(), "language": text(), "gender": text(), "sample": text()}


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice of a program: `name` is hushd's, `id` the program's own."""

    name: str
    id: str
    language: str
    gender: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """The content of one file.

    Attributes:
        path: the file.
        line: the program and its arguments.
        speakers: its voices, at least one.
        output: `sound`, a file of any usual format, or `raw`, 16 bit samples.
        rate, channels: of raw samples.
        wpm: words per minute at its natural speed.
        memory_mb: an estimate, of the worker and the program together.
        timeout: the maximum seconds for one sentence.
    """

    path: Path
    line: CommandLine
    speakers: tuple[Speaker, ...]
    output: str = "sound"
    rate: int = 22050
    channels: int = 1
    wpm: int = 175
    memory_mb: int = 0
    timeout: float = 60.0

    @classmethod
    def read(cls, path: Path) -> CommandSpec:
        """Reads the file at `path`.

        Raises:
            CommandSpecError: the file does not exist, is not TOML, or has invalid values.
        """
        given = command.check(command.load(path), _KINDS)
        if "run" not in given:
            raise CommandSpecError('it needs run = ["program", "argument", …]')
        line = command.command_line(given["run"], _PLACEHOLDERS)
        if given.get("output") == "raw" and "rate" not in given:
            raise CommandSpecError("it needs rate = 22050, or the program's own, for output = 'raw'")
        if given.get("output") == "raw" and "wav" in line.placeholders:
            raise CommandSpecError("output = 'raw' is for standard output, and run has {wav}")
        speakers = _speakers(path.stem, given)
        return cls(path, line, speakers, **{key: given[key] for key in given.keys() & cls.__dataclass_fields__.keys()})

    @property
    def writes_file(self) -> bool:
        """True if it writes the sound to a file instead of standard output."""
        return "wav" in self.line.placeholders

    @property
    def reads_input(self) -> bool:
        """True if it reads the text from standard input instead of an argument."""
        return "text" not in self.line.placeholders

    def arguments(self, text: str, wav: str, speaker: Speaker, speed: float) -> list[str]:
        """Returns the program's arguments for `text`."""
        return self.line.arguments(
            {
                # A text must not be mistaken for an option.
                "text": f" {text}" if text.startswith("-") else text,
                "wav": wav,
                "voice": speaker.id,
                "language": speaker.language,
                "wpm": str(round(self.wpm * speed)),
                "speed": f"{speed:g}",
                "stretch": f"{1 / speed:g}",
            }
        )


def _speakers(name: str, given: Mapping[str, Any]) -> tuple[Speaker, ...]:
    """Returns the voices in `voices`, or the single voice of the file itself."""
    shared = {key: given[key] for key in ("language", "gender", "sample") if key in given}
    speakers = []
    for entry in given.get("voices", [{"name": name}]):
        voice = shared | command.check(entry, _VOICE_KINDS)
        if not voice.get("name"):
            raise CommandSpecError("a voice needs a name")
        if not voice.get("language"):
            raise CommandSpecError(f"it needs language = 'en-US', or the language of {voice['name']}")
        speakers.append(Speaker(**{"id": voice["name"]} | voice))
    return tuple(speakers)
