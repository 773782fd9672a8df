"""The two faces of the verbs: what a program, `help` and a type checker see of `Client` and of `AsyncClient`."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hushd import AsyncClient, AsyncSpeech, Client, Speech
from hushd.transport.steps import verb

ROOT = Path(__file__).parents[3]
PROGRAM = """
from collections.abc import AsyncIterator
import hushd

def threads(client: hushd.Client) -> None:
    reveal_type(client.status())
    reveal_type(client.unload("stt", keep_away="5m", hold=True))
    reveal_type(client.transcribe("a.wav", language="de", word_times=True))
    reveal_type(client.synthesize("Hi.", voice="clara").save("a.wav"))
    reveal_type(client.listen([b""], continuous=True).transcript())
    client.preload("stt", keep_alve="5m")
    client.transcribe("a.wav", langage="de")
    client.say(5)

async def tasks(client: hushd.AsyncClient, words: AsyncIterator[str]) -> None:
    reveal_type(await client.status())
    reveal_type(await client.unload("stt", keep_away="5m", hold=True))
    reveal_type(await client.transcribe("a.wav", language="de", word_times=True))
    reveal_type(await (await client.synthesize(words, voice="clara")).save("a.wav"))
    reveal_type(await (await client.listen([b""], continuous=True)).transcript())
    await client.preload("stt", keep_alve="5m")
    await client.transcribe("a.wav", langage="de")
    await client.say(5)
    client.status().supervisor
"""


def public(of: type) -> dict[str, Any]:
    """The methods of a class that are not private."""
    members = inspect.getmembers(of, inspect.isfunction)
    return {name: value for name, value in members if not name.startswith("_")}


def test_the_names_and_options_are_the_same() -> None:
    """Names, kinds and defaults are the same, in their order, so that a program changes only its `await`s; and options
    by type. Devices are for threads alone."""

    def shape(function: Any) -> list[tuple[Any, ...]]:
        return [
            (each.name, each.kind, each.annotation if each.kind is each.VAR_KEYWORD else each.default)
            for each in inspect.signature(function).parameters.values()
        ]

    ours, theirs = public(AsyncClient), public(Client)
    del theirs["floor"], theirs["conversation"]
    assert {name: shape(each) for name, each in ours.items()} == {name: shape(each) for name, each in theirs.items()}
    assert shape(AsyncClient) == shape(Client)


@pytest.mark.parametrize(("blocking", "awaited"), [(Client, AsyncClient), (Speech, AsyncSpeech)])
def test_a_verb_is_a_method_and_a_coroutine_function(blocking: type, awaited: type) -> None:
    """Both have the docstring and the result of the one procedure that they are made of."""
    verbs = {name for each in awaited.__mro__ for name, value in vars(each).items() if isinstance(value, verb)}
    assert verbs
    for name in verbs:
        method, coroutine = getattr(blocking, name), getattr(awaited, name)
        assert not inspect.iscoroutinefunction(method)
        assert inspect.iscoroutinefunction(coroutine)
        assert method.__doc__ == coroutine.__doc__ is not None
        assert "Steps" not in inspect.signature(method).return_annotation


def test_a_type_checker_knows_both(tmp_path: Path) -> None:
    """The results, the options by name and type, and that a coroutine has to be awaited."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-m", "mypy", str(program)], cwd=ROOT, capture_output=True, text=True)
    revealed = re.findall(r'Revealed type is "([^"]+)"', done.stdout)
    expected = ["Status", "Unloaded", "Transcript", "None", "Transcript"]
    assert [each.rpartition(".")[2] for each in revealed] == [*expected, *expected]
    errors = re.findall(r"program.py:(\d+): error:.*\[(.*)\]", done.stdout)
    assert [(int(line), code) for line, code in errors] == [
        (11, "call-arg"), (12, "call-arg"), (13, "arg-type"),
        (21, "call-arg"), (22, "call-arg"), (23, "arg-type"), (24, "attr-defined"),
    ]  # fmt: skip
