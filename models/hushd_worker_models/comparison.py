"""Compares two precisions of a model: both hear, or speak, the same twenty sentences.

No recording of a person comes with hushd, so an installed voice speaks for a model that hears, and an installed model
hears one that speaks. The words are compared with the sentences, or, where the original has most of them wrong, with
those heard of the original: the sentences may not be in its language, or nothing else here may know that.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from hushd_models import languages, precision, preferences
from hushd_models.inventory import Row, rows
from hushd_models.precision import Figures
from hushd_models.recommendation import preferred
from hushd_models.store import Store, replace
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup

from .install import readable
from .task import Task

_JOB_LOOK_INTERVAL_S = 0.2  # between two checks whether the job still waits
_PROGRAM = 400_000_000  # bytes of memory that a program takes besides weights: torch's import is the largest part
_USUAL = "en"  # where no other language is shared


class Comparison:
    """The comparison of an installed model with its int8 files, which lie in `work` as in a models folder.

    Attributes:
        how: by whom the sentences were spoken or heard, in words.
    """

    def __init__(self, row: Row, store: Store, work: Path, task: Task) -> None:
        self._row, self._store, self._work, self._task = row, store, work, task
        every = json.loads(Path(__file__).with_name("sentences.json").read_bytes())
        known = list(map(languages.code, row.languages))
        first = [*preferences.own_languages(store.paths.config), _USUAL, *known]
        others, role = rows(store), "tts" if row.role == "stt" else "stt"
        partners = {each: _partner(others, role, each) for each in first}
        shared = (each for each in first if each in known and each in every and partners[each])
        language = next(shared, _USUAL)
        partner = partners[language] or next(filter(None, partners.values()), None)
        if partner is None:
            raise HushdError("model_missing", f"Nothing is installed to compare two precisions of {row.model} by.")
        self._partner, self._sentences, self._code = partner, every[language], language if language in known else ""
        does = "spoken" if role == "tts" else "heard"
        self.how = f"{len(self._sentences)} sentences in {languages.name(language)}, {does} by {partner.model}"

    def figures(self) -> tuple[Figures, Figures]:
        """Returns the figures of the original, and of int8; raises `HushdError` of a program."""
        answers = [self._answer(precision.ORIGINAL, self._store.folder), self._answer(precision.INT8, self._work)]
        sentences = list(map(_words, self._sentences))
        texts = [list(map(_words, answer["texts"])) for answer in answers]
        if 2 * _wrong(sentences, texts[0]) > sum(map(len, sentences)):
            sentences, self.how = texts[0], f"{self.how}, compared with the words heard of the original"
        original, int8 = (
            Figures(
                wrong=_wrong(sentences, heard),
                words=sum(map(len, sentences)),
                **{key: round(answer[key], 1) for key in ("seconds", "sound_s", "memory_mb")},
            )
            for heard, answer in zip(texts, answers, strict=True)
        )
        return original, int8

    def _answer(self, kind: str, folder: Path) -> JsonObject:
        """Returns what one precision of the model took, and `texts`, what it heard or was heard of it."""
        done, row = self._work / f"{kind}.json", self._row
        if not done.is_file():
            variables = {"HUSHD_MODELS_DIR": str(folder), "HUSHD_PRECISION": kind, "HUSHD_COMPUTE_DEVICE": "cpu"}
            variables["OMP_NUM_THREADS"] = "1"  # several would wait for each other in turns, which counts as time
            sounds = self._work / (f"spoken-{kind}" if row.role == "tts" else "sentences")
            sounds.mkdir(exist_ok=True)
            if row.role == "tts":
                answer = self._run("tts", row, sounds, **variables)
                answer["texts"] = self._run("stt", self._partner, sounds)["texts"]
            else:
                if not (by := sounds / "by").is_file() or by.read_text() != self.how:
                    self._run("tts", self._partner, sounds)
                    replace(by, self.how)
                answer = self._run("stt", row, sounds, **variables)
            replace(done, json.dumps(answer))
        answer = json.loads(done.read_bytes())
        return answer if isinstance(answer, dict) else {}

    def _run(self, role: str, row: Row, sounds: Path, **variables: str) -> JsonObject:
        self._task.note(f"{'speaking' if role == 'tts' else 'hearing'} by {row.model}")
        engine, _, name = row.model.partition("/")
        arguments = [engine, name, self._code, str(sounds), *(self._sentences if role == "tts" else [])]
        return run(self._task, 2 * row.size, f"hushd_worker_{role}.trial", *arguments, **variables)


def _partner(others: Sequence[Row], role: str, language: str) -> Row | None:
    """Returns the best model that hears a language; of voices a quick one that comes with hushd, or the best."""
    quick = [row for row in others if role == "tts" and row.state == "embedded"]
    return preferred(quick, role, language) or preferred(others, role, language)


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
    words = re.findall(r"[^\W_]+", re.sub(r"['’]", "", text.casefold()))
    return [part for word in words for part in (word if re.match(r"[\u0e00-\u0eff\u3040-\u9fff]", word) else [word])]


def _wrong(sentences: Sequence[Sequence[str]], heard: Sequence[Sequence[str]]) -> int:
    """Returns how many words were replaced, left out or added, sentence by sentence."""
    pairs = zip(sentences, heard, strict=True)
    changes = (each for pair in pairs for each in SequenceMatcher(None, *pair, autojunk=False).get_opcodes())
    return sum(max(end - start, to - at) for kind, start, end, at, to in changes if kind != "equal")
