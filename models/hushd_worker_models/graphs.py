"""`python -m hushd_worker_models.graphs SOURCE TARGET …`: quantizes ONNX graphs to int8 weights, by ONNX Runtime's own
dynamic quantization. Its output is for `quantize`.

Only matrices are quantized: int8 convolutions are slower than float ones on a CPU, and much less accurate.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError, reason

KINDS = ("MatMul", "Gemm", "LSTM", "Attention")
MAX_SHARE = 0.9  # of the original size; a graph that stays larger has hardly any matrices


def main(arguments: Sequence[str]) -> int:
    paths = [Path(path) for path in arguments]
    pairs = list(zip(paths[::2], paths[1::2], strict=True))
    try:
        # The libraries' output belongs in the log.
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
    """Writes `source` to `target` with its matrices quantized to int8.

    Raises:
        HushdError: `engine_missing`, `input_unreadable`, `output_failed`.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"This requires onnx and onnxruntime ({reason(error)}): {extra_command('quantize')}."
        ) from error
    folder = target.with_suffix(".source")
    try:
        quantize_dynamic(
            _copied(source, folder),
            target,
            op_types_to_quantize=list(KINDS),
            per_channel=True,
            weight_type=QuantType.QInt8,
            # Without VNNI the sum of two products of 8-bit numbers may overflow its 16 bits; with 7-bit weights it
            # cannot.
            reduce_range=not _adds_wide(),
            extra_options={"MatMulConstBOnly": True},
        )
    except OSError as error:
        if error.filename and Path(error.filename) == source:
            raise HushdError("input_unreadable", f"{source} cannot be read ({error.strerror}).") from error
        raise HushdError("output_failed", f"{target} cannot be written ({error.strerror or error}).") from error
    except Exception as error:  # protobuf and the runtime may raise anything for a damaged graph
        raise HushdError("input_unreadable", f"{source} cannot be made smaller ({reason(error)[:200]}).") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(source: Path, folder: Path) -> Path:
    """Copies the graph and its files of weights into `folder`, which it makes; returns the graph there.

    onnx reads no weights through a link of any kind, which all files in Hugging Face's cache are, and writes beside
    them.
    """
    folder.mkdir()
    for path in _parts(source):
        shutil.copyfile(path, folder / path.name)
    return folder / source.name


def _check(pairs: Sequence[tuple[Path, Path]]) -> None:
    size_before = sum(_size(source) for source, _ in pairs)
    size_after = sum(_size(target) for _, target in pairs)
    if size_after > MAX_SHARE * size_before:
        raise HushdError(
            "bad_request",
            f"int8 would make {size_after / 1e6:.1f} of {size_before / 1e6:.1f} MB: it has hardly any matrices, "
            "and convolutions stay as they are.",
        )


def _size(graph: Path) -> int:
    """Returns the size of a graph, including a file of weights beside it."""
    return sum(path.stat().st_size for path in _parts(graph))


def _parts(graph: Path) -> list[Path]:
    return [path for path in graph.parent.glob(f"{graph.name}*") if not path.name.endswith(".json")]


def _adds_wide() -> bool:
    """Returns whether the CPU adds products of bytes in 32 bits."""
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return sys.platform == "darwin"  # arm64
    return any(word in flags for word in ("avx512_vnni", "avx_vnni", "asimddp"))


def _say(descriptor: int, **words: object) -> None:
    os.write(descriptor, json.dumps(words).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
