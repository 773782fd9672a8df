"""A voice's sound in stretches: the seam of its graph, the same samples, and how long each stretch is."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, prod
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hushd_engines_piper import seam
from support.seeds import seeds

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install onnx")
pytest.importorskip("piper", reason="piper is not installed: pip install 'hushd[engines-piper]'")

from hushd_engines_piper.graph import FIRST_STRETCH, LONGEST_STRETCH, SHORTEST_STRETCH, Graph, next_length  # noqa: E402
from onnx import helper  # noqa: E402
from support.tiny_voices import constant, floats, ints, piper_graph  # noqa: E402

IDS = 3000  # enough for their weights to be taken from the file
RATE = 22_050


def voice(
    path: Path, draw: Random, *, speakers: bool = False, normalized: bool = False, times: int = 8, odd: str = ""
) -> Path:
    """Writes a voice with a decoder like piper's: drawn kernels, dilations and factors.

    Args:
        speakers: whether the decoder depends on a speaker, too.
        normalized: whether each sample depends on all frames.
        times: frames of each phoneme.
        odd: "strided" or "even": a convolution in it leaves every other column out, of an odd or an even kernel;
            "longer": one makes more columns than a multiple; "uneven": one of its sums has two rates.
    """
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    nodes: list[Any] = []
    weights: list[Any] = []

    def op(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"v{len(nodes)}"], **attributes))
        return f"v{len(nodes) - 1}"

    def weight(*shape: int) -> str:
        weights.append(constant(f"w{len(weights)}", (numbers.standard_normal(shape) * 0.4).astype(np.float32)))
        return f"w{len(weights) - 1}"

    def conv(x: str, before: int, after: int, kernel: int, dilation: int = 1) -> str:
        pads = [(kernel - 1) * dilation // 2] * 2
        return op("Conv", x, weight(after, before, kernel), kernel_shape=[kernel], dilations=[dilation], pads=pads)

    weights += [
        constant("times", np.array([1, 1, 1, times])),
        constant("last", np.array([3])),
        constant("flat", np.array([1, 6, -1])),
    ]
    third = op("Constant", value=constant("third", np.array(3.0, np.float32)))
    ids = op("Transpose", op("Gather", weight(IDS, 6), "input"), perm=[0, 2, 1])
    x = op("Reshape", op("Tile", op("Unsqueeze", ids, "last"), "times"), "flat")
    x = conv(op("Mul", x, op("Sign", op("Abs", x))), 6, 8, draw.choice((1, 7)))
    if speakers:
        who = op("Transpose", op("Gather", weight(2, 8), "sid"), perm=[1, 0])
        x = op("Add", x, op("Conv", op("Unsqueeze", who, "first"), weight(8, 8, 1), kernel_shape=[1]))
        weights.append(constant("first", np.array([0])))
    if odd in ("strided", "even"):
        size = 3 if odd == "strided" else 4
        x = op("Conv", x, weight(8, 8, size), kernel_shape=[size], strides=[2], pads=[1, 1])
    if odd == "longer":
        x = op("ConvTranspose", x, weight(8, 8, 4), kernel_shape=[4], strides=[2])
    slow = op("Tanh", x) if odd == "uneven" else ""
    for _ in range(draw.randint(1, 3)):
        factor = draw.choice((2, 4, 8))
        kernel = factor * draw.choice((1, 2, 3))
        if (kernel - factor) % 2:
            kernel += factor
        up = {"kernel_shape": [kernel], "strides": [factor], "pads": [(kernel - factor) // 2] * 2}
        x = op("ConvTranspose", op("LeakyRelu", x, alpha=0.1), weight(8, 8, kernel), **up)
        made = [
            op("Add", x, conv(op("LeakyRelu", x, alpha=0.1), 8, 8, draw.choice((3, 5, 7)), draw.choice((1, 3, 6, 12))))
            for _ in range(draw.randint(1, 3))
        ]
        x = made[0]
        for each in made[1:]:
            x = op("Add", x, each)
        x = op("Div", x, third)
    if odd == "uneven":
        x = op("Add", slow, x)  # the runtime adds them where a single column is there
    if normalized:
        x = op("InstanceNormalization", x, weight(8), weight(8))
    nodes.append(helper.make_node("Unsqueeze", [op("Tanh", conv(x, 8, 1, 7)), "last"], ["output"]))
    inputs = [ints("input", 1, "N"), ints("input_lengths", 1), floats("scales", 3)]
    inputs += [ints("sid", 1)] if speakers else []
    graph = helper.make_graph(nodes, "voice", inputs, [floats("output", 1, 1, "T", 1)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def given(length: int, *, speakers: bool = False) -> dict[str, Any]:
    sid = {"sid": np.array([1])} if speakers else {}
    ids = np.arange(length)[None] * 7 % IDS
    return {"input": ids, "input_lengths": np.array([length]), "scales": np.zeros(3, np.float32), **sid}


def whole(path: Path, inputs: dict[str, Any]) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    known = {each.name for each in session.get_inputs()}
    return session.run(None, {name: value for name, value in inputs.items() if name in known})[0].reshape(-1)


def timed(*seconds: float) -> Any:
    """Returns a clock by which each stretch takes the next of `seconds`, and the last of them from then on."""
    times = iter(seconds)

    def reads() -> Iterator[float]:
        now, last = 1000.0, seconds[-1]
        while True:
            yield now
            now += next(times, last)
            yield now

    return reads().__next__


@seeds(40)
def test_stretches_are_the_whole(seed: int, tmp_path: Path) -> None:
    """Whatever a decoder's convolutions are, its stretches in a row are the samples of the whole graph."""
    draw = Random(seed)
    speakers = draw.random() < 0.4
    (tmp_path / "really").mkdir(exist_ok=True)
    path = tmp_path / f"{seed}.onnx"  # a link, as in a hub's cache
    path.symlink_to(voice(tmp_path / "really" / "voice.onnx", draw, speakers=speakers))
    _, decoder = seam.find(path.read_bytes()) or pytest.fail("it has no seam")
    frames = draw.choice((1, 12, 500))  # frames that play while a stretch is computed
    hop = prod(part.rate for part in decoder)
    graph = Graph(path, RATE, timed(frames * hop / RATE))
    inputs = given(draw.choice((1, 3, 12, 60)), speakers=speakers)
    _, count, sound = graph.run(inputs, 0.0)
    expected = whole(path, inputs)
    stretches = list(sound)
    assert count == len(expected) == sum(map(len, stretches))
    np.testing.assert_allclose(np.concatenate(stretches), expected, atol=2e-5)
    assert len(stretches) > 1 or frames > 1 or count <= (FIRST_STRETCH + SHORTEST_STRETCH) * hop


@pytest.mark.parametrize("kind", ["no decoder", "all frames", "strided", "even", "longer", "uneven"])
def test_a_graph_that_cannot_be_parted_is_computed_whole(kind: str, tmp_path: Path) -> None:
    """A voice without a decoder of convolutions is one stretch, as is one whose samples depend on all frames, on every
    other column, or on sums of two rates, and one whose convolution makes a column more."""
    path = tmp_path / "voice.onnx"
    if kind == "no decoder":
        piper_graph(path)
    else:
        voice(path, Random(1), normalized=kind == "all frames", odd=kind, times=1 if kind == "uneven" else 8)
    assert seam.find(path.read_bytes()) is None
    inputs = given(1 if kind == "uneven" else 60)
    durations, count, sound = Graph(path, RATE).run(inputs, 0.0)
    (only,) = sound
    assert count == len(only)
    np.testing.assert_array_equal(only, whole(path, inputs))
    assert (durations is not None) == (kind == "no decoder")


@pytest.mark.parametrize(("rest", "stretches"), [(1, 1), (SHORTEST_STRETCH, 1), (SHORTEST_STRETCH + 1, 2)])
def test_a_short_rest_belongs_to_the_stretch_before_it(rest: int, stretches: int, tmp_path: Path) -> None:
    """The frames behind a stretch are one of their own only where there are more than in the shortest."""
    path = voice(tmp_path / "voice.onnx", Random(3), times=1)
    _, count, sound = Graph(path, RATE, timed(1e-9)).run(given(FIRST_STRETCH + rest), 0.0)
    made = [len(each) for each in sound]
    assert len(made) == stretches
    assert sum(made) == count


@pytest.mark.parametrize(("ahead", "pace", "following"), [
    (FIRST_STRETCH, inf, LONGEST_STRETCH), (FIRST_STRETCH, 26.0, LONGEST_STRETCH), (inf, 0.1, LONGEST_STRETCH),
    (FIRST_STRETCH, 4.0, 80),  # the frames that are computed while 20 play
    (FIRST_STRETCH, 1.4, 0), (FIRST_STRETCH, 0.1, 0),
])  # fmt: skip
def test_a_stretch_is_ready_in_half_of_the_time(ahead: float, pace: float, following: int) -> None:
    """The next stretch is as long as half of the time ahead allows, and none where that is too short."""
    assert next_length(ahead, pace) == following


def test_a_slow_machine_leaves_no_gap_in_a_sentence(tmp_path: Path) -> None:
    """Sound that the rest would not follow in time is kept back until all of the sentence is there; a piece behind
    others may have a longer first stretch, once its frames are made."""
    path = voice(tmp_path / "voice.onnx", Random(3))
    fast, slow, soon, later = (
        list(Graph(path, RATE, timed(*took)).run(given(60), ahead_s)[2])
        for took, ahead_s in (((0.0001,), 0.0), ((0.0001, 60.0, 0.0001), 0.0), ((0.0001,), 0.00005), ((0.0001,), 100.0))
    )
    assert len(fast[0]) == len(soon[0]) == len(later[0]) // LONGEST_STRETCH * FIRST_STRETCH
    assert len(slow) == 1
    assert len(slow[0]) == len(np.concatenate(fast)) > len(fast[0])


def test_the_time_for_a_sentences_frames_is_of_the_sound_ahead(tmp_path: Path) -> None:
    """Frames that took as long as that plays leave a first stretch as short as that of a first sentence."""
    path = voice(tmp_path / "voice.onnx", Random(3))
    in_time, late = (list(Graph(path, RATE, timed(took, 0.0001)).run(given(60), 100.0)[2]) for took in (0.0001, 100.0))
    assert len(late[0]) == len(in_time[0]) // LONGEST_STRETCH * FIRST_STRETCH


def test_a_sentence_that_nobody_waits_for_is_left(tmp_path: Path) -> None:
    """Nothing more is computed behind the stretch at which a job ends."""
    graph = Graph(voice(tmp_path / "voice.onnx", Random(3)), RATE, timed(0.0001))
    run, computed = graph.sessions[-1].run, list[Any]()
    graph.sessions[-1] = SimpleNamespace(run=lambda *given: (computed.append(given), run(*given))[1])
    _, _, sound = graph.run(given(200), 0.0)
    next(sound)
    sound.close()  # type: ignore[attr-defined]
    assert len(computed) == 1
