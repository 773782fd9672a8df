"""The main job with both real engines: real commands, a real supervisor, real speech."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd import Client
from support import warm
from support.peer import Start, Supervisor, descendants, wait_until
from support.recordings import recording
from support.stopwatch import Stopwatch
from support.wer import word_error_rate

BIN = Path(sys.executable).parent
SENTENCE = "The memory is given back when nobody is listening."


@pytest.fixture
def hushd(start_supervisor: Start) -> Supervisor:
    """A supervisor with the engines that hushd carries, as a user has it."""
    return start_supervisor("")


def run(*command: str | Path, **options: Any) -> str:
    """A command's standard output; it must succeed and say nothing on standard error."""
    done = warm.run([BIN / command[0], *command[1:]], capture_output=True, text=True, timeout=150, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return str(done.stdout)


@pytest.mark.parametrize("extension", ["wav", "mp3"])
def test_what_say_writes_listen_reads(extension: str, carried: Supervisor, tmp_path: Path) -> None:
    """A sentence spoken into a file comes back as the same words, also from what libsndfile and a decoder have made."""
    file = tmp_path / f"spoken.{extension}"
    sentence = SENTENCE.partition(" when")[0]
    run("say", "-o", file, sentence)
    assert word_error_rate(sentence, run("listen", file)) <= 0.15


def test_whisper_as_people_type_it(start_supervisor: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line of openai-whisper, bare model name and all, is transcribed by Whisper; one note, no warning."""
    pytest.importorskip("whisper")
    from support.commands import unpack_checkpoint

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    unpack_checkpoint(tmp_path / "models" / "whisper" / "commands.pt")
    start_supervisor("")
    file = tmp_path / "spoken.wav"
    run("say", "-o", file, "Seven green stop.")
    options = (
        "--model commands --language English --fp16 False --verbose False --device cpu --threads 1 --best_of 5 "
        "--patience 1.0 --beam_size 5 --temperature 0 --no_speech_threshold 0.6 --logprob_threshold -1.0 "
        "--compression_ratio_threshold 2.4 --condition_on_previous_text True "
        "--suppress_tokens -1 --clip_timestamps 0,30 --word_timestamps True"
    )
    done = warm.run([BIN / "listen", file, *options.split(), "-f", "json"], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0
    assert done.stderr.startswith("listen: --device, --fp16 and --verbose have no effect here")
    assert done.stderr.count("\n") == 1
    transcript = json.loads(done.stdout)
    assert word_error_rate("Seven green stop.", transcript["text"]) <= 1 / 3
    assert [word["word"] for word in transcript["segments"][0]["words"]]
    assert "warnings" not in transcript


def test_idle_workers_give_their_memory_back(start_supervisor: Start) -> None:
    """No worker process is left after the idle time, and the supervisor is as small as after its first workers."""
    supervisor = start_supervisor("[worker]\nkeep_alive = 0.5\n", cold=True)
    private = []  # bytes; PSS depends on who else runs Python
    with Client() as client:
        for _ in range(2):
            list(client.synthesize(SENTENCE))
            client.transcribe(recording())
            assert sum(row.pss_mb or 0 for row in client.status().workers) > 100
            wait_until(lambda: {row.state for row in client.status().workers} == {"stopped"}, "the workers' exit")
            assert not descendants(supervisor.folder)
            memory = psutil.Process(supervisor.process.pid).memory_info()
            private.append(memory.rss - memory.shared)
    assert private[1] - private[0] < 5e5


def test_keep_alive_0_ends_the_worker_with_its_job(hushd: Supervisor, tmp_path: Path) -> None:
    """`--keep-alive 0`: gone as soon as the command has its result; a plain one leaves it for five minutes."""
    run("say", "--keep-alive", "0", "-o", tmp_path / "a.wav", SENTENCE)
    wait_until(lambda: not descendants(hushd.folder), "the worker's exit")
    run("say", "-o", tmp_path / "a.wav", SENTENCE)
    with Client() as client:
        (row,) = client.status().workers
        assert row.state == "ready"
        assert 290 < row.expires_in_s <= 300
        assert row.starts == 2


def test_a_megabyte_of_text_can_be_stopped_in_the_middle(hushd: Supervisor) -> None:
    """Speech begins at once however long the text is, and leaving it ends the work in a moment."""
    text = "This is one of very many sentences. " * 30_000
    with Client() as client:
        client.preload("tts")
        began = Stopwatch()
        speech = iter(client.synthesize(text))
        next(speech)
        assert began.calm < 5
        speech.close() if hasattr(speech, "close") else None
        del speech
        wait_until(lambda: client.status().workers[0].running == 0, "the end of the cancelled job")
        assert client.status().workers[0].pss_mb < 400


def running(client: Client) -> list[int]:
    return [row.pid for row in client.status().workers if row.pid]


@pytest.mark.night
def test_the_demo_does_what_it_says(tmp_path: Path) -> None:
    """`scripts/demo` succeeds, and its figures are within its own bounds."""
    figures = tmp_path / "figures.json"
    demo = Path(__file__).parents[2] / "lab" / "demo.py"
    done = subprocess.run([sys.executable, demo, "--json", figures], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())
    assert found["own_after_mb"] < found["own_before_mb"] + 2 < 30 < found["pss_peak_mb"]
