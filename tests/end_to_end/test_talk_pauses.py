"""`hushd talk` and somebody who pauses for about as long as ends an utterance, and speaks on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hushd import Client
from support.peer import Supervisor
from support.programs import Programs, finish
from support.wer import word_error_rate

SENTENCES = (
    "Monday is the best day of the week.",
    "Walter carried seven boxes upstairs.",
    "Gardens need a lot of water.",
)
PAUSE_S = 0.9
RATE = 16_000  # Hz, of a monologue


def monologue() -> bytes:
    """The sentences, spoken, and between them pauses that end an utterance, or nearly."""
    parts = [np.zeros(RATE // 2, np.float32)]
    with Client() as client:
        for sentence in SENTENCES:
            samples = client.synthesize(sentence, sample_rate=RATE).array()
            loud = np.flatnonzero(np.abs(samples) > 0.01)
            parts += [samples[loud[0] : loud[-1] + 1], np.zeros(round(PAUSE_S * RATE), np.float32)]
    return (np.concatenate(parts) * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("mode", ["--headphones", "--half-duplex"])
def test_no_word_is_lost_after_a_pause(
    mode: str, start_supervisor: Callable[..., Supervisor], runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on while the utterance before is being made out is heard from the first word."""
    assert start_supervisor("").ready
    (runtime / "monologue").write_bytes(monologue())
    monkeypatch.setenv("HUSHD_MONOLOGUE", str(runtime / "monologue"))
    with Client() as client:
        client.preload("stt")
    programs = Programs(runtime)
    heard = runtime / "heard"
    program = f'while read line; do echo "$line" >> {heard}; case $line in *ardens*) exit 7; esac; done'
    talk = programs.start("hushd", "talk", mode, "--", "sh", "-c", program)
    try:
        finish(talk, 7)
    finally:
        talk.kill()
    text = heard.read_text()
    assert [sentence.split()[0] in text for sentence in SENTENCES] == [True] * 3, text
    assert word_error_rate(" ".join(SENTENCES), text) <= 1 / 18, text
