"""Parts a voice's graph where its decoder begins, so that a sentence sounds before all of it is computed.

A voice of piper's (VITS) turns a text into frames, and frames into samples. All that follows the frames is local: a
sample depends on a few frames on either side of its own. So the decoder makes the same samples (within 2e-6) from a
stretch of frames as from all of them. The graph's shape shows the seam: the earliest array on which alone the rest,
convolutions and operations on single numbers, depends.

The decoder has another seam: its first convolutions, which need ten frames on either side, are a sixth of its work.
Behind them a stretch needs a single one, so that a cut costs little.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil
from typing import NamedTuple

from hushd_schema.engines.protobuf import Field, bytes_field, fields, read_varint

_GRAPH = 7  # field of ModelProto
_NODE, _WEIGHT, _INPUT, _OUTPUT = 1, 5, 11, 12  # fields of GraphProto
_NODE_INPUT, _NODE_OUTPUT, _OPERATION, _ATTRIBUTE = 1, 2, 4, 5  # fields of NodeProto
_WEIGHT_NAME = 8  # field of TensorProto
_INTS = 8  # field of AttributeProto
_SINGLE = frozenset(("Add", "Div", "Elu", "Identity", "LeakyRelu", "Mul", "Relu", "Sigmoid", "Sub", "Tanh"))
_RESHAPING = frozenset(("Squeeze", "Unsqueeze"))  # operations behind the last convolution
_FEW = 2  # frames on either side that the second part of a decoder may need


class _Node(NamedTuple):
    field: Field
    operation: str
    inputs: Sequence[str]
    outputs: Sequence[str]


class Part(NamedTuple):
    """A part of a decoder, as a model of ONNX.

    Attributes:
        given: the name of its input, of the shape (1, channels, columns).
        rate: columns or samples that it makes of a column.
        reach: columns before and behind a stretch on which what is made of that depends.
    """

    given: str
    model: bytes
    rate: int
    reach: int


def find(model: bytes) -> tuple[bytes, Sequence[Part]] | None:
    """Returns the parts of a voice's `model`: one whose inputs are the graph's, and whose outputs are the frames and
    those of the graph but its first; and the decoder's two, of which the second makes the graph's first output.

    Returns None if the samples do not come from a decoder of local operations. Raises ValueError if the model is
    damaged, or not in ONNX's format.
    """
    whole = list(fields(model, 0, len(model)))
    graph = next(field for field in whole if field.number == _GRAPH)
    parts = list(fields(model, graph.content, graph.end))
    nodes = [_node(model, field) for field in parts if field.number == _NODE]
    weights = {_string(model, field, _WEIGHT_NAME): field for field in parts if field.number == _WEIGHT}
    sound, *others = (field for field in parts if field.number == _OUTPUT)
    constants = {name for node in nodes if not node.inputs for name in node.outputs}
    name = _string(model, sound, 1)
    arrays, tail = _arrays(nodes, name, {*weights, *constants})
    frames, count = arrays[0] if arrays else ("", 0)
    decoder = tail[:count][::-1]
    extents = _extents(model, decoder, frames)
    hop, reach = extents.get(name, (1, 0.0))
    near = [each for each in arrays[1:] if hop > 1 and reach - extents[each[0]][1] <= _FEW]
    if not near:
        return None
    columns, count = near[0]
    rate, before = extents[columns]

    def write(chosen: Sequence[_Node], *ends: bytes) -> bytes:
        used = {name for node in chosen for name in node.inputs}
        kept = [node.field for node in nodes if not node.inputs and used.intersection(node.outputs)]
        kept += [node.field for node in chosen if node.inputs]
        kept += [field for name, field in weights.items() if name in used]
        content = b"".join([*(_bytes(model, field) for field in kept), bytes_field(2, b"voice"), *ends])
        return b"".join(bytes_field(_GRAPH, content) if field is graph else _bytes(model, field) for field in whole)

    given = [_bytes(model, field) for field in parts if field.number == _INPUT]
    behind = {node.field for node in decoder}
    ahead = [node for node in nodes if node.field not in behind]
    text = write(ahead, *given, _floats(_OUTPUT, frames), *(_bytes(model, field) for field in others))
    coarse = write(decoder[:-count], _floats(_INPUT, frames), _floats(_OUTPUT, columns))
    fine = write(decoder[-count:], _floats(_INPUT, columns), _bytes(model, sound))
    reach = (reach - before) * rate
    return text, (Part(frames, coarse, rate, ceil(before)), Part(columns, fine, hop // rate, ceil(reach)))


def _arrays(nodes: Sequence[_Node], sound: str, known: Collection[str]) -> tuple[list[tuple[str, int]], list[_Node]]:
    """Returns the arrays on which alone the rest of a decoder depends, the earliest first, each with the number of
    nodes behind it; and the nodes, the last first. There are none if the sound is made otherwise.

    The nodes are in topological order: read from the end, each comes behind all that depend on it.
    """
    wanted, tail, found = {sound}, list[_Node](), list[tuple[str, int]]()
    for node in reversed(nodes):
        if not wanted.intersection(node.outputs):
            continue  # another output's, or one that is known
        convolves = any(each.operation.startswith("Conv") for each in tail)
        if node.operation not in _SINGLE | {"Conv", "ConvTranspose"} | (set() if convolves else _RESHAPING):
            break
        wanted = wanted.difference(node.outputs).union(name for name in node.inputs if name and name not in known)
        tail.append(node)
        if len(wanted) == 1:
            found.append((next(iter(wanted)), len(tail)))
    return found[::-1], tail


def _extents(model: bytes, decoder: Sequence[_Node], frames: str) -> dict[str, tuple[int, float]]:
    """Returns what a frame becomes in each array, as columns or samples, and the frames on either side that they
    depend on; nothing if a convolution's output is not as long as its input, or a multiple of that."""
    extents = {frames: (1, 0.0)}
    for node in decoder:
        before = [extents[name] for name in node.inputs if name in extents]
        if len({rate for rate, _ in before}) != 1:
            return {}
        rate, reach = max(before)
        if node.operation.startswith("Conv"):
            of = _attributes(model, node)
            kernel, step, dilation = (of.get(name) or [1] for name in ("kernel_shape", "strides", "dilations"))
            if not len(kernel) == len(step) == len(dilation) == 1:
                return {}  # the convolution is over pictures
            span, pads = (kernel[0] - 1) * dilation[0], of.get("pads") or [0, 0]
            made = span + 1 - sum(pads) + sum(of.get("output_padding", ()))  # what a single column becomes
            if made != step[0] or (made > 1 and node.operation == "Conv"):
                return {}
            reach += ceil(max(*pads, span - min(pads)) / made) / rate
            rate *= made
        extents |= dict.fromkeys(node.outputs, (rate, reach))
    return extents


def _node(model: bytes, field: Field) -> _Node:
    texts: dict[int, list[str]] = {_OPERATION: [], _NODE_INPUT: [], _NODE_OUTPUT: []}
    for each in fields(model, field.content, field.end):
        if each.number in texts:
            texts[each.number].append(model[each.content : each.end].decode())
    operation, inputs, outputs = texts.values()
    return _Node(field, "".join(operation), inputs, outputs)


def _attributes(model: bytes, node: _Node) -> dict[str, list[int]]:
    """Returns the attributes of a node; those without a list of numbers are empty."""
    return {
        _string(model, attribute, 1): [
            read_varint(model, each.content, each.end)[0]
            for each in fields(model, attribute.content, attribute.end)
            if each.number == _INTS
        ]
        for attribute in fields(model, node.field.content, node.field.end)
        if attribute.number == _ATTRIBUTE
    }


def _string(model: bytes, message: Field, number: int) -> str:
    texts = (each for each in fields(model, message.content, message.end) if each.number == number)
    return next((model[each.content : each.end].decode() for each in texts), "")


def _floats(number: int, name: str) -> bytes:
    """Returns the graph's input or output of this name, an array of floats of any shape."""
    return bytes_field(number, bytes_field(1, name.encode()) + bytes_field(2, bytes_field(1, b"\x08\x01")))


def _bytes(model: bytes, field: Field) -> bytes:
    return model[field.begin : field.end]
