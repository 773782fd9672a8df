"""Shared by voices that speak phonemes, Kokoro's and Piper's: their models, sessions of ONNX Runtime, and times of
words from those of phonemes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models import catalogue
from hushd_worker import compute_device
from hushd_worker.onnx_session import open_session

from hushd_worker_tts.engine import Model

if TYPE_CHECKING:
    from hushd_schema.engines import EngineSpec


def models(
    spec: EngineSpec, files: Mapping[str, Path], languages: Callable[[str], tuple[str, ...]], ready: bool
) -> tuple[Model, ...]:
    """Describes the models of an engine, each a graph: the well-known ones, and the installed `files` by name.

    Args:
        languages: returns those of the model with this name.
        ready: whether everything else that they need is installed.
    """
    sizes = {name: {path.name: path.stat().st_size} for name, path in files.items()}
    return tuple(
        Model(
            name,
            languages(name),
            catalogue.memory_of_files(spec.name, sizes[name]) if name in sizes else int(spec.models[name]["memory_mb"]),
            embedded=False,
            installed=ready and name in files,
        )
        for name in sorted(files.keys() | spec.models.keys())
    )


def session(path: Path, part: bytes | None = None) -> Any:
    """Returns a session of a voice, or of a `part` of its graph, on the configured device, or else on a card that the
    runtime supports; on the CPU with the memory of `onnx_arena`.

    On the CPU it has OMP_NUM_THREADS threads, by default one per core, and weights mapped from the file. Prepacked
    weights stay prepacked: for a voice of piper they are small, and its output stays identical bit for bit.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    providers = compute_device.onnx_providers(onnxruntime)
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    return open_session(onnxruntime.InferenceSession, path, options, providers, often=True, part=part)


def word_marks(text: str, phonemes: Iterable[tuple[str, float]]) -> tuple[tuple[int, float], ...]:
    """Returns the offsets and times of the words in `text`, as `AudioChunk.marks`.

    Returns none if the phonemes have a different number of words, since espeak joins some small ones.

    Args:
        phonemes: the phonemes in order, with their starts in seconds; spaces separate words.
    """
    starts: list[float] = []
    inside = False
    for phoneme, seconds in phonemes:
        if phoneme.isspace():
            inside = False
        elif not inside and phoneme.isalpha():
            starts.append(seconds)
            inside = True
    places: list[int] = []
    end = 0
    for word in text.split():
        place = text.index(word, end)
        end = place + len(word)
        if any(c.isalnum() for c in word):
            places.append(place)
    return tuple(zip(places, starts, strict=True)) if len(places) == len(starts) else ()
