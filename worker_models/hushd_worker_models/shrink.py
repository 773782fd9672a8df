"""Makes a model's int8 files, compares them with the original, and keeps them if they are as good.

Files that were made stay in a working folder, so that a next run goes on from there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from hushd_models import advice, catalogue, inventory, precision
from hushd_models.inventory import Row
from hushd_models.precision import Trial
from hushd_models.store import Store, replace
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import readable
from hushd_schema.operations.models import ModelResult

from .comparison import compare, run
from .install import alone, check_room
from .task import Task

_TIMES = 4  # the weights' size that a conversion takes of memory


def shrunk(model: str, store: Store, task: Task, *, economy: bool = False) -> ModelResult:
    """Makes int8 files of a model, or of the one for faster-whisper that is made of a checkpoint of Whisper; returns
    the sentence on what came of it in `note`. Nothing is done again while the original stays the same.
    Raises `bad_request` for a model without weights to make smaller; `model_missing`; `engine_missing`;
    `input_unreadable`; `output_failed`; `server_busy` while memory is short (`economy`)."""
    if economy:
        raise HushdError("server_busy", "Memory is short, and int8 files take much of it to make.", 60_000)
    row = inventory.row(store, _from_checkpoint(model, store, task))
    spec = catalogue.engine(row.engine)
    if not row.usable:
        raise advice.missing(row.model)
    names = [name for name in row.files if name.endswith((".onnx", "model.bin"))]
    weights = [name for name in names if "int8" not in name.rpartition("/")[2]]
    if not spec or not spec.int8 or not weights:
        raise HushdError("bad_request", f"{row.model} has no weights that hushd can make smaller.")
    with alone(lambda: store.lock(row.model, wait=False), row.model, task):
        trial = precision.find(store, row.model) or _tried(row, spec.int8, weights, store, task)
    return ModelResult(model=row.model, size=row.size, location=str(store.int8_folder(row.model)), note=trial.why)


def _tried(row: Row, kind: str, weights: Sequence[str], store: Store, task: Task) -> Trial:
    place, source = store.int8_folder(row.model), precision.identity(row.paths)
    work = place.with_name(f"{place.name}.new")
    begun, state = work / "source.json", json.dumps(source, sort_keys=True)
    if not begun.is_file() or begun.read_text() != state:
        shutil.rmtree(work, ignore_errors=True)
        replace(begun, state)
    check_room(2 * row.size, work, f"The int8 files of {row.model} take up to {readable(2 * row.size)}")
    _convert(row, kind, weights, precision.place(store, row.model, work), task)
    original, int8, how = compare(row, store, work, task)
    why = precision.judge(original, int8)
    sentence = (
        f"{row.model}: {f'int8 was removed, since {why}' if why else 'int8 is used, being as good'}: {int8.wrong} "
        f"instead of {original.wrong} of {original.words} words wrong, {int8.seconds:.1f} instead of "
        f"{original.seconds:.1f} s of the processor for {original.sound_s:.0f} s, {int8.memory_mb:.0f} instead of "
        f"{original.memory_mb:.0f} MB ({how})."
    )
    trial = Trial(as_good=not why, why=sentence, original=original, int8=int8, source=source)
    for folder in (work / "sounds", *([work / row.engine] if why else [])):
        shutil.rmtree(folder, ignore_errors=True)
    replace(work / "record.json", json.dumps(trial.data()))
    shutil.rmtree(place, ignore_errors=True)
    work.replace(place)
    return trial


def _convert(row: Row, kind: str, weights: Sequence[str], place: Path, task: Task) -> None:
    """Makes the int8 files at `place`, and links the model's other files beside them."""
    in_folder = place.suffix != ".onnx"
    for name, source in zip(row.files, row.paths, strict=True):
        target = place / name if in_folder else place.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in weights:
            if in_folder and kind == "onnx":  # onnx-asr's name for it
                target = target.with_name(f"{target.stem}.int8.onnx")
            if not target.exists():
                task.note(f"making {row.model} smaller: {name}")
                need = _TIMES * source.stat().st_size
                run(task, need, "hushd_worker_models.int8", kind, str(source), str(target))
        elif ".onnx" not in name or name.endswith(".json"):
            target.unlink(missing_ok=True)
            target.symlink_to(source.resolve())


def _from_checkpoint(model: str, store: Store, task: Task) -> str:
    """Returns `faster-whisper/NAME` for a checkpoint `whisper/NAME`, of which it makes that unless it is here; else the
    model itself.

    A checkpoint in Hugging Face's form is a folder `whisper/NAME` in the models folder. Raises `HushdError`.
    """
    engine, _, name = model.partition("/")
    made = next((f"{spec.name}/{name}" for spec in catalogue.engines().values() if spec.made_of == engine), model)
    if made == model or _is_here(store, made):
        return made
    source = store.place(model)
    if not (source / "config.json").is_file():
        row = inventory.row(store, model)
        if not row.usable or row.path is None:
            raise advice.missing(model)
        source = row.path
    size = sum(path.stat().st_size for path in (source.rglob("*") if source.is_dir() else [source]))
    with alone(lambda: store.lock(made, wait=False), made, task):
        if _is_here(store, made):
            return made
        check_room(2 * size, store.folder, f"Making {made} takes {readable(2 * size)}")
        task.note(f"making {made} of {model}")
        run(task, _TIMES * size, "hushd_worker_models.int8", "openai", str(source), str(store.place(made)))
    return made


def _is_here(store: Store, model: str) -> bool:
    return any(row.usable for row in inventory.rows(store) if row.model == model)
