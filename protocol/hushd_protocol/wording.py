"""Errors whose advice each door words for its own readers.

A command of the shell helps a person at a terminal; a program that came over HTTP, or an agent, has other ways to the
same end. Such an error carries what happened and the name of the advice. Its message has the shell's words, for
everybody else; a door with words of its own asks for the sentence in these.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import HushdError

SHELL = {
    "list_voices": "`say -v '?'` lists them",
    "list_cards": "`hushd status` lists them",
    "write_file": "`say -o FILE` writes a file instead",
    "read_file": "`listen FILE` hears a recording",
}
_KEY = "advice"  # in an error's detail


def advised(code: str, fact: str, advice: str) -> HushdError:
    """An error whose sentence is `fact`, which has no full stop, and `advice`, a key of `SHELL`."""
    return HushdError(code, f"{fact}: {SHELL[advice]}.", detail={_KEY: [fact, advice]})


def sentence(error: HushdError, words: Mapping[str, str]) -> str:
    """The error's sentence with the advice in a door's `words`; its message where the door has none for it."""
    match error.detail.get(_KEY):
        case [str(fact), str(advice)] if advice in words:
            return f"{fact}: {words[advice]}."
    return error.message
