"""Parts a voice's graph where its decoder begins, so that a sentence sounds before all of it is computed.

A voice of piper's (VITS) turns a text into frames, and frames into samples. All that follows the frames is local: a
sample depends on a few frames on either side of its own. So the decoder makes the same samples (within 2e-6) from a
stretch of frames as from all of them. The graph's shape shows the seam: the earliest array on which alone the rest,
convolutions and operations on single numbers, depends.
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


class _Node(NamedTuple):
    field: Field
    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Seam(NamedTuple):
    """The place at which the graph of a voice is parted, and both parts as models of ONNX.

    Attributes:
        frames: the name of the array between them, of the shape (1, channels, frames).
        text: the model whose inputs are the graph's; its outputs are `frames`, and those of the graph but its first.
        decoder: the model whose input is `frames`, and whose output is the graph's first.
        hop: samples that a frame becomes.
        reach: frames before and behind a stretch that its samples depend on.
    """

    frames: str
    text: bytes
    decoder: bytes
    hop: int
    reach: int


def find(model: bytes) -> Seam | None:
    """Returns the seam of a voice's `model`; None if the samples do not come from a decoder of local operations.

    Raises:
        ValueError: the model is damaged, or not in ONNX's format.
    """
    whole = list(fields(model, 0, len(model)))
    graph = next(field for field in whole if field.number == _GRAPH)
    parts = list(fields(model, graph.content, graph.end))
    nodes = [_node(model, field) for field in parts if field.number == _NODE]
    weights = {_string(model, field, _WEIGHT_NAME): field for field in parts if field.number == _WEIGHT}
    sound, *others = (field for field in parts if field.number == _OUTPUT)
    constants = {name for node in nodes if not node.inputs for name in node.outputs}
    frames, decoder = _decoder(nodes, _string(model, sound, 1), {*weights, *constants})
    extent = _extent(model, decoder, frames)
    if extent is None:
        return None
    seam = bytes_field(1, frames.encode()) + bytes_field(2, bytes_field(1, b"\x08\x01"))  # floats of any shape
    inside = {node.field for node in decoder}

    def write(chosen: Sequence[_Node], ends: Sequence[bytes]) -> bytes:
        used = {name for node in chosen for name in node.inputs}
        kept = [node.field for node in nodes if not node.inputs and used.intersection(node.outputs)]
        kept += [node.field for node in chosen if node.inputs]
        kept += [field for name, field in weights.items() if name in used]
        content = b"".join([*(_bytes(model, field) for field in kept), bytes_field(2, b"voice"), *ends])
        return b"".join(bytes_field(_GRAPH, content) if field is graph else _bytes(model, field) for field in whole)

    given = [_bytes(model, field) for field in parts if field.number == _INPUT]
    text = write(
        [node for node in nodes if node.field not in inside],
        [*given, bytes_field(_OUTPUT, seam), *(_bytes(model, field) for field in others)],
    )
    return Seam(frames, text, write(decoder, [bytes_field(_INPUT, seam), _bytes(model, sound)]), *extent)


def _decoder(nodes: Sequence[_Node], sound: str, known: Collection[str]) -> tuple[str, list[_Node]]:
    """Returns the name of the array before the decoder, and the decoder's nodes in their order; none if the sound
    is made otherwise.

    The nodes are in topological order: read from the end, each comes behind all that depend on it.
    """
    wanted, tail, found = {sound}, list[_Node](), ("", 0)
    for node in reversed(nodes):
        if not wanted.intersection(node.outputs):
            continue  # another output's, or one that is known
        convolves = any(each.operation.startswith("Conv") for each in tail)
        if node.operation not in _SINGLE | {"Conv", "ConvTranspose"} | (set() if convolves else _RESHAPING):
            break
        wanted = wanted.difference(node.outputs).union(name for name in node.inputs if name and name not in known)
        tail.append(node)
        if len(wanted) == 1:
            found = next(iter(wanted)), len(tail)
    return found[0], tail[: found[1]][::-1]


def _extent(model: bytes, decoder: Sequence[_Node], frames: str) -> tuple[int, int] | None:
    """Returns the samples that a frame becomes, and the frames on either side that they depend on; None if nothing
    turns frames into more samples, or a convolution's output is not as long as its input, or a multiple of that."""
    rates, reaches = {frames: 1}, {frames: 0.0}
    for node in decoder:
        before = [name for name in node.inputs if name in rates]
        rate, reach = rates[before[0]], max(reaches[name] for name in before)
        if any(rates[name] != rate for name in before):
            return None
        if node.operation.startswith("Conv"):
            of = _attributes(model, node)
            kernel, step, dilation = (of.get(name, (1,)) for name in ("kernel_shape", "strides", "dilations"))
            if not len(kernel) == len(step) == len(dilation) == 1:
                return None  # the convolution is over pictures
            span, pads = (kernel[0] - 1) * dilation[0], of.get("pads", (0, 0))
            if node.operation == "Conv":
                if step[0] != 1 or sum(pads) != span:
                    return None
                reach += max(pads) / rate
            else:
                if span + 1 - sum(pads) + sum(of.get("output_padding", ())) != step[0]:
                    return None
                reach += ceil(max(*pads, span - min(pads)) / step[0]) / rate
                rate *= step[0]
        for name in node.outputs:
            rates[name], reaches[name] = rate, reach
    hop, reach = rates[node.outputs[0]] if decoder else 1, max(reaches.values())
    return (hop, ceil(reach)) if hop > 1 else None


def _node(model: bytes, field: Field) -> _Node:
    operation, inputs, outputs = "", list[str](), list[str]()
    for each in fields(model, field.content, field.end):
        if each.number == _NODE_INPUT:
            inputs.append(model[each.content : each.end].decode())
        elif each.number == _NODE_OUTPUT:
            outputs.append(model[each.content : each.end].decode())
        elif each.number == _OPERATION:
            operation = model[each.content : each.end].decode()
    return _Node(field, operation, tuple(inputs), tuple(outputs))


def _attributes(model: bytes, node: _Node) -> dict[str, tuple[int, ...]]:
    """Returns the attributes of a node that are lists of numbers, none of which is negative."""
    found: dict[str, tuple[int, ...]] = {}
    for field in fields(model, node.field.content, node.field.end):
        if field.number == _ATTRIBUTE:
            numbers = [
                read_varint(model, each.content, each.end)[0]
                for each in fields(model, field.content, field.end)
                if each.number == _INTS
            ]
            if numbers:
                found[_string(model, field, 1)] = tuple(numbers)
    return found


def _string(model: bytes, message: Field, number: int) -> str:
    for field in fields(model, message.content, message.end):
        if field.number == number:
            return model[field.content : field.end].decode()
    return ""


def _bytes(model: bytes, field: Field) -> bytes:
    return model[field.begin : field.end]
