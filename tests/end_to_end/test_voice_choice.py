"""Voices and languages as a user has them: a real supervisor, `say`, and whichever engine speaks it."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import Client
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support import command_line
from support.peer import Start, Supervisor

pytestmark = pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")


def say(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    return command_line.run("say", *arguments, text=True, **options)


@pytest.fixture(scope="module")
def supervisor(home: Path) -> Iterator[Supervisor]:
    """One for the tests of this file that configure nothing, and no models of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUSHD_MODELS_DIR", str(home / "models"))
        with Supervisor(home, "") as started:
            yield started


@pytest.fixture
def folder(supervisor: Supervisor, tmp_path: Path) -> Path:
    """A place for speech."""
    return tmp_path


def rate_of(file: Path) -> int:
    """Hz of a WAV file, by which engines are told apart."""
    with wave.open(str(file)) as opened:
        return opened.getframerate()


def test_what_nobody_speaks_and_who_does_not(folder: Path) -> None:
    """One sentence and the exit code of the table: what would work, before any worker is started."""
    with Client() as client:
        client.unload()
    done = say("-v", "heart", "--language", "de", "Guten Tag")
    assert done.returncode == 2
    assert done.stderr.startswith("say: The voice heart speaks en-US, not 'de': leave the voice out, or use ")
    assert "espeak-de" in done.stderr
    done = say("--language", "tlh", "nuqneH")
    assert done.returncode == 6
    assert done.stderr.startswith("say: No voice on this machine speaks 'tlh': ")
    done = say("-v", "hart", "Hello")
    assert (done.returncode, done.stderr) == (
        2, "say: There is no voice 'hart' (did you mean heart?): `say -v '?'` lists them.\n",
    )  # fmt: skip
    with Client() as client:
        assert not any(row.pid for row in client.status().workers)


GERMAN = "Guten Morgen, wie geht es dir heute?"


NOTE = "say: The text is German, which the voice heart (en-US) does not speak: choose the language de.\n"
HIBARI, ESPEAK = 24_000, 22_050  # Hz


@pytest.mark.parametrize(
    ("options", "text", "rate", "note"),
    [
        ([], GERMAN, ESPEAK, ""), (["-v", "heart"], GERMAN, HIBARI, NOTE),
        (["--engine", "hibari"], GERMAN, HIBARI, NOTE), (["-v", "alloy"], GERMAN, ESPEAK, ""),
        ([], "Say Guten Morgen to the people here.", HIBARI, ""),
    ],
)  # fmt: skip
def test_a_text_in_another_language(folder: Path, options: list[str], text: str, rate: int, note: str) -> None:
    """A voice of that language speaks it, and OpenAI's names stand for one of any; a voice or an engine that was named
    stays, with a note; a few words change nothing."""
    done = say(*options, "-o", str(folder / "a.wav"), text)
    assert (done.returncode, done.stderr) == (0, note)
    assert rate_of(folder / "a.wav") == rate


@pytest.mark.parametrize(
    ("language", "word", "rate"),
    [("fr_FR.UTF-8", "Non.", ESPEAK), ("en_GB.UTF-8", "No.", HIBARI)],
)
def test_a_word_is_in_the_language_of_the_session(
    folder: Path, language: str, word: str, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is that of whoever speaks, not that of the supervisor."""
    monkeypatch.setenv("LC_ALL", language)
    assert say("-o", str(folder / "a.wav"), word).returncode == 0
    assert rate_of(folder / "a.wav") == rate


def test_a_stream_is_spoken_in_its_own_language(
    start_supervisor: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first sentence tells it, before the rest is there; the engine that is configured has a voice for it."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    start_supervisor('tts = "espeak-ng/all"\n')
    done = say("-o", str(tmp_path / "b.wav"), input=GERMAN)
    assert (done.returncode, done.stderr) == (0, "")
    with Client() as client:
        speech = client.synthesize(iter([GERMAN]))
        assert b"".join(speech)
        assert speech.voice == "espeak-de"
