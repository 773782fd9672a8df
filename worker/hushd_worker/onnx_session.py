"""Opens sessions of ONNX Runtime whose weights are mapped from the model's file instead of copied.

On a CPU the runtime copies weights twice: out of the graph, and into the order that suits its matrix products
("prepacking"). For Parakeet's encoder in int8, a file of 654 MB, the copies take 675 MB of private memory, and 4.5 s of
CPU time at each load; mapped they take 16 MB and 0.4 s. Without prepacking the output is identical bit for bit in int8,
and almost identical in floats. Each run then takes more CPU time, for this encoder 0.08 s, however long the sound is.
For a graph that runs once per token that is too much (1.3 → 2.5 ms), so those graphs are prepacked.

The rest of a load was mostly a plan for the reuse of memory between outputs: for each node the runtime searches all
free buffers, and compares shapes as text. For Parakeet's encoder that was 1.4 of 1.76 s of CPU time, for kokoro 0.4 of
0.86 s. Without the plan an output is still freed after its last use, so a run takes neither more memory nor more time.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hushd_schema.engines.protobuf import VARINT, Field, bytes_field, fields, varint

MIN_BYTES = 20_000_000  # bytes of a graph to map; a smaller one is copied in less time than it is parsed
_FOLDER = "session.model_external_initializers_file_folder_path"
_NO_PREPACKING = "session.disable_prepacking"
# Microseconds for which a thread that waits for the next operation keeps its core busy, from ONNX Runtime 1.26 on. With
# none a voice of piper's takes 1.1 to 1.2 times as long on a calm machine, whose cores fall asleep; with the runtime's
# own it takes 1.1 times the processor beside other programs, and up to the double.
_SPINNING, _SPINNING_US = "session.intra_op.spin_duration_us", "100"
_STEPS = "decoder", "joint", "beamsearch"  # parts of the names of graphs that run once per token


def open_session(
    create: Callable[..., Any],
    path: Path,
    options: Any,
    providers: Sequence[Any],
    *,
    often: bool = False,
    part: bytes | None = None,
    **others: Any,
) -> Any:
    """Returns a session of the graph in `path`. Raises any error of the runtime.

    Args:
        create: the runtime's `InferenceSession`.
        options: its `SessionOptions`, only for this session, since the options about weights are added.
        part: a model made of a part of the graph, to open in its place; its weights may be references into `path`.
        often: whether it runs often: on a CPU it keeps copies of weights in the order that suits its matrix products,
            and has its memory from `onnx_arena`.
    """
    # Files in the hub's cache are links. The runtime maps a file of that name in that folder; weights in a file beside
    # the graph have their names beside the link alone, where the runtime finds them.
    if len(_parts(path)) == 1:
        path = path.resolve()
    on_cpu = list(providers) == ["CPUExecutionProvider"]
    options.enable_mem_reuse = not on_cpu
    options.add_session_config_entry(_SPINNING, _SPINNING_US)
    mapped = on_cpu and sum(file.stat().st_size for file in _parts(path)) >= MIN_BYTES
    if often and on_cpu:
        from . import onnx_arena  # noqa: PLC0415 - imports onnxruntime

        onnx_arena.share(options)
    if mapped and not often:
        options.add_session_config_entry(_NO_PREPACKING, "1")
    if part is not None:
        options.add_session_config_entry(_FOLDER, str(path.parent))
        return create(part, options, providers, **others)
    # This fails in a runtime before 1.18, and for a damaged graph, for which the plain way has a better error.
    with contextlib.suppress(Exception):
        if mapped and (graph := without_weights(path)) is not None:
            options.add_session_config_entry(_FOLDER, str(path.parent))
            session = create(graph, options, providers, **others)
            session._model_path = str(path)  # kokoro-onnx reads the path of a session
            return session
    return create(str(path), options, providers, **others)


@contextlib.contextmanager
def mapped_sessions(runtime: Any, new_options: Callable[[], Any]) -> Iterator[None]:
    """Makes a package that creates its own sessions, by path, create them by `open_session`.
    `new_options`: returns the `SessionOptions` of each session, in place of the package's."""
    original = runtime.InferenceSession

    def create(model: Any, sess_options: Any, providers: Sequence[Any], **others: Any) -> Any:
        if not isinstance(model, str | Path):  # the package's own small graph, for a card
            return original(model, sess_options, providers, **others)
        often = any(word in Path(model).name for word in _STEPS)
        return open_session(original, Path(model), new_options(), providers, often=often, **others)

    runtime.InferenceSession = create
    try:
        yield
    finally:
        runtime.InferenceSession = original


def _parts(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{path.name}*"))


MIN_MAPPED = 1 << 16  # bytes of a mapped weight; a smaller one is copied in the same time
_GRAPH = 7  # field of ModelProto
_INITIALIZER = 5  # field of GraphProto
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14  # fields of TensorProto
_EXTERNAL = 1  # a value of _DATA_LOCATION


def without_weights(path: Path) -> bytes | None:
    """Returns the graph in `path`, with references into `path` in place of weights of `MIN_MAPPED` bytes or more.

    Returns None if there is no such weight: they may already be in another file, or have another encoding.

    Raises:
        ValueError: the file is damaged, or not in ONNX's format.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        parts: list[bytes] = []
        external = False
        for field in fields(data, 0, len(data)):
            if field.number == _GRAPH:
                graph, refers = _graph(data, field, path.name.encode())
                parts.append(bytes_field(_GRAPH, graph))
                external = external or refers
            else:
                parts.append(data[field.begin : field.end])
    return b"".join(parts) if external else None


def _graph(data: mmap.mmap, graph: Field, name: bytes) -> tuple[bytes, bool]:
    """Returns the content of a graph with references in place of its large weights, and whether there are any."""
    parts, done = [], graph.content
    for field in fields(data, graph.content, graph.end):
        if field.number == _INITIALIZER and field.end - field.content >= MIN_MAPPED:
            tensor = _reference(data, field, name)
            if tensor is not None:
                parts += [data[done : field.begin], bytes_field(_INITIALIZER, tensor)]
                done = field.end
    parts.append(data[done : graph.end])
    return b"".join(parts), len(parts) > 1


def _reference(data: mmap.mmap, tensor: Field, name: bytes) -> bytes | None:
    """Returns the content of a tensor with a reference to its bytes; None if it is too small, or its bytes are
    elsewhere."""
    parts, raw = [], None
    for field in fields(data, tensor.content, tensor.end):
        if field.number == _RAW_DATA:
            raw = field
        elif field.number in (_EXTERNAL_DATA, _DATA_LOCATION):
            return None
        else:
            parts.append(data[field.begin : field.end])
    if raw is None or raw.end - raw.content < MIN_MAPPED:
        return None
    for key, value in (
        ("location", name),
        ("offset", b"%d" % raw.content),
        ("length", b"%d" % (raw.end - raw.content)),
    ):
        entry = bytes_field(1, key.encode()) + bytes_field(2, value)
        parts.append(bytes_field(_EXTERNAL_DATA, entry))
    return b"".join(parts) + varint(_DATA_LOCATION << 3 | VARINT) + varint(_EXTERNAL)
