"""The permissions of a program on a server, on the machine that was attached to it."""

from __future__ import annotations

import pytest
from hushd_protocol.messages import Claim, Control, Message, Request
from hushd_remote.permissions import Permissions

ID = bytes(16)
DEVICES, MODELS, MUTE = (
    Permissions("server"),
    Permissions("server", models=True),
    Permissions("server", microphone=False),
)


@pytest.mark.parametrize(("permissions", "message"), [
    (DEVICES, Claim(id=ID, devices=["speaker", "microphone"])),
    (DEVICES, Control(id=ID, action="pause")), (DEVICES, Control(id=ID, action="cancel")),
    (MUTE, Claim(id=ID, devices=["speaker"])),
    (MODELS, Request(id=ID, worker="tts/hibari", op="synthesize")),
    (MODELS, Control(id=ID, action="status")),
])  # fmt: skip
def test_passes(permissions: Permissions, message: Message) -> None:
    """A machine may speak, listen and be silent; with models it may have them work."""
    assert permissions.refusal(message) is None


@pytest.mark.parametrize(("permissions", "message", "code"), [
    (MUTE, Claim(id=ID, devices=["speaker", "microphone"]), "unauthorised"),
    (MUTE, Claim(id=ID, devices=["wake"]), "unauthorised"),
    (DEVICES, Request(id=ID, worker="tts", op="synthesize"), "unauthorised"),
    (DEVICES, Control(id=ID, action="status"), "unauthorised"),
    (MODELS, Request(id=ID, worker="stt", op="transcribe", input="path", path="/etc/passwd"), "path_unreachable"),
    (MODELS, Request(id=ID, worker="models", op="pull"), "unauthorised"),
    *(
        (MODELS, Control(id=ID, action=action), "unauthorised")
        for action in ("resume", "shutdown", "restart", "reload", "unload", "keys", "listen")
    ),
])  # fmt: skip
def test_is_refused(permissions: Permissions, message: Message, code: str) -> None:
    """A pause is ended by the person; no file is opened, nothing is downloaded, changed or ended."""
    error = permissions.refusal(message)
    assert error
    assert error.code == code
