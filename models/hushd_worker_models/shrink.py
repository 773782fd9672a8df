"""Makes a model's int8 files, compares them with the original, and keeps them if they are as good.

What is finished stays in a working folder, so that a next run goes on from there.
"""

from __future__ import annotations

import json
import shutil

from hushd_models import advice, catalogue, precision
from hushd_models.inventory import Row
from hushd_models.precision import Trial
from hushd_models.store import Store, replace
from hushd_protocol.errors import HushdError
from hushd_schema.operations.models import ModelResult

from .comparison import Comparison, run
from .install import alone, check_room, readable
from .task import Task

_TIMES = 4  # the weights' size that a conversion takes of memory


class Shrink:
    """The int8 files of one installed model."""

    def __init__(self, row: Row, store: Store, *, economy: bool = False) -> None:
        self._row, self._store, self._economy = row, store, economy
        names = (name for name in row.files if name.endswith((".onnx", "model.bin")))
        self._weights = [name for name in names if "int8" not in name.rpartition("/")[2]]
        self._place = store.int8_folder(row.model)
        self._work = self._place.with_name(f"{self._place.name}.new")

    def run(self, task: Task) -> ModelResult:
        """Returns what became of it, as a sentence in `note`; nothing is done again while the original stays the same.

        Raises:
            HushdError: `bad_request` for a model without weights to make smaller; `model_missing`; `engine_missing`;
                `input_unreadable`; `output_failed`; `server_busy` while memory is short.
        """
        row, spec = self._row, catalogue.engine(self._row.engine)
        if not row.usable:
            raise advice.missing(row.model)
        if not spec or not spec.int8 or not self._weights:
            raise HushdError("bad_request", f"{row.model} has no weights that hushd can make smaller.")
        if self._economy:
            raise HushdError("server_busy", "Memory is short, and int8 files take much of it to make.", 60_000)
        with alone(lambda: self._store.lock(row.model, wait=False), row.model, task):
            trial = precision.find(self._store, row.model) or self._made(spec.int8, task)
        return ModelResult(model=row.model, size=row.size, location=str(self._place), note=trial.why)

    def _made(self, kind: str, task: Task) -> Trial:
        row, source = self._row, precision.identity(self._row.paths)
        begun, state = self._work / "source.json", json.dumps(source, sort_keys=True)
        if not begun.is_file() or begun.read_text() != state:
            shutil.rmtree(self._work, ignore_errors=True)
            replace(begun, state)
        check_room(2 * row.size, self._work, f"The int8 files of {row.model} take up to {readable(2 * row.size)}")
        self._convert(kind, task)
        comparison = Comparison(row, self._store, self._work, task)
        original, int8 = comparison.figures()
        why = precision.judge(original, int8)
        verdict = f"int8 was removed, since {why}" if why else "int8 is used, being as good"
        sentence = f"{row.model}: {verdict}: {precision.described(original, int8)} ({comparison.how})."
        trial = Trial(as_good=not why, why=sentence, original=original, int8=int8, source=source)
        if why:
            shutil.rmtree(self._work / row.engine)
        replace(self._work / "record.json", json.dumps(trial.data()))
        shutil.rmtree(self._place, ignore_errors=True)
        self._work.replace(self._place)
        return trial

    def _convert(self, kind: str, task: Task) -> None:
        """Makes the int8 files in the working folder, and links the model's other files beside them."""
        row, place = self._row, precision.place(self._store, self._row.model, self._work)
        assert row.folder
        in_folder = place.suffix != ".onnx"
        for name in row.files:
            source, target = row.folder / name, place / name if in_folder else place.parent / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name in self._weights:
                if in_folder and kind == "onnx":  # onnx-asr's name for it
                    target = target.with_name(f"{target.stem}.int8.onnx")
                if not target.exists():
                    task.note(f"making {row.model} smaller: {name}")
                    need = _TIMES * source.stat().st_size
                    run(task, need, "hushd_worker_models.int8", kind, str(source), str(target))
            elif ".onnx" not in name or name.endswith(".json"):
                target.unlink(missing_ok=True)
                target.symlink_to(source.resolve())
