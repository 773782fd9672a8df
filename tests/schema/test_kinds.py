"""Parameters from outside: what each kind takes and refuses, and the one form of every error."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

import pytest
from hushd_schema.kinds import (
    Kind,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    check,
    choice,
    few,
    from_text,
    must_be,
    read,
    seconds,
    span_s,
)
from hushd_schema.operations import Extra, Field, pair
from hushd_schema.operations.decoder import DECODER
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE
from msgspec import Meta
from support.refusals import hushd_error

CLIPS, THRESHOLD = TRANSCRIBE.fields["clips"].kind, DECODER.fields["no_speech_threshold"].kind
assert TRANSCRIBE.fields["clips"].option
PARSE_CLIPS = TRANSCRIBE.fields["clips"].option.parse
HUGE = 10**400
# Every value is tried with every kind; those named here fit, and become what stands beside them.
VALUES: list[Any] = [
    True, False, 0, 1, -1, 2, 100, 101, HUGE, -HUGE, 0.0, 0.5, 1.0, 2.5, -0.5, math.inf, -math.inf, math.nan, "", "a",
    "1", "True", "90s", "-1m", "x" * 9, b"a", [], ["a"], ["a", 1], [["a"]], {}, {"a": "b"}, {"a": 1}, (), object, None,
]  # fmt: skip
TABLE: list[tuple[Kind, str, list[tuple[Any, Any]]]] = [
    (bool, "true or false", [(True, True), (False, False)]),
    (Annotated[int, Meta(ge=1, le=100)], "a whole number from 1 to 100", [(1, 1), (2, 2), (100, 100)]),
    (NonNegativeInt, "a whole number, 0 or more", [(0, 0), (1, 1), (2, 2), (100, 100), (101, 101), (HUGE, HUGE)]),
    (Annotated[int, Meta(ge=-1, le=0)], "a whole number from -1 to 0", [(-1, -1), (0, 0)]),
    (Annotated[float, Meta(ge=0.5, le=2.5)], "a number from 0.5 to 2.5", [
        (1, 1.0), (2, 2.0), (0.5, 0.5), (1.0, 1.0), (2.5, 2.5)]),
    (NonNegativeFloat, "a number, 0 or more", [
        (0, 0.0), (1, 1.0), (2, 2.0), (100, 100.0), (101, 101.0), (0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (2.5, 2.5)]),
    (Annotated[float, seconds(1)], 'a time of 1 s or more, such as 90, "90s" or "1h30m"', [
        (1, 1.0), (2, 2.0), (100, 100.0), (101, 101.0), (1.0, 1.0), (2.5, 2.5), ("1", 1.0), ("90s", 90.0)]),
    (Annotated[float, seconds()], 'a time of 0 s or more, such as 90, "90s" or "1h30m"', [
        (0, 0.0), (0.0, 0.0), (0.5, 0.5), (1, 1.0), (2, 2.0), (100, 100.0), (101, 101.0), (1.0, 1.0), (2.5, 2.5),
        ("1", 1.0), ("90s", 90.0)]),
    (str, "text", [(word, word) for word in ("", "a", "1", "True", "90s", "-1m", "x" * 9)]),
    (Annotated[str, Meta(max_length=8)], "text of at most 8 characters", [
        (word, word) for word in ("", "a", "1", "True", "90s", "-1m")]),
    (Annotated[str, Meta(min_length=1, max_length=8)], "text of at most 8 characters that is not empty", [
        (word, word) for word in ("a", "1", "True", "90s", "-1m")]),
    (Literal["a", "b", "c"], "a, b or c", [("a", "a")]),
    (tuple[str, ...], "a list of strings", [([], ()), (["a"], ("a",)), ((), ())]),
    (dict[str, str], "a table of strings", [({}, {}), ({"a": "b"}, {"a": "b"})]),
]  # fmt: skip


def same(first: object, second: object) -> bool:
    """Returns whether both are equal and of one type, for True is 1 to Python."""
    return type(first) is type(second) and (first == second or first is second)


@pytest.mark.parametrize(("kind", "wanted", "good"), TABLE, ids=[wanted for _, wanted, _ in TABLE])
def test_each_kind_takes_its_values_and_no_others(kind: Kind, wanted: str, good: list[Any]) -> None:
    """A value that fits comes back as the type in use; one that does not is a sentence with name, kind and value."""
    for value in VALUES:
        expected = [made for given, made in good if same(given, value)]
        if expected:
            assert same(check("it", value, kind), expected[0]), value
            continue
        with hushd_error("bad_request") as caught:
            check("it", value, kind)
        assert re.fullmatch(rf"it must be {re.escape(wanted)}, not .+\.", caught.value.message, re.DOTALL)
        assert len(caught.value.message) < 200


@pytest.mark.parametrize(("params", "message"), [
    ({"beam_size": 0}, "beam_size must be a whole number from 1 to 100, not 0."),
    ({"task": "trasncribe"}, "task must be transcribe or translate, not 'trasncribe' (did you mean transcribe?)."),
    ({"task": 7}, "task must be transcribe or translate, not 7."),
    ({"prompt": 7}, "prompt must be text, not 7."),
    ({"prompt": ["x" * 99]}, f"prompt must be text, not ['{'x' * 55}...."),
    ({"promt": ""}, "listen has no parameter 'promt' (did you mean prompt?)."),
    ({3: 4}, "listen has no parameter 3: it takes beam_size, task or prompt."),
    ({"prompt": None}, "listen needs prompt, which must be text."),
    ({}, "listen needs prompt, which must be text."),
])  # fmt: skip
def test_errors_are_one_sentence_of_one_form(params: Any, message: str) -> None:
    """The name, what it must be, and what it was; for a name that is not known, those there are."""
    kinds = {"beam_size": Annotated[int, Meta(ge=1, le=100)], "task": Literal["transcribe", "translate"], "prompt": str}
    with hushd_error("bad_request", said=message):
        read(params, kinds, "listen", needed=("prompt",))


@pytest.mark.parametrize(("kind", "values"), [
    (Annotated[int, Meta(ge=2, le=5)], (2, 3, 4, 5)), (choice("b", "a"), ("b", "a")),
    (NonNegativeInt, None),
    (Annotated[int, Meta(ge=0, le=10**6)], None),
    (Annotated[float, Meta(ge=0, le=2)], None),
])  # fmt: skip
def test_a_kind_lists_its_values_where_they_are_few(kind: Kind, values: tuple[Any, ...] | None) -> None:
    """Completion offers them, and help names them."""
    assert few(kind) == values


SOME = Annotated[int, Meta(ge=1, le=9)]


@pytest.mark.parametrize(("kind", "words", "value"), [
    (SOME, "9", 9), (Annotated[float, Meta(ge=0, le=1)], "1", 1.0), (float, "-1e-3", -0.001), (bool, "True", True),
    (bool, "false", False), (Literal["a", "b"], "b", "b"), (str, "9", "9"), (THRESHOLD, "0.5", 0.5),
    (THRESHOLD, "off", "off"), (Annotated[float, seconds()], "5m", 300.0), (SOME, " 9\r\n", 9), (str, " 9 ", " 9 "),
    (TRANSCRIBE.fields["hotwords"].kind, " a, b ", " a, b "),
])  # fmt: skip
def test_a_text_at_the_command_line_is_a_value(kind: Kind, words: str, value: Any) -> None:
    """Numbers and flags are read as such; a text stays one."""
    assert same(from_text(words, kind), value)


@pytest.mark.parametrize(
    "words", [".5", "5.", "+5", "05", " 5", "5\r\n", "1e0", "1_0", "\uff15", "-0", "0x5", "5,0", "", "x"]
)
def test_numbers_at_a_command_line_are_those_of_python(words: str) -> None:
    """As argparse and openai-whisper's command read them."""
    for kind in (int, float):
        try:
            number = kind(words)
        except ValueError:
            with pytest.raises(ValueError, match=r"^must be a"):
                from_text(words, kind)
        else:
            assert same(from_text(words, kind), number)


@pytest.mark.parametrize(("field", "words", "value"), [
    (TRANSCRIBE.fields["clips"], "0, 1.5,", (0.0, 1.5)), (TRANSCRIBE.fields["clips"], "0", ()),
    (TRANSCRIBE.fields["clips"], "", ()), (DECODER.fields["suppress_tokens"], "-1, 7,", [-1, 7]),
    (TRANSCRIBE.fields["extra"], "a=b=c", {"a": "b=c"}), (SYNTHESIZE.fields["extra"], "a=[1]", {"a": [1]}),
    (SYNTHESIZE.fields["extra"], "a=", {"a": ""}),
])  # fmt: skip
def test_an_option_whose_value_is_more_than_a_word_is_parsed(field: Field, words: str, value: Any) -> None:
    """Lists stand between commas, a table's entry is KEY=VALUE."""
    assert field.option
    assert same(from_text(words, field.kind, field.option.parse), value)


@pytest.mark.parametrize(("kind", "parse", "words", "said"), [
    (SOME, None, "10", "must be a whole number from 1 to 9, not '10'"),
    (SOME, None, "x", "must be a whole number from 1 to 9, not 'x'"),
    (PositiveFloat, None, "0", "must be a number above 0, not '0'"),
    (float, None, "inf", "must be a number, not 'inf'"),
    (float, None, "nan", "must be a number, not 'nan'"),
    (bool, None, "yes", "must be true or false, not 'yes'"),
    (THRESHOLD, None, "on", "must be a number from 0 to 1, or 'off', not 'on'"),
    (Literal["words", "lines"], None, "wrods", "must be words or lines, not 'wrods' (did you mean words?)"),
    (CLIPS, PARSE_CLIPS, "1,x", "must be a list of ascending numbers of seconds: start, end, start, end, …, not '1,x'"),
    (CLIPS, PARSE_CLIPS, "1,inf",
     "must be a list of ascending numbers of seconds: start, end, start, end, …, not '1,inf'"),
    (Extra, pair, "=b", "must be a table of at most 100 fields, not '=b'"),
    (Extra, pair, "a", "must be a table of at most 100 fields, not 'a'"),
])  # fmt: skip
def test_any_other_text_is_refused_with_what_it_must_be(kind: Kind, parse: Any, words: str, said: str) -> None:
    """In the words of its kind."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        from_text(words, kind, parse)


def test_an_option_may_say_in_its_own_words_what_it_must_be() -> None:
    """A command line has a notation of its own for some values."""
    with pytest.raises(ValueError, match=r"^must be ascending seconds, not 'x'$"):
        from_text("x", CLIPS, PARSE_CLIPS, "ascending seconds")


@pytest.mark.parametrize(("kind", "said"), [
    (int, "a whole number"), (tuple[int, ...], "a list of whole numbers"), (dict[str, Any], "a table"),
    (Extra, "a table of at most 100 fields"),
    (Annotated[float, span_s(1, 30)], "[shortest, longest] in seconds, from 1 to 30"),
    (Annotated[float, seconds(-1)], 'a time, such as 90, "90s" or "1h30m"'),
])  # fmt: skip
def test_a_kind_describes_its_values(kind: Kind, said: str) -> None:
    """Its type's words, or its rule's."""
    assert must_be(kind) == said


def test_a_span_is_in_order_and_within_its_bounds() -> None:
    """The shortest before the longest."""
    kind = Annotated[tuple[float, float], span_s(1, 30)]
    assert check("piece", [1, 30], kind) == (1.0, 30.0)
    for wrong in ([0.9, 30], [1, 30.1], [3, 2], [1], [1, 2, 3], ["1", 2], [1, math.nan]):
        with hushd_error(
            "bad_request", said=f"piece must be [shortest, longest] in seconds, from 1 to 30, not {wrong}."
        ):
            check("piece", wrong, kind)


def test_what_is_needed_and_given_is_returned() -> None:
    """None counts as left out."""
    kinds = {"prompt": str, "rate": NonNegativeFloat}
    assert read({"prompt": "x", "rate": None}, kinds, "listen", needed=("prompt",)) == {"prompt": "x"}
