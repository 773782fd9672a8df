"""Errors whose advice each front end words for its own readers.

A shell command helps a person at a terminal; an HTTP client or an agent has other means. Such an error carries the fact
and the name of the advice. Its message uses the shell's words; a front end with words of its own asks for the sentence
in those.
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
    """Returns an error whose sentence is `fact`, without a full stop, and `advice`, a key of `SHELL`."""
    return HushdError(code, f"{fact}: {SHELL[advice]}.", detail={_KEY: [fact, advice]})


def sentence(error: HushdError, words: Mapping[str, str]) -> str:
    """Returns the error's sentence with the advice in a front end's `words`; its message if these lack the advice."""
    match error.detail.get(_KEY):
        case [str(fact), str(advice)] if advice in words:
            return f"{fact}: {words[advice]}."
    return error.message
