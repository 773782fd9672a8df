"""Graphs in ONNX, written a tensor at a time: a model of 3 GB takes no more memory than its largest matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from hushd_schema.engines.protobuf import varint
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from .making import Part
from .noise import Noise, step

_OPSET, _IR = 18, 9
_PAGE = 4096  # weights in a file of their own begin at a page, so that they can be mapped
_APART = 1024  # bytes of a tensor that is put there
_INITIALIZER, _RAW_DATA, _GRAPH = 0x2A, 0x4A, 0x3A  # fields 5, 9 and 7, each a length and its bytes


@dataclass(frozen=True)
class _Tensor:
    name: str
    kind: np.dtype[Any]
    shape: tuple[int, ...]
    draw: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.kind.itemsize


class Graph:
    """A graph in the making. Methods that add an operation return the names of its outputs.

    Args:
        name: of the graph; its weights depend on it.
        int8: matrices are bytes, multiplied as ONNX Runtime's dynamic quantisation does it.
        notes: those that its makers would put into the file.
    """

    def __init__(self, name: str, noise: Noise, int8: bool = False, notes: Mapping[str, str] | None = None) -> None:
        self.int8 = int8
        self._notes = dict(notes or {})
        self._name, self._noise = name, noise
        self._nodes: list[NodeProto] = []
        self._tensors: list[_Tensor] = []
        self._names = 0

    # --- operations ---

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operation with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """An operation with several outputs."""
        names = [self._new(kind.lower()) for _ in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def output(self, name: str, kind: str, *inputs: str, **attributes: Any) -> None:
        """An operation whose output is the graph's output `name`."""
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))

    def linear(self, x: str, ins: int, outs: int, bias: bool = True, spread: float | None = None) -> str:
        """`x` times a matrix of ins by outs; quantised where the graph is."""
        spread = spread or 0.5 / math.sqrt(ins)
        if not self.int8:
            product = self.op("MatMul", x, self.weights((ins, outs), spread))
        else:
            whole, scale, zero = self.ops("DynamicQuantizeLinear", 3, x)
            product = self.op("MatMulInteger", whole, self._bytes((ins, outs)), zero, self.constant(np.uint8(128)))
            scale = self.op("Mul", scale, self.constant(np.float32(step(spread))))
            product = self.op("Mul", self.op("Cast", product, to=TensorProto.FLOAT), scale)
        return self.op("Add", product, self.weights((outs,), 0.01)) if bias else product

    def norm(self, x: str, width: int) -> str:
        """Layer normalisation of the last axis."""
        ones, zeros = self.constant(np.ones(width, np.float32)), self.constant(np.zeros(width, np.float32))
        return self.op("LayerNormalization", x, ones, zeros, axis=-1)

    def swish(self, x: str) -> str:
        return self.op("Mul", x, self.op("Sigmoid", x))

    def conv(
        self, x: str, ins: int, outs: int, kernel: Sequence[int], group: int = 1, gain: float = 1.0, **attributes: Any
    ) -> str:
        """A convolution over as many axes as its kernel has, in float32, with a bias."""
        fan = ins // group * math.prod(kernel)
        weights = self.weights((outs, ins // group, *kernel), gain / math.sqrt(fan))
        return self.op("Conv", x, weights, self.weights((outs,), 0.01), group=group, **attributes)

    # --- tensors ---

    def weights(self, shape: Sequence[int], spread: float) -> str:
        """Random numbers of float32."""
        name, noise = self._new("w"), self._noise
        return self._add(name, np.float32, shape, lambda: noise.floats(f"{self._name}/{name}", shape, spread))

    def _bytes(self, shape: Sequence[int]) -> str:
        name, noise = self._new("q"), self._noise
        return self._add(name, np.uint8, shape, lambda: noise.bytes(f"{self._name}/{name}", shape))

    def constant(self, value: Any) -> str:
        """An array or a scalar of numpy's; lists of whole numbers are int64."""
        array = np.asarray(value)
        return self._add(self._new("c"), array.dtype, array.shape, lambda: array)

    def made(self, shape: Sequence[int], draw: Callable[[], np.ndarray]) -> str:
        """An array of float32 that `draw` makes when it is written."""
        return self._add(self._new("m"), np.float32, shape, draw)

    def _add(self, name: str, kind: Any, shape: Sequence[int], draw: Callable[[], np.ndarray]) -> str:
        self._tensors.append(_Tensor(name, np.dtype(kind), tuple(shape), draw))
        return name

    def _new(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}_{self._names}"

    # --- the file ---

    def part(
        self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto], apart: bool = False
    ) -> Part:
        """The graph as a file of a model; with `apart`, its weights lie in `NAME.data`."""
        size = sum(tensor.size for tensor in self._tensors)
        return Part(name, size, lambda path: self._save(path, inputs, outputs, apart))

    def _save(
        self,
        path: Path,
        inputs: Sequence[ValueInfoProto],
        outputs: Sequence[ValueInfoProto],
        apart: bool,
    ) -> None:
        offsets = self._save_apart(path.with_name(f"{path.name}.data")) if apart else {}
        heads = [self._head(tensor, offsets, f"{path.name}.data") for tensor in self._tensors]
        lengths = [
            len(head) + (0 if tensor.name in offsets else 1 + len(varint(tensor.size)) + tensor.size)
            for tensor, head in zip(self._tensors, heads, strict=True)
        ]
        graph = helper.make_graph(self._nodes, self._name, inputs, outputs).SerializeToString(deterministic=True)
        model = helper.make_model(helper.make_graph([], "", [], []), opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR
        helper.set_model_props(model, self._notes)
        model.ClearField("graph")
        whole = len(graph) + sum(1 + len(varint(length)) + length for length in lengths)
        with open(path, "wb") as file:
            file.write(model.SerializeToString(deterministic=True))
            _begin(file, _GRAPH, whole)
            file.write(graph)
            for tensor, head, length in zip(self._tensors, heads, lengths, strict=True):
                _begin(file, _INITIALIZER, length)
                file.write(head)
                if tensor.name not in offsets:
                    _begin(file, _RAW_DATA, tensor.size)
                    _write(file, tensor)

    def _save_apart(self, path: Path) -> dict[str, int]:
        """Writes the large tensors; returns where each begins."""
        offsets = {}
        with open(path, "wb") as file:
            for tensor in self._tensors:
                if tensor.size >= _APART:
                    file.write(bytes(-file.tell() % _PAGE))
                    offsets[tensor.name] = file.tell()
                    _write(file, tensor)
        return offsets

    def _head(self, tensor: _Tensor, offsets: dict[str, int], data: str) -> bytes:
        """The tensor's message without its numbers."""
        head = TensorProto()
        head.name, head.data_type = tensor.name, helper.np_dtype_to_tensor_dtype(tensor.kind)
        head.dims.extend(tensor.shape)
        if tensor.name in offsets:
            head.data_location = TensorProto.EXTERNAL
            place = {"location": data, "offset": offsets[tensor.name], "length": tensor.size}
            for key, value in place.items():
                entry = head.external_data.add()
                entry.key, entry.value = key, str(value)
        return head.SerializeToString(deterministic=True)


def floats(name: str, *shape: int | str) -> ValueInfoProto:
    """An input or output of float32."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def ints(name: str, *shape: int | str, kind: int = TensorProto.INT64) -> ValueInfoProto:
    """An input or output of whole numbers."""
    return helper.make_tensor_value_info(name, kind, shape)


def _write(file: BinaryIO, tensor: _Tensor) -> None:
    array = np.asarray(tensor.draw(), tensor.kind)
    if array.shape != tensor.shape:
        raise AssertionError(f"{tensor.name} is {array.shape}, not {tensor.shape}")
    file.write(array.reshape(-1).data)


def _begin(file: BinaryIO, tag: int, length: int) -> None:
    file.write(bytes([tag]) + varint(length))
