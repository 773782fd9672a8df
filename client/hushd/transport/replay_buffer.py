"""Pieces of an input that can be read only once, kept to be sent again."""

from __future__ import annotations

from hushd_protocol.errors import HushdError

REPLAY_BYTES = 8 * 1024 * 1024  # bytes of a stream kept to be sent again: four minutes of 16 kHz mono


class ForgottenError(HushdError):
    """A part of the input that was to be sent again is no longer kept."""

    def __init__(self) -> None:
        super().__init__("worker_crashed", "The request was lost, and its input has grown too long to send again.")


class ReplayBuffer:
    """The pieces read of an iterable, kept up to a size, so that they can be sent again."""

    def __init__(self, room: int = REPLAY_BYTES) -> None:
        self._pieces: list[bytes] = []
        self._room = room
        self._count = 0  # pieces read, kept or not
        self._failure: BaseException | None = None

    @property
    def whole(self) -> bool:
        """True if all pieces are still there."""
        return self._room >= 0

    def has(self, position: int) -> bool:
        """Returns whether `at` returns a piece."""
        return position < len(self._pieces)

    def at(self, position: int) -> bytes | None:
        """Returns a kept piece; None when the next one is to be read for it.

        Raises:
            BaseException: the error of the iterable.
            ForgottenError: the piece is no longer there.
        """
        if self.has(position):
            return self._pieces[position]
        if position != self._count:
            raise ForgottenError
        if self._failure is not None:
            raise self._failure
        return None

    def add(self, piece: bytes | None) -> bytes | None:
        """Adds the next piece, None at the end, and returns it.

        Raises:
            HushdError: `bad_request` when it is not bytes.
        """
        if piece is None:
            return None
        if not isinstance(piece, bytes | bytearray | memoryview):
            self.fail(error := _no_bytes(piece))
            raise error
        self._count += 1
        self._room -= len(piece)
        if self.whole:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
        return piece

    def fail(self, error: BaseException) -> None:
        """Keeps the error of the iterable, which `at` raises from now on."""
        self._failure = error


def _no_bytes(piece: object) -> HushdError:
    kind = type(piece).__name__
    return HushdError(
        "bad_request",
        f"The input is an iterable of {kind}, not of bytes: give transcribe one array of all samples and its rate=, "
        "or the bytes of int16 samples.",
    )
