"""Sessions of ONNX Runtime whose weights are pages of the model's file, and not copies of them.

On a CPU the runtime copies weights twice: out of the graph, and into an order that its products like
("prepacking"). For the encoder of Parakeet in int8, a file of 654 MB, that is 675 MB that nobody else can have and
4.5 s of CPU time at each load; mapped it is 16 MB and 0.4 s. Without prepacking the output is the same bit for bit
in int8, and nearly so in floats. It costs about the same for each run, 0.08 s of CPU time there, however long
the sound is. For a graph that runs for each token that is too much (1.3 → 2.5 ms), and so those are prepacked. With
HUSHD_WEIGHTS=packed nothing is mapped and all is prepacked, which may pay for who transcribes short utterances all
day: `hushd tune` tries it.

Most of what is left of a load was a plan by which outputs take each other's memory: for each node the runtime looks
through all that are free by then, by their shapes as text. For Parakeet's encoder that was 1.4 of 1.76 s of CPU time,
for kokoro 0.4 of 0.86 s. An output is freed after its last use all the same, so a run takes no more memory, and no more
time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError

WORTH_IT = 20_000_000  # bytes: a smaller graph is copied sooner than it is read through
ENVIRONMENT, PACKED = "HUSHD_WEIGHTS", "packed"
_FOLDER = "session.model_external_initializers_file_folder_path"
_NO_PREPACKING = "session.disable_prepacking"
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_STEPS = "decoder", "joint", "beamsearch"  # in the names of graphs that run for each token


def open_session(
    create: Callable[..., Any],
    path: Path,
    options: Any,
    providers: Sequence[Any],
    *,
    prepack: bool = False,
    **others: Any,
) -> Any:
    """Returns a session of the graph in `path`.

    Args:
        create: the runtime's `InferenceSession`.
        options: its `SessionOptions`, of this session alone, since this adds what is about weights.
        prepack: whether its products keep copies of weights in the order that they like.
        others: passed on to `create`.

    Raises:
        HushdError: `bad_request` for an unknown value of HUSHD_WEIGHTS.
        Exception: whatever the runtime raises.
    """
    path = path.resolve()  # the hub's cache has links, and weights are looked for where the file is
    on_cpu = list(providers) == ["CPUExecutionProvider"]
    options.enable_mem_reuse = not on_cpu
    large = on_cpu and _size(path) >= WORTH_IT
    mapped = _mapping_asked() and large
    if mapped and not prepack:
        options.add_session_config_entry(_NO_PREPACKING, "1")
    if mapped and (graph := _without_weights(path)) is not None:
        options.add_session_config_entry(_FOLDER, str(path.parent))
        # Fails in a runtime before 1.18, and for a damaged graph, of which the plain way says what is wrong.
        with contextlib.suppress(Exception):
            session = create(graph, options, providers, **others)
            session._model_path = str(path)  # as of any other: kokoro-onnx reads it
            return session
    with large_blocks_apart() if large else contextlib.nullcontext():
        return create(str(path), options, providers, **others)


@contextlib.contextmanager
def large_blocks_apart() -> Iterator[None]:
    """Has glibc give each block of a megabyte pages of its own meanwhile, which go back when it is freed.

    The runtime frees each weight that it has copied, and holes between those that stay are not given back: Parakeet in
    int8, packed, held 1,330 MB, and 774 with this. Jobs pay for it, a third more CPU time with kokoro, so that
    afterwards it is as glibc has it in the end for a program that uses large blocks. A value of the user's stays.
    """
    if any(os.environ.get(f"MALLOC_{name}_THRESHOLD_") for name in ("MMAP", "TRIM")):
        yield
        return
    _mallopt(_MMAP_THRESHOLD, 1 << 20)
    try:
        yield
    finally:
        _mallopt(_MMAP_THRESHOLD, 32 << 20)
        _mallopt(_TRIM_THRESHOLD, 64 << 20)


def _mallopt(parameter: int, value: int) -> None:
    import ctypes

    with contextlib.suppress(AttributeError, OSError):  # not glibc
        ctypes.CDLL(None).mallopt(parameter, value)


@contextlib.contextmanager
def mapped_sessions(runtime: Any, new_options: Callable[[], Any]) -> Iterator[None]:
    """Has a package that makes its sessions itself, by paths, make them by `open_session` meanwhile.

    Args:
        runtime: the module onnxruntime.
        new_options: makes the `SessionOptions` of each, in place of the package's.
    """
    original = runtime.InferenceSession

    def create(model: Any, sess_options: Any, providers: Sequence[Any], **others: Any) -> Any:
        if not isinstance(model, str | Path):  # a small graph of the package's own, for a card
            return original(model, sess_options, providers, **others)
        prepack = any(word in Path(model).name for word in _STEPS)
        return open_session(original, Path(model), new_options(), providers, prepack=prepack, **others)

    runtime.InferenceSession = create
    try:
        yield
    finally:
        runtime.InferenceSession = original


def _mapping_asked() -> bool:
    asked = os.environ.get(ENVIRONMENT, "")
    if asked not in ("", "mapped", PACKED):
        raise HushdError("bad_request", f"{ENVIRONMENT} is mapped or {PACKED}, not {asked[:40]!r}.")
    return asked != PACKED


def _size(path: Path) -> int:
    """The bytes of a graph with the weights beside it."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def _without_weights(path: Path) -> bytes | None:
    from .onnx_graph import without_weights

    try:
        return without_weights(path)
    except (OSError, ValueError):
        return None
