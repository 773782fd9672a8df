"""Detects the format of a user's model by its content, without loading it: nothing in it runs.

Each check reads what identifies the model, and whether the file is whole: a browser leaves a truncated file of most
downloads that fail.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from hushd_protocol.errors import HushdError

_LONGEST = 16_000_000  # bytes of a checkpoint's or a voice's description
_GRAPH = 7  # the field of an ONNX model that holds its graph
_LENGTH_DELIMITED, _VARINT, _FIXED64, _FIXED32 = 2, 0, 1, 5
_CT2_NAMES = ("config.json", "model.bin", "tokenizer.json")


class NotAlike(Exception):
    """The file has another format; the message says what this one needs."""


class NoModel(Exception):
    """The file looks like a model and is none, or only a part of one; the message says why."""


Files = dict[str, Path]  # by their names in the models folder, relative to the engine's place for the model


def look_at(path: Path, name: str, engine: str = "") -> tuple[str, Files]:
    """The engine that `path` is a model for, `engine` if it is one for that, and the files it consists of.

    Raises:
        HushdError: `input_unreadable` for what is no model; `bad_request` for an engine that takes none.
    """
    if engine and engine not in LIKENESSES:
        raise HushdError("bad_request", f"Models can be imported for {', '.join(LIKENESSES)}, not for {engine[:80]!r}.")
    try:
        if not path.exists():
            raise HushdError("input_unreadable", f"There is no {path}, as far as hushd's worker may see.")
        why = _KINDS
        for candidate in (engine,) if engine else _ORDER:
            try:
                return candidate, LIKENESSES[candidate](path, name)
            except NoModel as error:
                why = str(error)
                break
            except NotAlike as error:
                why = str(error) if engine else why
    except OSError as error:
        raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror or error}).") from error
    wanted = f"model for {engine}" if engine else "model that hushd knows"
    raise HushdError("input_unreadable", f"{path} is no {wanted}: {why}.")


def _whisper(path: Path, name: str) -> Files:
    if path.suffix != ".pt" or not path.is_file():
        raise NotAlike("it is no checkpoint, a .pt file")
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next((e for e in archive.infolist() if e.filename.endswith("/data.pkl")), None)
            description = archive.read(entry) if entry and entry.file_size <= _LONGEST else b""
    except OSError:
        raise
    except Exception as error:  # whatever a damaged archive makes Python do
        raise NoModel("it is only a part of a checkpoint, or none") from error
    if b"model_state_dict" not in description or b"n_vocab" not in description:
        raise NoModel("it holds something else than a checkpoint of Whisper's in OpenAI's format")
    return {f"{name}.pt": path}


def _ctranslate2(path: Path, _: str) -> Files:
    if not (path / "model.bin").is_file():
        raise NotAlike("a folder in CTranslate2's format has a model.bin")
    if missing := [wanted for wanted in _CT2_NAMES if not (path / wanted).is_file()]:
        raise NoModel(f"a folder in CTranslate2's format has {missing[0]}")
    with open(path / "model.bin", "rb") as file:
        head = file.read(64)
    # A number of the format, then the kind of model, a text behind its length.
    if len(head) < 8 or not 1 <= struct.unpack_from("<I", head)[0] <= 64 or b"Whisper" not in head[6:40]:
        raise NoModel("its model.bin is no Whisper model in CTranslate2's format")
    vocabulary = [file for file in path.glob("vocabulary.*") if file.is_file()]
    if not vocabulary:
        raise NoModel("it has no vocabulary.json or vocabulary.txt")
    return _all_in(path)


def _onnx_asr(path: Path, _: str) -> Files:
    graphs = sorted([*path.glob("*.onnx"), *path.glob("*/*.onnx")]) if path.is_dir() else []
    if not graphs:
        raise NotAlike("it is no folder with graphs, .onnx files, in it")
    words = ("vocab.txt", "vocab.json", "tokens.txt", "config.json")
    if not any([*path.glob(word), *path.glob(f"*/{word}"), *path.glob(f"*_{word}")] for word in words):
        raise NoModel(f"it has graphs, but none of {', '.join(words)}, which say what they hear")
    for graph in graphs:
        _check_graph(graph)
    return _all_in(path)


def _piper(path: Path, name: str) -> Files:
    if path.suffix != ".onnx" or not path.is_file():
        raise NotAlike("it is no voice, an .onnx file")
    description = path.with_name(f"{path.name}.json")
    if not description.is_file():
        raise NoModel(f"a voice of piper's has {description.name} beside it")
    content = _json(description)
    if "phoneme_id_map" not in content or "audio" not in content:
        raise NoModel(f"{description.name} does not describe a voice of piper's")
    _check_graph(path)
    return {f"{name}.onnx.json": description, f"{name}.onnx": path}


def _kokoro(path: Path, name: str) -> Files:
    if path.suffix != ".onnx" or not path.is_file():
        raise NotAlike("it is no graph, an .onnx file")
    _check_graph(path)
    voices = sorted(path.parent.glob("voices*.bin"))
    if not voices:
        raise NoModel("kokoro's model has voices-v1.0.bin beside it")
    return {voices[-1].name: voices[-1], f"{name}.onnx": path}


def _chatterbox(path: Path, _: str) -> Files:
    if not path.is_dir() or not any((path / f"ve{end}").is_file() for end in (".safetensors", ".pt")):
        raise NotAlike("it is no folder of chatterbox's, which has ve.safetensors or ve.pt")
    for file in path.glob("*.safetensors"):
        _check_safetensors(file)
    return _all_in(path)


LIKENESSES: Mapping[str, Callable[[Path, str], Files]] = {
    "whisper": _whisper,
    "faster-whisper": _ctranslate2,
    "onnx-asr": _onnx_asr,
    "piper": _piper,
    "kokoro": _kokoro,
    "chatterbox": _chatterbox,
}
_KINDS = (
    "those are checkpoints (.pt), piper's voices (.onnx), and folders of faster-whisper's, onnx-asr's and "
    "chatterbox's; for another kind name its --engine"
)
_ORDER = ("faster-whisper", "chatterbox", "onnx-asr", "whisper", "piper")  # a graph alone may be anything: not kokoro


def _all_in(folder: Path) -> Files:
    """The files in a folder but for hidden ones, links followed."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def _json(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise NoModel(f"{path.name} is no JSON") from error
    return content if isinstance(content, dict) else {}


def _check_graph(path: Path) -> None:
    """Walks over the outermost fields of an ONNX file: they end where the file does.

    Raises:
        NoModel: they do not, or there is no graph among them.
    """
    size, found, at = path.stat().st_size, False, 0
    with open(path, "rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(20)
            key, used = _varint(head, 0)
            kind = key & 7
            if kind == _LENGTH_DELIMITED:
                length, used = _varint(head, used)
                used += length
                found = found or (key >> 3 == _GRAPH and length > 0)
            elif kind == _VARINT:
                _, used = _varint(head, used)
            elif kind in (_FIXED32, _FIXED64):
                used += 4 if kind == _FIXED32 else 8
            else:
                used = 0
            if not used or not key >> 3:
                raise NoModel(f"{path.name} is no graph in ONNX's format")
            at += used
    if at != size:
        raise NoModel(f"{path.name} is only a part of a graph: {size} bytes of {at}")
    if not found:
        raise NoModel(f"{path.name} is no graph in ONNX's format")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of protobuf's and where it ends; 0 and 0 where there is none."""
    value = 0
    for shift in range(10):
        if at + shift >= len(data):
            return 0, 0
        value |= (data[at + shift] & 127) << (7 * shift)
        if data[at + shift] < 128:
            return value, at + shift + 1
    return 0, 0


def _check_safetensors(path: Path) -> None:
    """A header of JSON behind its length, and numbers up to where it says.

    Raises:
        NoModel: it is none, or only a part of one.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size, _LONGEST * 8):
            raise NoModel(f"{path.name} is not in the format of safetensors")
        try:
            header = json.loads(file.read(length))
            end = max(int(tensor["data_offsets"][1]) for name, tensor in header.items() if name != "__metadata__")
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise NoModel(f"{path.name} is not in the format of safetensors") from error
    if 8 + length + end != size:
        raise NoModel(f"{path.name} is only a part: {size} bytes of {8 + length + end}")
