"""Compares two precisions of a model: both hear, or speak, the same twenty sentences, in programs that end.

No recording of a person comes with hushd, so an installed voice speaks for a model that hears, and an installed model
hears one that speaks. The words are compared with the sentences, or, where the original has most of them wrong, with
those heard of the original: the sentences may not be in its language, or nothing else here may know that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from hushd_models import languages, precision, preferences
from hushd_models.choice.recommendation import preferred
from hushd_models.inventory import Row, rows
from hushd_models.precision import Figures
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import readable
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup

from .task import Task

_JOB_LOOK_INTERVAL_S = 0.2  # seconds between two checks whether the job still waits
_PROGRAM = 400_000_000  # bytes of memory that a program takes besides weights: torch's import is the largest part
_USUAL = "en"  # language where no other is shared


def compare(row: Row, store: Store, work: Path, task: Task) -> tuple[Figures, Figures, str]:
    """Returns the figures of an installed model and of its int8 files, which lie in `work` as in a models folder, and
    by whom the sentences were spoken or heard, in words.
    Raises `model_missing` where no installed model speaks, or hears, for it; that of a program."""
    every = json.loads(Path(__file__).with_name("sentences.json").read_bytes())
    partner, language, known = _partner(row, store, every)
    sentences, sounds = every[language], work / "sounds"
    shutil.rmtree(sounds, ignore_errors=True)

    def trial(role: str, by: Row, folder: Path, variables: Mapping[str, str]) -> JsonObject:
        task.note(f"{'speaking' if role == 'tts' else 'hearing'} by {by.model}")
        engine, _, name = by.model.partition("/")
        arguments = [engine, name, language if known else "", str(folder), *(sentences if role == "tts" else [])]
        return run(task, 2 * by.size, f"hushd_worker_{role}.trial", *arguments, **variables)

    answers, texts = [], []
    for kind, models in ((precision.ORIGINAL, store.folder), (precision.INT8, work)):
        ours = {"HUSHD_MODELS_DIR": str(models), "HUSHD_PRECISION": kind, "HUSHD_COMPUTE_DEVICE": "cpu"}
        ours["OMP_NUM_THREADS"] = "1"  # several would wait for each other in turns, which counts as time
        speaks = row.role == "tts"
        folder = sounds / (kind if speaks else "both")
        if not folder.exists():
            folder.mkdir(parents=True)
            spoken = trial("tts", row, folder, ours) if speaks else trial("tts", partner, folder, {})
        heard = trial("stt", partner, folder, {}) if speaks else trial("stt", row, folder, ours)
        answers.append(spoken if speaks else heard)
        texts.append(list(map(_words, heard["texts"])))
    meant = list(map(_words, sentences))
    how = f"{len(meant)} sentences in {languages.name(language)}, {'heard' if speaks else 'spoken'} by {partner.model}"
    if 2 * _wrong(meant, texts[0]) > sum(map(len, meant)):
        meant, how = texts[0], f"{how}, compared with the words heard of the original"
    original, int8 = (
        Figures(
            wrong=_wrong(meant, heard),
            words=sum(map(len, meant)),
            **{key: round(answer[key], 1) for key in ("seconds", "sound_s", "memory_mb")},
        )
        for heard, answer in zip(texts, answers, strict=True)
    )
    return original, int8, how


def _partner(row: Row, store: Store, sentences: Mapping[str, Sequence[str]]) -> tuple[Row, str, bool]:
    """Returns who speaks, or hears, for a model, in which language, and whether the model knows that."""
    known, others = list(map(languages.code, row.languages)), rows(store)
    quick = [each for each in others if each.state == "embedded"] if row.role == "stt" else []  # voices
    role, first = "tts" if row.role == "stt" else "stt", [*preferences.own_languages(store.paths.config), _USUAL]
    shared = [each for each in (*first, *known) if each in known and each in sentences]
    for language in (*shared, *first, *known):
        if partner := preferred(quick, role, language) or preferred(others, role, language):
            return partner, language if language in shared else _USUAL, language in shared or _USUAL in known
    raise HushdError("model_missing", f"Nothing is installed to compare two precisions of {row.model} by.")


def run(task: Task, need: int, module: str, *arguments: str, **variables: str) -> JsonObject:
    """Runs one of hushd's programs that answer with JSON; it ends with this worker's process group.

    Args:
        need: bytes of memory that it takes for weights.

    Raises:
        HushdError: its error; `server_busy` if there is too little memory for it; `worker_failed` if it died.
        Stopped: the job was cancelled; the program has been ended.
    """
    need, free = need + _PROGRAM, footprint.machine(Cgroup.own()).available
    if need > free:
        about = f"int8 files take about {readable(need)} of memory to make and to try, and {readable(free)} are free"
        raise HushdError("server_busy", f"{about}: `hushd unload` ends idle workers.", 60_000)
    command, environment = [sys.executable, "-P", "-m", module, *arguments], {**os.environ, **variables}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment) as process:
        try:
            answer: JsonObject = json.loads(_output(process, task))
        except ValueError as error:
            how = f"{module} ended with {process.returncode}"
            raise HushdError("worker_failed", f"{how}: `hushd logs models/store/local` shows why.") from error
        except BaseException:
            process.kill()
            raise
    if "error" in answer:
        raise HushdError(answer["error"], answer["message"])
    return answer


def _output(process: subprocess.Popen[bytes], task: Task) -> bytes:
    while True:
        try:
            return process.communicate(timeout=_JOB_LOOK_INTERVAL_S)[0]
        except subprocess.TimeoutExpired:
            task.wait()


def _words(text: str) -> list[str]:
    """Returns the words of a text to compare; of a text without spaces between words its letters."""
    return re.findall(r"[\u0e00-\u0eff\u3040-\u9fff]|[^\W_]+", re.sub(r"['’]", "", text.casefold()))


def _wrong(sentences: Sequence[Sequence[str]], heard: Sequence[Sequence[str]]) -> int:
    """Returns how many words were replaced, left out or added, sentence by sentence."""
    pairs = zip(sentences, heard, strict=True)
    changes = (each for pair in pairs for each in SequenceMatcher(None, *pair, autojunk=False).get_opcodes())
    return sum(max(end - start, to - at) for kind, start, end, at, to in changes if kind != "equal")
