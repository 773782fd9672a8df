"""Compares two precisions of a model: both hear, or speak, the same twenty sentences.

No recording of a person comes with hushd, so an installed voice speaks for a model that hears, and an installed model
hears one that speaks. The words are compared with the sentences, or, where the original has most of them wrong, with
what was heard of the original: the sentences may not be in its language, or nothing else here may know that.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
        pairs = ((each, _partner(others, role, each)) for each in first if each in known and each in every)
        language, partner = next(((each, other) for each, other in pairs if other), (_USUAL, None))
        partner = partner or next((other for each in first if (other := _partner(others, role, each))), None)
        if partner is None:
            raise HushdError("model_missing", f"Nothing is installed that could {_DOES[role]} for {row.model}.")
        self._partner, self._sentences, self._code = partner, every[language], language if language in known else ""
        does = "spoken" if role == "tts" else "heard"
        self.how = f"{len(self._sentences)} sentences in {languages.name(language)}, {does} by {partner.model}"

    def figures(self) -> tuple[Figures, Figures]:
        """Returns the figures of the original, and of int8.

        Raises:
            HushdError: `server_busy` while memory is short; an error of the model.
        """
        answers = [self._answer(precision.ORIGINAL, self._store.folder), self._answer(precision.INT8, self._work)]
        text = list(map(_words, self._sentences))
        texts = [list(map(_words, answer["texts"])) for answer in answers]
        if 2 * _wrong(text, texts[0]) > sum(map(len, text)):
            text, self.how = texts[0], f"{self.how}, compared with what was heard of the original"
        words = sum(map(len, text))
        original, int8 = (
            Figures(
                wrong=_wrong(text, heard),
                words=words,
                seconds=round(answer["seconds"], 2),
                sound_s=round(answer["sound_s"], 1),
                memory_mb=round(answer["memory_mb"]),
            )
            for heard, answer in zip(texts, answers, strict=True)
        )
        return original, int8

    def _answer(self, kind: str, folder: Path) -> JsonObject:
        """Returns what one precision of the model took, and `texts`, what it heard or was heard of it."""
        done, row = self._work / f"{kind}.json", self._row
        if not done.is_file():
            sounds, own = self._work / f"{kind if row.role == 'tts' else 'sentences'}", {
                "HUSHD_MODELS_DIR": str(folder), precision.VARIABLE: kind,
                "HUSHD_COMPUTE_DEVICE": "cpu", "HUSHD_COMPUTE_TYPE": "",
            }  # fmt: skip
            if row.role == "stt":
                by = sounds / "by"
                if not by.is_file() or by.read_text() != self.how:
                    self._speak(self._partner, sounds, {})
                    replace(by, self.how)
                answer = self._hear(row, sounds, own)
            else:
                answer = self._speak(row, sounds, own)
                answer["texts"] = self._hear(self._partner, sounds, {})["texts"]
            replace(done, json.dumps(answer))
        answer = json.loads(done.read_bytes())
        return answer if isinstance(answer, dict) else {}

    def _speak(self, row: Row, sounds: Path, variables: Mapping[str, str]) -> JsonObject:
        self._task.note(f"speaking by {row.model}")
        sounds.mkdir(exist_ok=True)
        return self._run("tts", row, [str(sounds), *self._sentences], variables)

    def _hear(self, row: Row, sounds: Path, variables: Mapping[str, str]) -> JsonObject:
        self._task.note(f"hearing by {row.model}")
        files = [str(sounds / f"{number}.wav") for number in range(len(self._sentences))]
        return self._run("stt", row, files, variables)

    def _run(self, role: str, row: Row, arguments: Sequence[str], variables: Mapping[str, str]) -> JsonObject:
        engine, _, name = row.model.partition("/")
        need = 2 * row.size
        return run(self._task, need, f"hushd_worker_{role}.trial", engine, name, self._code, *arguments, **variables)


def _partner(others: Sequence[Row], role: str, language: str) -> Row | None:
    """Returns the best model that hears a language, or a voice that speaks it, the quick ones that come with hushd
    first."""
    quick = [row for row in others if role == "tts" and row.state == "embedded"]
    return preferred(quick, role, language) or preferred(others, role, language)


_DOES = {"tts": "speak", "stt": "listen"}


def run(task: Task, need: int, module: str, *arguments: str, **variables: str) -> JsonObject:
    """Runs one of hushd's programs that answer with a line of JSON; it ends with this worker's process group.

    Args:
        need: bytes of memory that it takes for weights.

    Raises:
        HushdError: its error; `server_busy` if there is too little memory for it; `worker_failed` if it died.
        Stopped: the job was cancelled; the program has been ended.
    """
    need, free = need + _PROGRAM, footprint.machine(Cgroup.own()).available
    if need > free:
        raise HushdError(
            "server_busy",
            f"int8 files take about {readable(need)} of memory to make and to try, and {readable(free)} are free: "
            "`hushd unload` ends idle workers.",
            60_000,
        )
    command, environment = [sys.executable, "-P", "-m", module, *arguments], {**os.environ, **variables}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment) as process:
        try:
            output = _output(process, task)
        except BaseException:
            process.kill()
            raise
    try:
        answer: JsonObject = json.loads(output)
    except ValueError as error:
        raise HushdError(
            "worker_failed", f"{module} ended with {process.returncode}: `hushd logs models/store/local` shows why."
        ) from error
    if "error" in answer:
        raise HushdError(str(answer["error"]), str(answer["message"]))
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


def _wrong(text: Sequence[Sequence[str]], heard: Sequence[Sequence[str]]) -> int:
    """Returns the words to insert, delete or replace in `heard` to make `text`, sentence by sentence."""
    total = 0
    for sentence, got in zip(text, heard, strict=True):
        row = list(range(len(got) + 1))
        for number, word in enumerate(sentence, 1):
            diagonal, row[0] = row[0], number
            for place, other in enumerate(got, 1):
                diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
        total += row[-1]
    return total
