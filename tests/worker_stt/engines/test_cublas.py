"""faster-whisper on a card without CUDA's libraries: they are found in their Python package, or one line installs them.

The card and CTranslate2 are stand-ins: none of it was run on a card.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_worker_stt.engines import faster_whisper
from hushd_worker_stt.engines.faster_whisper import FasterWhisper
from support.outside import needs


@needs("cc")
def test_the_packages_libraries_are_found(tmp_path: Path) -> None:
    """CTranslate2 opens the library by its bare name, which finds the one that this process has opened."""
    folder = tmp_path / "nvidia" / "cublas" / "lib"
    folder.mkdir(parents=True)
    for name in faster_whisper._CUBLAS:
        command = ["cc", "-shared", "-x", "c", "/dev/null", f"-Wl,-soname,{name}", "-o", str(folder / name)]
        subprocess.run(command, check=True)
    program = (
        "import ctypes, sys; from hushd_worker_stt.engines import faster_whisper; "
        "faster_whisper.load_cublas() if sys.argv[1:] else None; ctypes.CDLL('libcublas.so.12')"
    )
    for arguments, found in (([], False), (["load"], True)):
        command = [sys.executable, "-P", "-c", program, *arguments]
        done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
        assert (done.returncode == 0) is found, done.stderr


def test_without_the_package_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine itself then names the missing library."""
    monkeypatch.setattr(faster_whisper, "find_spec", lambda name: None)
    monkeypatch.setattr(faster_whisper.ctypes, "CDLL", lambda *_: pytest.fail("opened"))
    faster_whisper.load_cublas()


@pytest.mark.parametrize(("message", "remedy"), [
    ("Library libcublas.so.12 is not found or cannot be loaded", True),
    ("CUDA driver version is insufficient", False),
])  # fmt: skip
def test_one_line_installs_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, message: str, remedy: bool) -> None:
    """`auto` computes on the CPU, and the result says why, with the command if a library is missing."""

    def model(path: str, device: str, **_: Any) -> str:
        if device == "cuda":
            raise RuntimeError(message)
        return "on the CPU"

    (tmp_path / "model.bin").write_bytes(b"")
    engine = FasterWhisper()
    engine.compute_device = "cuda"
    engine._package = SimpleNamespace(WhisperModel=model)
    engine._ctranslate2 = SimpleNamespace(get_supported_compute_types=lambda device: {"int8"})
    assert engine._on_gpu(tmp_path) == "on the CPU"
    assert engine.compute_device == "cpu"
    assert engine.why_there.startswith(f"CUDA does not work here ({message}")
    assert (faster_whisper.CUBLAS_PACKAGE in engine.why_there) is remedy
