"""Agents' Markdown, as it is heard."""

from __future__ import annotations

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read

TABLE = [
    # headings, paragraphs, emphasis
    ("# Title *here* ##\n\nText", ["Title here", "Text"]),
    ("Setext\n======\nText", ["Setext", "Text"]),
    ("It is **bold**, *thin*, ***both***, __so__ and ~~gone~~.", ["It is bold, thin, both, so and gone."]),
    ("snake_case and 2 * 3 * 4", ["snake case and two times three times four"]),
    ("A line that\ngoes on.\nNext one", ["A line that goes on.", "Next one"]),
    ("A *bro-\nken* word, well-\nknown", ["A broken word, well-known"]),
    ("A verse  \nAnother", ["A verse", "Another"]),
    ("One\n\n***\n\nTwo", ["One", "Two"]),
    # links, images, code within a line
    ("See [the docs](https://x.y/z \"t\") now", ["See the docs now"]),
    ("See [the docs][1] and note[^1].\n\n[1]: http://x.y\n[^1]: The note.", ["See the docs and note.", "The note."]),
    ("Go to <https://example.com> or https://example.org", ["Go to example dot com or example dot org"]),
    ("![A cat](cat.png)", ["Image: A cat."]),
    ("An ![icon](i.png) here", ["An icon here"]),
    ("Run `pip install x` first", ["Run pip install x first"]),
    ("Use `a_b()` or ``c ` d``", ["Use a b or c d"]),
    # entities, escapes, HTML
    ("Fish &amp; chips \\*now\\*", ["Fish and chips now"]),
    ("a <b>bold</b> word<br>and <!-- hidden -->more", ["a bold word\nand more"]),
    ("<html><head>\n<title>Bad</title>\n<STYLE type=x>\nb { c: d }\n</STYLE></head>\n<body><p>Good.</p>"
     "<script>if (a<b) f()</script >\n<p>All.</p>\n<script>never closed", ["Good.", "All."]),
    ("Put a `<script>` here.\n\n```html\n<script>\n```\nEnd",
     ["Put a script here.", "Code block, one line of HTML.", "End"]),
    # lists
    ("- one\n- two\n  more\n  - deep **x**\n* three", ["one", "two more", "deep x", "three"]),
    ("1. First\n2) Second", ["one. First", "two) Second"]),
    ("- [ ] Buy milk\n- [x] Call Ada", ["To do: Buy milk", "Done: Call Ada"]),
    ("Steps:\n- one", ["Steps:", "one"]),
    # quotes
    ("> Quoted\n> text\n>> deeper", ["Quoted text deeper"]),
    (">\n> Two\n>\n> parts\n\n>\n", ["Two", "parts"]),
    ("> See:\n> ```\n> > x\n> y\n> ```\n> there", ["See:", "Code block, two lines.", "there"]),
    ("> ```\n> x\nIts end", ["Code block, one line.", "Its end"]),
    ("```\n> ```\nx\n```\nIts end", ["Code block, two lines.", "Its end"]),
    # code blocks
    ("Look:\n```python\nx = 1\n\ny = 2\n```\nDone", ["Look:", "Code block, three lines of Python.", "Done"]),
    ("~~~\n```\n~~~", ["Code block, one line."]),
    ("```\nnever closed", ["Code block, one line."]),
    ("```\n```\nempty", ["empty"]),
    ("Text\n\n    code\n    more\n\nText", ["Text", "Code block, two lines.", "Text"]),
    ("- item\n\n  ```sh\n  ls\n  ```\n\n    still it", ["item", "Code block, one line of shell.", "still it"]),
    ("```{.js title=x}\na\nb\n```", ["Code block, two lines of JavaScript."]),
    ("```diff\n-a\n+b\n```", ["Changes to code, two lines."]),
    ("```table\n| a |\n| b |\n| c |\n```", ["Table, three rows."]),
    ("```output\na\nb\n```", ["Code block, two lines."]),
    # tables
    ("| Name | Age |\n|:---|---:|\n| Ada | 36 |\n| **Bob** |  |", ["Name, Age", "Ada, thirty-six", "Bob"]),
    ("Name | Age\n--- | ---\nAda | 36", ["Name, Age", "Ada, thirty-six"]),
    # nothing
    ("", []),
    ("---\n\n***\n\n|---|", []),
]  # fmt: skip


def texts(*chunks: bytes, language: str = "en") -> list[str]:
    return [item.text for item in read(chunks, "markdown", language) if isinstance(item, Piece)]


@pytest.mark.parametrize(("written", "heard"), TABLE)
def test_markdown_is_heard_as_a_person_would_read_it(written: str, heard: list[str]) -> None:
    """No asterisk aloud; headings, items and rows are sentences; links are their text, code blocks their length. While
    it is being written, byte by byte, it sounds the same."""
    data = written.encode()
    assert texts(data) == texts(*(data[i : i + 1] for i in range(len(data)))) == heard


def test_a_paragraph_is_spoken_while_it_is_written() -> None:
    """A sentence of an unfinished line leaves when the next one has begun, unless something in it is still open."""
    arriving = iter([b"The first **sentence** is here. And so", b" the *second. It", b" goes* on. Then", b" more"])
    seen: list[str] = []

    def chunks():  # type: ignore[no-untyped-def]
        for chunk in arriving:
            seen.append(chunk.decode())
            yield chunk

    spoken = [(len(seen), item.text) for item in read(chunks(), "markdown") if isinstance(item, Piece)]
    assert spoken[0] == (1, "The first sentence is here.")
    assert spoken[1:3] == [(3, "And so the second."), (4, "It goes on.")]


def test_words_know_their_place_in_the_source() -> None:
    """They know it behind emphasis, links, entities and in images too; a code block stands for all of its lines."""
    text = "A **bold** [link](http://a.b) &amp; `code`.\n\n![My old pair](a.png)\n\n```\nx = 1\n```\n"
    items = [item for item in read([text.encode()], "markdown") if isinstance(item, Piece)]
    said = {item.text[slice(*at)]: text[slice(*item.mapped.span(*at))] for item in items for at in _words(item.text)}
    assert said == {
        "A": "A", "bold": "bold", "link": "link", "and": "&", "code.": "code`.", "Image:": "!",
        "My": "My", "old": "old", "pair.": "pair", "Code": "```\nx = 1\n",
        "block,": "```\nx = 1\n", "one": "```\nx = 1\n", "line.": "```\nx = 1\n",
    }  # fmt: skip


def _words(text: str) -> list[tuple[int, int]]:
    import re

    return [match.span() for match in re.finditer(r"\S+", text)]
