"""Real speech servers, where `scripts/setup --engines all` has installed them, with models of a few megabytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd import Client
from support import servers, small_models, whisper_files
from support.peer import Start

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(900)  # transformers takes minutes to import where many others work


def _program(name: str, program: str) -> str:
    path = ROOT / ".venv" / "servers" / name / "bin" / program
    if not path.exists():
        pytest.skip(f"{name} is not installed (scripts/setup --engines all)")
    return str(path)


def _whisper(folder: Path) -> Path:
    """A checkpoint that knows 22 words, for faster-whisper."""
    if not all(map(find_spec, ("ctranslate2", "tokenizers", "whisper"))):
        pytest.skip("faster-whisper and whisper are not installed (scripts/setup --engines all)")
    from support.commands import unpack_checkpoint
    from support.whisper_models import convert

    path = folder / "openai" / "whisper-tiny"
    path.parent.mkdir()
    convert(unpack_checkpoint(folder / "commands.pt"), path, "int8")
    (folder / "tiny").symlink_to(path)  # open-asr-server leaves `openai/whisper-` out
    return path


def _voice(folder: Path) -> list[str]:
    """The arguments for a voice that hums."""
    if not (find_spec("onnx") and find_spec("piper")):
        pytest.skip("piper is not installed (scripts/setup --engines all)")
    from support import tiny_voices

    tiny_voices.piper(folder, "en_US-tiny-medium")
    return ["--data-dir", str(folder)]


def _hushd(folder: Path) -> dict[str, Any]:
    """hushd's own, with the models inside its wheels."""
    own = {"HUSHD_RUNTIME_DIR": f"{folder}/{{port}}", "HUSHD_STATE_DIR": f"{folder}/{{port}}/state"}
    run = [sys.executable, "-P", "-m", "hushd", "serve", "--http", "127.0.0.1:{port}"]
    return {"run": run, "like": "openai", "env": own, "languages": ["en"]}


def _piper_http(folder: Path) -> dict[str, Any]:
    python = str(Path(_program("piper", "piper")).with_name("python"))
    local = ["--host", "127.0.0.1", "--port", "{port}"]
    return {"run": [python, "-m", "piper.http_server", "-m", "en_US-tiny-medium", *local, *_voice(folder)]}


def _wyoming_piper(folder: Path) -> dict[str, Any]:
    """It lists voices that it would have to download, so its file names the one that is here."""
    program = _program("wyoming-piper", "wyoming-piper")
    run = [program, "--uri", "stdio://", "--voice", "en_US-tiny-medium", *_voice(folder)]
    return {"run": run, "voices": ["en_US-tiny-medium"]}


def _wyoming_whisper(folder: Path) -> dict[str, Any]:
    program = _program("wyoming-faster-whisper", "wyoming-faster-whisper")
    model = ["--model", str(_whisper(folder)), "--language", "en", "--data-dir", str(folder)]
    return {"run": [program, "--uri", "stdio://", *model], "languages": ["en"]}


def _open_asr(folder: Path) -> dict[str, Any]:
    run = [_program("open-asr-server", "open-asr-server"), "serve", "--host", "127.0.0.1", "--port", "{port}"]
    _whisper(folder)
    return {"run": run, "model": "openai/whisper-tiny", "cwd": str(folder), "words": True, "languages": ["en"]}


def _whisper_cpp(folder: Path) -> dict[str, Any]:
    program, model = _program("whisper-cpp", "whisper-server"), whisper_files.ggml(folder / "commands.bin")
    return {"run": [program, "-m", str(model), "-l", "en", "--host", "127.0.0.1", "--port", "{port}"]}


def _transformers(folder: Path) -> dict[str, Any]:
    program = _program("transformers", "transformers")
    model = str(whisper_files.transformers(folder / "commands"))
    run = [program, "serve", model, "--host", "127.0.0.1", "--port", "{port}"]
    return {"run": run, "model": model, "send": ["model", "file"], "languages": ["en"], "start_timeout": 600}


SPEAK = [_hushd, _piper_http, _wyoming_piper]
HEAR = [_hushd, _wyoming_whisper, _open_asr, _whisper_cpp, _transformers]


@pytest.mark.parametrize("describe", SPEAK, ids=lambda each: each.__name__[1:])
def test_speaks(start_supervisor: Start, runtime: Path, tmp_path: Path, describe: Callable[..., Any]) -> None:
    """Two sentences, of which the second is warm."""
    servers.write(runtime, "real", **{"like": None} | describe(tmp_path))
    start_supervisor("")
    with Client() as client:
        for _ in range(2):
            sound = np.frombuffer(b"".join(client.synthesize("Ever tried. Ever failed.", voice="server/real")), "<i2")
            assert len(sound) > 8000
            assert sound.any()


@pytest.mark.parametrize("describe", HEAR, ids=lambda each: each.__name__[1:])
def test_hears(start_supervisor: Start, runtime: Path, tmp_path: Path, describe: Callable[..., Any]) -> None:
    """Stop, four and green, twice; with the times of words where the server has real ones."""
    file = describe(tmp_path)
    servers.write(runtime, "real", **{"like": None} | file)
    start_supervisor("")
    recording = tmp_path / "said.wav"
    with Client() as client:
        client.synthesize("Stop. Four. Green.", voice="heart").save(recording)
        for _ in range(2):
            heard = client.transcribe(recording, engine="server", model="real", word_times=bool(file.get("words")))
            assert {"four", "stop"} & set(heard.text.lower().replace(".", "").replace(",", "").split())
            assert bool(heard.segments[0].words) == bool(file.get("words"))
    assert soundfile.info(recording).frames


@pytest.mark.night
@pytest.mark.parametrize(
    ("role", "describe"),
    [*(("tts", each) for each in SPEAK), *(("stt", each) for each in HEAR)],
    ids=lambda each: each if isinstance(each, str) else each.__name__[1:],
)
def test_keeps_an_engines_contract(
    role: str, runtime: Path, tmp_path: Path, describe: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its claims hold: with odd texts and sounds, cancelled work, what a model says of itself."""
    servers.write(runtime, "real", **{"like": None} | describe(tmp_path))
    done = subprocess.run(small_models.contract(tmp_path, role, "server", "real"), check=False, timeout=900)
    assert done.returncode == 0, capfd.readouterr().out
