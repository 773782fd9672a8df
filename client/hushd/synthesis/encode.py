"""Raw speech as a sound file of another kind, encoded here: for programs that decide on the format afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError, reason
from hushd_schema.sound_file import SOUNDFILE

if TYPE_CHECKING:
    from hushd_protocol.system.output_file import OutputFile


class Encoder:
    """Writes s16le samples to `file` in the format `form`; a context manager.

    Raises:
        HushdError: `bad_request` when soundfile is not installed, or it cannot write the format or this rate;
            `output_failed` when the file cannot be written.
    """

    def __init__(self, file: OutputFile, form: str, rate: int, channels: int) -> None:
        instead = f"ask for it with synthesize(..., format={form!r})"
        if form not in SOUNDFILE:
            raise HushdError("bad_request", f"Raw speech is not saved as {form}: {instead}.")
        try:
            import soundfile
        except (ImportError, OSError) as error:  # OSError: the package is there and libsndfile is not
            raise HushdError(
                "bad_request", f"To save raw speech as {form}, {instead}, or install soundfile ({reason(error)})."
            ) from error
        container, coding = SOUNDFILE[form]
        self._target = _Target(file)
        try:
            self._sound = soundfile.SoundFile(self._target, "w", rate, channels, coding, format=container)
        except soundfile.SoundFileError as error:
            raise HushdError(
                "bad_request", f"A {form} file cannot have {rate} samples a second: {instead}, which resamples."
            ) from error

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._sound.close()
        if kind is None:
            self._target.check()

    def write(self, samples: bytes) -> None:
        """Adds samples."""
        self._sound.buffer_write(samples, "int16")
        self._target.check()


class _Target:
    """An `OutputFile` as libsndfile writes one, going back to correct the header."""

    def __init__(self, file: OutputFile) -> None:
        self._file = file
        self._position = 0
        self._error: Exception | None = None

    def write(self, data: Any) -> int:
        """Called from C, where an exception would be lost: `check` raises it."""
        try:
            self._file.write(bytes(data), self._position)
        except Exception as error:
            self._error = error
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = (0, self._position, self._file.size)[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def check(self) -> None:
        """Raises what a write has raised."""
        if self._error is not None:
            raise self._error
