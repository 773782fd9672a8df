"""Parameters from outside: what each kind takes and refuses, and the one form of every error."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hushd_schema.kinds import (
    Kind,
    check,
    choice,
    extra_fields,
    flag,
    from_text,
    number,
    read,
    seconds,
    text,
    text_table,
    texts,
    whole,
)
from hushd_schema.operations.decoder import DECODER
from hushd_schema.operations.transcribe import TRANSCRIBE
from support.refusals import hushd_error

CLIPS, TOKENS = TRANSCRIBE.fields["clips"].kind, DECODER.fields["suppress_tokens"].kind
HUGE = 10**400
# Every value is tried with every kind; those named here fit, and become what stands beside them.
VALUES: list[Any] = [
    True, False, 0, 1, -1, 2, 100, 101, HUGE, -HUGE, 0.0, 0.5, 1.0, 2.5, -0.5, math.inf, -math.inf, math.nan, "", "a",
    "1", "True", "90s", "-1m", "x" * 9, b"a", [], ["a"], ["a", 1], [["a"]], {}, {"a": "b"}, {"a": 1}, (), object, None,
]  # fmt: skip
TABLE: list[tuple[Kind, str, list[tuple[Any, Any]]]] = [
    (flag(), "true or false", [(True, True), (False, False)]),
    (whole(1, 100), "a whole number from 1 to 100", [(1, 1), (2, 2), (100, 100)]),
    (whole(0), "a whole number, 0 or more", [(0, 0), (1, 1), (2, 2), (100, 100), (101, 101), (HUGE, HUGE)]),
    (whole(-1, 0), "a whole number from -1 to 0", [(-1, -1), (0, 0)]),
    (number(0.5, 2.5), "a number from 0.5 to 2.5", [(1, 1.0), (2, 2.0), (0.5, 0.5), (1.0, 1.0), (2.5, 2.5)]),
    (number(0), "a number, 0 or more", [
        (0, 0.0), (1, 1.0), (2, 2.0), (100, 100.0), (101, 101.0), (0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (2.5, 2.5)]),
    (seconds(1), 'a time of 1 s or more, such as 90, "90s" or "1h30m"', [
        (1, 1.0), (2, 2.0), (100, 100.0), (101, 101.0), (1.0, 1.0), (2.5, 2.5), ("1", 1.0), ("90s", 90.0)]),
    (text(), "text", [(word, word) for word in ("", "a", "1", "True", "90s", "-1m", "x" * 9)]),
    (text(8), "text of at most 8 characters", [(word, word) for word in ("", "a", "1", "True", "90s", "-1m")]),
    (text(8, empty=False), "text of at most 8 characters that is not empty", [
        (word, word) for word in ("a", "1", "True", "90s", "-1m")]),
    (choice("a", "b", "c"), "a, b or c", [("a", "a")]),
    (texts(), "a list of strings", [([], ()), (["a"], ("a",))]),
    (text_table(), "a table of strings", [({}, {}), ({"a": "b"}, {"a": "b"})]),
]  # fmt: skip


def same(first: object, second: object) -> bool:
    """Returns whether both are equal and of one type, for True is 1 to Python."""
    return type(first) is type(second) and (first == second or first is second)


@pytest.mark.parametrize(("kind", "wanted", "good"), TABLE, ids=[wanted for _, wanted, _ in TABLE])
def test_each_kind_takes_its_values_and_no_others(kind: Kind, wanted: str, good: list[Any]) -> None:
    """A value that fits comes back as the type in use; one that does not is a sentence with name, kind and value."""
    for value in VALUES:
        expected = [made for given, made in good if same(given, value)]
        assert kind.fits(value) == bool(expected), value
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
    kinds = {"beam_size": whole(1, 100), "task": choice("transcribe", "translate"), "prompt": text()}
    with hushd_error("bad_request", said=message):
        read(params, kinds, "listen", needed=("prompt",))


@pytest.mark.parametrize(("kind", "few"), [
    (whole(2, 5), (2, 3, 4, 5)), (choice("a", "b"), ("a", "b")), (whole(0), None), (whole(0, 10**6), None),
    (number(0, 2), None),
])  # fmt: skip
def test_a_kind_lists_its_values_where_they_are_few(kind: Kind, few: tuple[Any, ...] | None) -> None:
    """Completion offers them, and help names them."""
    assert kind.few == few


@pytest.mark.parametrize(("kind", "words", "value"), [
    (whole(1, 9), "9", 9), (number(0, 1), "1", 1.0), (flag(), "True", True), (flag(), "false", False),
    (choice("a", "b"), "b", "b"), (CLIPS, "0, 1.5,", (0.0, 1.5)), (CLIPS, "0", ()), (CLIPS, "", ()),
    (TOKENS, "-1, 7,", [-1, 7]), (extra_fields(), "a=b=c", {"a": "b=c"}), (extra_fields(), "a=[1]", {"a": [1]}),
    (extra_fields(), "a=", {"a": ""}),
])  # fmt: skip
def test_a_text_at_the_command_line_is_a_value(kind: Kind, words: str, value: Any) -> None:
    assert from_text(words, kind) == value
    assert type(from_text(words, kind)) is type(value)


@pytest.mark.parametrize(("kind", "words", "said"), [
    (whole(1, 9), "10", "must be a whole number from 1 to 9, not '10'"),
    (whole(1, 9), "x", "must be a whole number from 1 to 9, not 'x'"),
    (flag(), "yes", "must be true or false, not 'yes'"),
    (choice("words", "lines"), "wrods", "must be words or lines, not 'wrods' (did you mean words?)"),
    (CLIPS, "1,x", "must be a list of ascending numbers of seconds: start, end, start, end, …, not '1,x'"),
    (extra_fields(), "=b", "must be a table of at most 100 fields, not '=b'"),
    (extra_fields(), "a", "must be a table of at most 100 fields, not 'a'"),
])  # fmt: skip
def test_any_other_text_is_refused_with_what_it_must_be(kind: Kind, words: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        from_text(words, kind)


def test_what_is_needed_and_given_is_returned() -> None:
    """None counts as left out."""
    kinds = {"prompt": text(), "rate": number(0)}
    assert read({"prompt": "x", "rate": None}, kinds, "listen", needed=("prompt",)) == {"prompt": "x"}
