"""Tells a person at a terminal, once, the command that brings the session's language, and which voice is too slow.

Only after the command's work, so that it causes no delay.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hushd_models import languages
from hushd_protocol.system import best_effort, paths

from .terminal import console

if TYPE_CHECKING:
    from hushd_models.choice.voices import VoiceChoice

_ENGLISH = "en"  # the language of the models that come with hushd


def mention_language() -> None:
    """Prints the line that brings the session's language, where that is not English, the configuration names none, and
    no model hears it, or no voice but a robotic one speaks it. A person is told on the machine whose hushd answers,
    once for each user."""
    session = next(iter(languages.of_session()), _ENGLISH)
    here = paths.find()
    mark = here.state / "language-offered"
    if session == _ENGLISH or os.environ.get("HUSHD_ENDPOINT") or not _is_person() or mark.exists():
        return
    try:
        if b"languages" in here.config.read_bytes():
            return
    except OSError:
        pass  # there is none
    from hushd_models import inventory, store  # noqa: PLC0415 - for the few that are told
    from hushd_schema import engines  # noqa: PLC0415 - likewise

    models = store.Store(here)
    voices = inventory.serving(models, "tts", session)
    if inventory.serves(models, "stt", session) and any(not engines.robotic(voice.engine) for voice in voices):
        return
    offer = f"`hushd get {session}` has hushd speak and hear it. hushd itself knows English."
    console.complain(f"Your session is in {languages.name(session)}: {offer}")
    with best_effort.writing(mark):  # an offer that cannot be noted is told again the next time
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.write_text(f"{session}\n")


def mention_slow_voice(voice: VoiceChoice, pace: float) -> None:
    """Prints how to choose a voice that another one spoke for, since it is slower than real time here. A person is
    told once for each model."""
    model = f"{voice.engine}/{voice.model}"
    mark = paths.find().state / "slow-voices-told"
    before = mark.read_text() if mark.exists() else ""
    if not _is_person() or model in before.split():
        return
    why = f"it computes {f'{pace:.1f} s' if pace else 'more than a second'} for a second of sound here"
    console.complain(f"{model} did not speak, since {why}: `say --voice {voice.engine}/{voice.voice}` has it speak.")
    with best_effort.writing(mark):
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.write_text(f"{before}{model}\n")


def _is_person() -> bool:
    """Returns whether a person uses this terminal: not a program, nor a job in the background."""
    try:
        return all(map(os.isatty, (0, 1, console.errors()))) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # not this process's controlling terminal
        return False
