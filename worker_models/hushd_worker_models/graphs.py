"""`python -m hushd_worker_models.graphs SOURCE TARGET …`: ONNX graphs with weights of a byte, by ONNX Runtime's own
dynamic quantisation. What it says is for `child`.

Matrices only: convolutions of bytes are slower than those of floats on a processor, and spoil what they make.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError, reason

KINDS = ("MatMul", "Gemm", "LSTM", "Attention")
WORTH = 0.9  # of its size; a graph that stays larger has next to nothing but convolutions


def main(arguments: Sequence[str]) -> int:
    paths = [Path(path) for path in arguments]
    pairs = list(zip(paths[::2], paths[1::2], strict=True))
    try:
        # What the libraries print belongs into the log.
        answers = os.dup(1)
        os.dup2(2, 1)
        for number, (source, target) in enumerate(pairs):
            _say(answers, done=number, total=len(pairs))
            _say(answers, note=f"quantizing {source.name}")
            quantize(source, target)
        _check(pairs)
    except HushdError as error:
        _say(answers, error=error.code, message=error.message)
        return error.exit_code
    _say(answers, done=len(pairs), total=len(pairs))
    return 0


def quantize(source: Path, target: Path) -> None:
    """Writes to `target` what `source` is, with its matrices in bytes.

    Raises:
        HushdError: `engine_missing`, `input_unreadable`, `output_failed`.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"This takes onnx and onnxruntime ({reason(error)}): {extra_command('quantize')}."
        ) from error
    try:
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=list(KINDS),
            per_channel=True,
            weight_type=QuantType.QInt8,
            # Without VNNI two products of bytes may overflow the sixteen bits they are added in; seven bits never do.
            reduce_range=not _adds_wide(),
            extra_options={"MatMulConstBOnly": True},
        )
    except OSError as error:
        if error.filename and Path(error.filename) == source:
            raise HushdError("input_unreadable", f"{source} cannot be read ({error.strerror}).") from error
        raise HushdError("output_failed", f"{target} cannot be written ({error.strerror or error}).") from error
    except Exception as error:  # whatever a damaged graph makes of protobuf and of the runtime
        raise HushdError("input_unreadable", f"{source} cannot be made smaller ({reason(error)[:200]}).") from error


def _check(pairs: Sequence[tuple[Path, Path]]) -> None:
    before = sum(_size(source) for source, _ in pairs)
    after = sum(_size(target) for _, target in pairs)
    if after > WORTH * before:
        raise HushdError(
            "bad_request",
            f"int8 would make {after / 1e6:.1f} of {before / 1e6:.1f} MB: there are hardly any matrices in it, and "
            "convolutions stay as they are.",
        )


def _size(graph: Path) -> int:
    """Of a graph with the weights that may lie beside it."""
    return sum(path.stat().st_size for path in graph.parent.glob(f"{graph.name}*") if not path.name.endswith(".json"))


def _adds_wide() -> bool:
    """Returns whether the processor adds products of bytes in 32 bits."""
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return sys.platform == "darwin"  # arm64
    return any(word in flags for word in ("avx512_vnni", "avx_vnni", "asimddp"))


def _say(descriptor: int, **words: object) -> None:
    os.write(descriptor, json.dumps(words).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
