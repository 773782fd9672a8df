"""Reads model folders of sherpa-onnx's keyword spotter without its library, which ends the process on many invalid
files.

The models are streaming Zipformer transducers: three graphs with metadata, and `tokens.txt` with their units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from hushd_schema.engines import NoModel, NotAlike, model_files


class Described(NamedTuple):
    """A model, as described by its files.

    Attributes:
        files: the names of its files, by the library's names for them.
        units: the units for phrases, such as `▁LIGHT`, `你` or `AH0`; without blanks and other marks.
        step: frames of 40 ms from one run of the graphs to the next; each frame has at most one unit.
    """

    files: Mapping[str, str]
    units: frozenset[str]
    step: int

    @property
    def subwords(self) -> bool:
        """True if a SentencePiece model divides phrases into units."""
        return "bpe" in self.files


TOKENS, SUBWORDS = "tokens.txt", "bpe.model"
_GRAPHS = ("encoder", "decoder", "joiner")
_FAMILY = "zipformer2"
_LISTS = (
    "encoder_dims", "query_head_dims", "value_head_dims", "num_heads", "num_encoder_layers", "cnn_module_kernels",
    "left_context_len",
)  # fmt: skip
_MAX_NUMBER = 100_000  # the largest number in the metadata, since the library allocates by them
_UNIT = re.compile(r"\s*(\S+)\s+(\d{1,9})\s*", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_SUBSAMPLING = 4  # frames of features, of 10 ms, for one frame


def described(folder: Path) -> Described:
    """Returns the model in `folder`.

    Raises:
        NotAlike: if it is not a folder of such a model.
        NoModel: if a file is missing or damaged.
        OSError: if a file cannot be read.
    """
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    files = {role: name for role in _GRAPHS if (name := _graph(names, role))}
    if len(files) < len(_GRAPHS) or TOKENS not in names:
        raise NotAlike(f"it is not a folder with encoder*.onnx, decoder*.onnx, joiner*.onnx and {TOKENS}")
    for name in (*files.values(), TOKENS):
        if not (folder / name).is_file():
            raise NoModel(f"{name} is not a file")
    notes = {role: model_files.graph_metadata(folder / name) for role, name in files.items()}
    if notes["encoder"].get("model_type") != _FAMILY or "decode_chunk_len" not in notes["encoder"]:
        raise NotAlike(f"{files['encoder']} does not say that it is a streaming {_FAMILY}")
    step = _check_encoder(files["encoder"], notes["encoder"])
    vocabulary = _number(files["decoder"], notes["decoder"], "vocab_size")
    _number(files["decoder"], notes["decoder"], "context_size")
    units = _units(folder / TOKENS, vocabulary)
    more = {"bpe": SUBWORDS} if SUBWORDS in names else {}
    return Described({**files, "tokens": TOKENS, **more}, units, step // _SUBSAMPLING)


def _graph(names: list[str], role: str) -> str:
    """Returns the graph for a role: int8 first, except for the decoder, for which the makers recommend float32."""
    fitting = [name for name in names if fnmatchcase(name, f"{role}*.onnx")]
    return min(fitting, key=lambda name: ((".int8." in name) == (role != "decoder"), name), default="")


def _check_encoder(name: str, notes: Mapping[str, str]) -> int:
    """Returns how many frames the encoder advances at a time. Raises `NoModel`."""
    lengths = {len(_numbers(name, notes, key)) for key in _LISTS}
    frames, step = _number(name, notes, "T"), _number(name, notes, "decode_chunk_len")
    if len(lengths) > 1 or step > frames or step % _SUBSAMPLING:
        raise NoModel(f"the notes in {name} contradict each other")
    return step


def _number(name: str, notes: Mapping[str, str], key: str) -> int:
    numbers = _numbers(name, notes, key)
    if len(numbers) > 1:
        raise NoModel(f"{name} says more than one {key}")
    return numbers[0]


def _numbers(name: str, notes: Mapping[str, str], key: str) -> list[int]:
    texts = notes.get(key, "").split(",")
    if not all(_NUMBER.fullmatch(text) and 0 < int(text) <= _MAX_NUMBER for text in texts):
        raise NoModel(f"{name} does not say its {key}, or wrongly")
    return [int(text) for text in texts]


def _units(path: Path, vocabulary: int) -> frozenset[str]:
    """Reads the graphs' units, without those for no sound. Raises `NoModel`."""
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= model_files.MAX_BYTES else ""
    except ValueError as error:
        raise NoModel(f"{path.name} is not a text") from error
    units = set()
    for line in filter(str.strip, text.split("\n")):
        match = _UNIT.fullmatch(line)
        if not match:
            raise NoModel(f"{path.name} has the line {line!r:.60}, which is not a unit and its number")
        if 0 < int(match[2]) < vocabulary and not _is_mark(match[1]):
            units.add(match[1])
    if not units:
        raise NoModel(f"{path.name} has no units")
    return frozenset(units)


def _is_mark(unit: str) -> bool:
    """Returns whether a unit is a mark such as `<unk>` or `#0`, or has a slash, the library's separator of phrases."""
    return (unit[0] == "<" and unit[-1] == ">") or unit[0] in "#@:" or "/" in unit
