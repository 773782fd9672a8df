"""Reading of texts that repeat one sign: four times the text costs about four times the work, not sixteen."""

from __future__ import annotations

import time

import pytest
from hushd.synthesis.reading import read

# Two hundred signs and beginnings of marks, figures, dates, formulas, tags, commands and scripts.
SIGNS = sorted({
    *map(chr, range(32, 127)), *"\n\t\r\x1b\0éß中文。！あ한اשไ😀…—–“”«»„€£²½→≤∑√πα\u00a0\u0301\u200d\u2028\ufe0f\ufeff",
    "👍🏽",
    "$$", "1-", "![", "[a](", "](", "**", "*a", "a*", "_a", "a_", "<a", "</", "<!--", "-->", "``", "a`", "&amp;",
    "\\(", "\\[",
    "$x", "||", "|a", "~~", "> ", "- ", "# ", "1. ", "[x] ", "[^1]", "http://", "a.", "a,", "1.", "1,", "1/", "1:",
    "-1", "+1", "1 ", "IV ", "Mr. ", "a-", "a'", "'s", "@a", "#a", "a@b.c ", "(a)", "( ", "{a", "[[", "]]", "[[slnc ",
    "<speak>", "<think>", "</think>", "...", "$1", "€1", "1€", "5 kg ", "km/h ", "10% ", "a b ", "A.", "aB", "a_b ",
    "--a ", "/a", "~/", "C:\\", "1e9 ", "0x1f", "1st ", "3. ", "12:30 ", "1.1.2020 ", "10-12 ", "U.S. ", "www.", "! ",
    "\\frac{", "\\sqrt{", "^{", "_{", "x^", "{}", "()", "[]", "<>", '""', "a\n", "a\n\n", "1\n", "| a |\n", "```\n",
    "    a\n", "00:00:01,000 --> ",
})  # fmt: skip
HOSTILE = ("[", "![", "[a](", "`", "*", "_a", "<a", "(", "$x", "1.", "[[slnc ", "a")
SIZE = 4096  # characters, more than a block that is parsed as a whole
TIMES = 4
GROWTH = 10.0  # between what is proportional and the square, since the first block is the cheapest
NEGLIGIBLE_S = 0.1
LOOKS = 5


def work(text: str, markup: str) -> float:
    """Seconds of the processor."""
    began = time.thread_time()
    for _ in read(text, language="en", markup=markup):
        pass
    return time.thread_time() - began


def check(sign: str, markup: str) -> None:
    shorter, longer = (sign * (size // len(sign)) for size in (SIZE, TIMES * SIZE))
    if work(longer, markup) > NEGLIGIBLE_S:
        assert any(work(longer, markup) < GROWTH * work(shorter, markup) for _ in range(LOOKS)), (sign, markup)


def test_there_are_two_hundred() -> None:
    assert len(SIGNS) >= 200


@pytest.mark.parametrize("markup", ["text", "markdown"])
def test_hostile_signs_cost_no_more_than_their_length(markup: str) -> None:
    """Those that a parser of Markdown or of formulas takes the square of."""
    check("warm `a` 1", markup)
    for sign in HOSTILE:
        check(sign, markup)


@pytest.mark.night
@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize("part", range(8))
def test_no_sign_costs_more_than_its_length(part: int, markup: str) -> None:
    """Each of two hundred, 4,096 and 16,384 characters of it."""
    for sign in SIGNS[part::8]:
        check(sign, markup)
