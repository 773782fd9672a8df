"""Speakers who are called by name, with the engines that hushd carries: on the command line and in both clients."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile
from hushd import AsyncClient, Client
from hushd_protocol.system import paths
from support.command_line import run
from support.conversations import NAGG, NELL
from support.peer import Supervisor
from support.recordings import recording

pytestmark = pytest.mark.skipif(
    find_spec("moonshine_voice") is None, reason="the models that tell voices apart come with moonshine-voice"
)


@pytest.fixture(scope="module")
def folder(carried: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nagg alone, the conversation from which that is, with Nell, a second of it, and the two with a channel each."""
    folder = tmp_path_factory.mktemp("spoken")
    samples, rate = soundfile.read(recording().with_name("endgame_nagg_nell.wav"), dtype="int16")
    for name, begin, end in (("nagg", 4.6, 8.4), ("both", 0.0, 17.4), ("short", 4.6, 5.6)):
        soundfile.write(folder / f"{name}.wav", samples[round(begin * rate) : round(end * rate)], rate)
    call = np.zeros((round(17.4 * rate), 2), np.int16)
    for channel, turns in enumerate((NAGG[:4], NELL[:3])):
        for begin, end in turns:
            part = slice(round(begin * rate), round(end * rate))
            call[part, channel] = samples[part]
    soundfile.write(folder / "call.wav", call, rate)
    return folder


def listen(folder: Path, *arguments: str, **environment: str) -> CompletedProcess[bytes]:
    return run("listen", *arguments, cwd=folder, env=environment or None)


def names(done: CompletedProcess[bytes]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return list(dict.fromkeys(segment["speaker"] for segment in json.loads(done.stdout)["segments"]))


def test_a_speaker_is_called_by_name(folder: Path) -> None:
    """There is an option, which tells speakers apart by itself, a voice has its name and another one a number; nothing
    of it is kept."""
    assert names(listen(folder, "--speaker", "Nagg=nagg.wav", "-f", "json", "both.wav")) == ["Nagg", "SPEAKER_01"]
    assert names(listen(folder, "--diarize", "-f", "json", "both.wav")) == ["SPEAKER_00", "SPEAKER_01"]


def test_speakers_of_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path there begins at its own folder, and both clients read the same table."""
    config = folder / "hushd.toml"
    config.write_text(f'{paths.find().config.read_text()}\n[speakers]\n"Mr Nagg" = "nagg.wav"\n')
    monkeypatch.setenv("HUSHD_CONFIG", str(config))
    monkeypatch.chdir("/")
    with Client() as client:
        known = client.voiceprints()
        segments = client.transcribe(folder / "both.wav", diarize=True, people=known)
        assert list(dict.fromkeys(segment.speaker for segment in segments)) == ["Mr Nagg", "SPEAKER_01"]

    async def same() -> dict[str, str]:
        async with AsyncClient() as client:
            return await client.voiceprints({"Mr Nagg": folder / "nagg.wav"})

    assert list(known) == ["Mr Nagg"]
    assert asyncio.run(same()) == known
