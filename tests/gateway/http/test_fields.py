"""Values of requests."""

from __future__ import annotations

import pytest
from hushd_gateway.http import fields
from hushd_gateway.http.errors import ApiError
from hushd_protocol.errors import HushdError


@pytest.mark.parametrize("data", ["NaN", "[1e999]", '{"a": -Infinity}', "{", ""])
def test_numbers_that_no_answer_can_repeat_are_no_json(data: str) -> None:
    """Infinity and not-a-number are Python's own additions to JSON."""
    with pytest.raises(ValueError, match=r"NaN|1e999|Infinity|Expecting"):
        fields.parse(data)
    assert fields.parse('{"a": [1.5, 2, null]}') == {"a": [1.5, 2, None]}


@pytest.mark.parametrize("data", [r'{"workers": ["\ud800x"]}', r'{"\udc00": 1}', r'{"session": {"model": "\ud83d"}}'])
def test_half_of_a_surrogate_pair_is_no_text(data: str) -> None:
    """Whatever field it is in, its sender hears so, and no step behind fails at it; a whole pair is a character."""
    with pytest.raises(HushdError, match="half of a surrogate pair"):
        fields.parse(data)
    assert fields.parse(r'"\ud83d\udc4d"') == "\N{THUMBS UP SIGN}"


@pytest.mark.parametrize("sent", [["word", "segment"], '["word", "segment"]', ['["word","segment"]']])
def test_a_set_may_come_as_a_list_in_a_text(sent: object) -> None:
    """Some programs send a list of a form as one text in JSON; its members are checked alike."""
    assert fields.subset({"granularities": sent}, "granularities", ("word", "segment")) == {"word", "segment"}
    for wrong in ('["words"]', "[1]", "[word", '{"word": 1}'):
        with pytest.raises(ApiError, match="granularities"):
            fields.subset({"granularities": wrong}, "granularities", ("word", "segment"))
