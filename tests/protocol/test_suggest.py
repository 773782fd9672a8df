"""Text in messages: suggestions for mistyped names, lists, counts, and escapes."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hushd_protocol.suggest import Styled, did_you_mean, escaped, listed, nearest, plural, quoted


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("keep_aliv", "keep_alive"), ("KEEP_ALIVE", "keep_alive"), ("whispr", "Whisper"), ("whisper", "Whisper"),
        ("zzz", None), ("", None), (7, None), (None, None),
    ],
)  # fmt: skip
def test_the_likest_name(word: object, meant: str | None) -> None:
    """One that is like it in letters of any case, as it is spelt in the list; nothing for a name like none."""
    assert nearest(word, ["keep_alive", "Whisper", "moonshine"]) == meant


def test_a_word_of_a_megabyte_keeps_nobody_waiting() -> None:
    """Only the beginning of what somebody sends is compared."""
    before = time.process_time()
    assert nearest("keep_alive" * 100_000, ["keep_alive", "x" * 1000]) is None
    assert time.process_time() - before < 1.0


def test_only_the_first_eighty_letters_are_compared() -> None:
    """A name of 80 letters is like one that goes on for as long."""
    name = "ab" * 40
    assert (nearest(name + "cd" * 80, [name]), nearest("cd" * 40 + name, [name])) == (name, None)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (did_you_mean("whispr", ["Whisper"]), " (did you mean Whisper?)"), (did_you_mean("zzz", ["Whisper"]), ""),
        (quoted("x" * 58), f"'{'x' * 58}'"), (quoted("x" * 59), f"'{'x' * 56}..."), (quoted(None), "None"),
        (plural(0, "core"), "0 cores"), (plural(1, "core"), "1 core"), (plural(2, "core"), "2 cores"),
        (listed(["a"]), "a"), (listed("ab"), "a or b"), (listed("abc"), "a, b or c"),
    ],
)  # fmt: skip
def test_words_of_messages(made: str, text: str) -> None:
    assert made == text


def test_no_control_character_is_left() -> None:
    """C0, DEL, C1, line separators and bidirectional controls are escaped; newline, tab and all else stay."""
    kept = {"\n", "\t"}
    for code in range(0x3000):
        sign = chr(code)
        commands = (
            unicodedata.category(sign) in ("Cc", "Zl", "Zp") or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
        )
        assert escaped(sign) == (ascii(sign)[1:-1] if commands and sign not in kept else sign)
    assert escaped("a\x1b]0;b\x07 \u202ec") == "a\\x1b]0;b\\x07 \\u202ec"
    assert escaped(Styled("\x1b[1m")) == "\x1b[1m", "our own"
