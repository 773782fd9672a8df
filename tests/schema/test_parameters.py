"""Bounds and defaults of parameters: a value just inside a bound fits, and one just outside is refused."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest
from golden import golden
from hushd_schema.kinds import PositiveInt, check, must_be
from hushd_schema.operations import LIVE, RECORDED, Field, Name, Operation, Option, documented, given
from hushd_schema.operations.decoder import DECODER
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE
from msgspec import Meta
from support.refusals import hushd_error

FIELDS = {**TRANSCRIBE.fields, **DECODER.fields, **SYNTHESIZE.fields}


def words(count: int) -> dict[str, str]:
    return {str(number): "" for number in range(count)}


@pytest.mark.parametrize(("name", "fits", "refused"), [
    ("clips", [[], [0], [0, 1.5], [0, 1, 2]], [[-1], [1, 1], [2, 1], [0, "1"], [True], [0, math.inf], "0,1", {}, None]),
    ("suppress_tokens", [[], [-1], [3, 7]], [[1.0], [True], ["1"], "-1", None]),
    ("temperature_increment", ["off", 0.01, 1], [0, 0.009, 1.01, "on", True, float("inf")]),
    ("compression_ratio_threshold", ["off", 0, 1000], [-0.1, 1000.1, "on", True, float("inf")]),
    ("logprob_threshold", ["off", -1000, 0], [-1001, 0.1, "on", False]),
    ("no_speech_threshold", ["off", 0, 1], [-0.1, 1.1, "on", True]),
    ("max_segment_s", [0, 1, 3600], [-1, 0.99, 3600.01, True, "1"]),
    ("extra", [{}, words(100)], [words(101), {1: 2}, []]),
    ("pronounce", [{}, {"x" * 200: "y" * 200}, {"x": ""}, words(1000)],
     [{"x" * 201: ""}, {"x": "y" * 201}, words(1001), {" ": "y"}, {"x": 1}, {1: "x"}, []]),
    ("hallucination_silence_threshold", [0, 3600], [-0.1, 3600.1, "off", True]),
])  # fmt: skip
def test_a_parameter_takes_what_is_within_its_bounds(name: str, fits: list[Any], refused: list[Any]) -> None:
    """Times of clips ascend, so none is there twice; a switch is not a number."""
    kind = FIELDS[name].kind
    for value in fits:
        check(name, value, kind)
    for value in refused:
        with hushd_error("bad_request"):
            check(name, value, kind)


def test_bounds_and_defaults_change_on_purpose_only() -> None:
    """Clients of older releases send values within them, and rely on defaults; each kind keeps its word."""
    agreed = (golden.FOLDER.parent / "schema/parameters.txt").read_text()
    golden.check("parameters.txt", agreed, "\n".join([*golden.of_parameters(), ""]))


ALL = Name("all", "every")
FEW = Annotated[int, Meta(ge=1, le=9)]
HUM = Operation(
    "hum",
    {
        "pitch": Field("how high", "a", by_engine=True, http=ALL, option=Option(help="a tone", group="song"), kind=str),
        "bar_s": Field(
            "of a file", 2, RECORDED, http=ALL, mcp=ALL, option=Option(("-b",), kind=FEW), kind=PositiveInt),
        "live": Field("as it comes", False, LIVE, True, http=Name("x"), kind=bool),
    },
    needed=("pitch",),
)  # fmt: skip


def test_the_fields_of_an_operation_have_their_form_in_each_interface() -> None:
    """Those for the kind of audio, in the protocol's names; an option has what its field says unless it says more."""
    assert HUM.defaults() == {"pitch": "a", "bar_s": 2, "live": False}
    assert HUM.by_engine() == ("pitch", "live")
    assert HUM.names_in("http") == {"pitch": ALL, "bar_s": ALL, "live": Name("x")}
    assert HUM.names_in("http", RECORDED) == {"pitch": ALL, "bar_s": ALL}
    assert HUM.names_in("mcp", LIVE) == {}
    pitch, bar = HUM.option("pitch"), HUM.option("bar_s")
    assert (pitch.flags, pitch.help, pitch.kind) == (("--pitch",), "a tone", HUM.fields["pitch"].kind)
    assert (bar.flags, bar.help, must_be(bar.kind)) == (("-b",), "of a file", "a whole number from 1 to 9")
    assert DECODER.option("best_of").flags == ("--best-of",)
    assert [*HUM.options("song")] == ["pitch"]
    assert [*HUM.options("song", "")] == ["pitch", "bar_s"]
    assert HUM.read({"pitch": "b"}) == {"pitch": "b"}


def test_the_docstring_lists_the_fields() -> None:
    """A dictionary of options has them in its docstring."""
    attributes = "        pitch: how high.\n        bar_s: of a file.\n        live: as it comes.\n"
    assert documented("Sings.", HUM.fields) == f"Sings.\n\n    Attributes:\n{attributes}    "


def test_options_that_say_nothing_are_not_sent() -> None:
    """None and False; 0 and an empty text say something, as False does of a flag that is not False when left out; an
    unknown one is refused with those there are."""
    known = {name: Field("", False, kind=bool) for name in "abcd"}
    assert given("hum", {"a": 0, "b": "", "c": None, "d": False}, known) == {"a": 0, "b": ""}
    assert given("hum", {"a": False, "b": None}, dict.fromkeys("ab", Field("", kind=bool))) == {"a": False}
    with pytest.raises(TypeError, match=r"^hum has no option 'x': it takes a, b$"):
        given("hum", {"a": 1, "x": None}, {name: known[name] for name in "ab"})
