"""The options that type checkers know are those that the procedures of both clients take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

import pytest
from hushd.verbs import options, requests
from hushd.verbs.requests import take_live_params
from hushd.verbs.speech import SpeechVerbs
from hushd_schema.operations import synthesize, transcribe


def named(procedure: Callable[..., Any]) -> set[str]:
    """The options that a procedure has parameters for."""
    parameters = inspect.signature(procedure).parameters.values()
    return {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}


@pytest.mark.parametrize(("stated", "procedure", "operation"), [
    (options.SpeechOptions, SpeechVerbs._spoken, synthesize.OPTIONS),
    (options.TranscriptionOptions, SpeechVerbs._heard, transcribe.OPTIONS),
    (options.ListenOptions, SpeechVerbs._session, transcribe.OPTIONS),
], ids=["synthesize", "transcribe", "listen"])  # fmt: skip
def test_each_option_is_one_that_a_request_takes(
    stated: type, procedure: Callable[..., Any], operation: Collection[str]
) -> None:
    """Options are compared by name: nothing that an editor offers is refused, and nothing that is taken is unknown to
    it."""
    rest = dict.fromkeys(stated.__annotations__)
    shared = requests.take_shared(rest)
    live = dict(rest)
    if procedure is SpeechVerbs._session:
        take_live_params(rest)
    taken = {*shared, *(live.keys() - rest.keys()), *named(procedure), *operation}
    assert taken == stated.__annotations__.keys()
