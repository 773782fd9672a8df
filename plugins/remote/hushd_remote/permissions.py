"""The permissions of programs on the machine that this one is attached to. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Control, Message, Request

_SILENCES = ("stop", "cancel", "pause")
_SPEECH = ("stt", "tts", "wake")
_LISTENS = ("microphone", "wake")


@dataclass(frozen=True)
class Permissions:
    """Allows them to speak and listen by the floor; speech paused on this machine is only resumed here.
    `host`: the machine's name for people."""

    host: str
    microphone: bool = True
    models: bool = False

    def refusal(self, message: Message) -> HushdError | None:
        """Returns the error for a message that is not permitted; None if it is."""
        match message:
            case Claim() if not self.microphone and {*message.devices} & {*_LISTENS}:
                return self._refused("its microphone", "without --no-microphone")
            case Request(input="path") if self.models:
                return HushdError(
                    "path_unreachable", "A file of another machine cannot be opened here: send its bytes."
                )
            case Request() if message.worker.partition("/")[0] not in _SPEECH:
                return HushdError("unauthorised", f"What {message.worker[:40]!r} does is left to the person's machine.")
            case Request() if not self.models:
                return self._refused("its models", "with --models")
            case Control() if message.action in ("status", "describe"):
                return None if self.models else self._refused("its models", "with --models")
            case Control() if message.action not in _SILENCES:
                return HushdError(
                    "unauthorised", f"`hushd {message.action[:20]}` is left to the person's machine: run it there."
                )
        return None

    def _refused(self, what: str, how: str) -> HushdError:
        return HushdError(
            "unauthorised",
            f"The person's machine lends {self.host} its devices, and not {what}: `hushd attach {self.host}` there "
            f"{how} does.",
        )
