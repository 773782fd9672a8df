"""Formulas as they are heard: LaTeX in a text, and raised numbers without it."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest
from hushd_reading import formulas
from hushd_reading.formulas.verbaliser import spoken
from hushd_reading.items import Piece
from hushd_reading.reader import read
from support.seeds import seeds

pytest.importorskip("latex2mathml", reason="formulas need latex2mathml, of hushd[tts]")

WORDS = Path(formulas.__file__).parent / "words"
TABLE = (Path(__file__).parent / "formulas.txt").read_text("utf-8")
ROWS = [
    (code, *row.rsplit(" -> ", 1))
    for code, *rows in (part.splitlines() for part in TABLE.removeprefix("# ").split("\n# "))
    for row in rows
]


def heard(text: str, markup: str = "text", language: str = "en", sizes: tuple[int, ...] = ()) -> list[str]:
    data, pieces = text.encode(), []
    for size in sizes:
        pieces, data = [*pieces, data[:size]], data[size:]
    return [item.text for item in read([*pieces, data], markup, language) if isinstance(item, Piece)]


@pytest.mark.parametrize(("language", "latex", "words"), ROWS)
def test_a_formula_is_said_as_at_the_board(language: str, latex: str, words: str) -> None:
    """A teacher's words in each language, with a pause where an extent would be unclear, and its sign for decimals."""
    assert spoken(latex, language) == words


@pytest.mark.parametrize(
    "latex", ["x^", r"\frac{a}", r"\foo{x}", "x}", r"\left( x", "{" * 2000, "x+" * 200, r"\begin{a}", ""]
)
def test_what_cannot_be_read_is_a_formula(latex: str) -> None:
    """Unfinished, unknown, too deep or too long."""
    assert spoken(latex, "en") == "formula"
    assert spoken(latex, "de") == "Formel"


def test_every_language_has_words_for_the_same_signs() -> None:
    """The tables have the same keys, and are those that the package lists."""

    def keys(table: dict[str, object]) -> set[object]:
        return {(key, frozenset(value) if isinstance(value, dict) else None) for key, value in table.items()}

    tables = {path.stem: tomllib.loads(path.read_text()) for path in WORDS.glob("*.toml")}
    assert tuple(sorted(tables)) == formulas.LANGUAGES
    assert all(keys(table) == keys(tables["en"]) for table in tables.values())


@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize(("text", "pieces"), [
    ("The area is $n^2$. Next.", ["The area is n squared.", "Next."]),
    ("Then $$x = 1.$$ Next one.", ["Then x equals one.", "Next one."]),
    (r"So \(a_1 * b_1 * c\) and \[ \frac{1}{2} \] (see $x=3$).",
     ["So a sub one times b sub one times c and one half (see x equals three)."]),
    ("$$\n\\sqrt{x}\n$$", ["the square root of x"]), ("The $i$-th of $n$", ["The i-th of n"]),
    ("\\begin{equation}\nx = y\n\\end{equation}", ["x equals y"]),
    ("Let $x$ be\n\nall of $y$.", ["Let x be", "all of y."]),
    ("x² + √2 is 5 m² or 10⁻³.",
     ["x squared plus the square root of two is five square meters or ten to the power of minus three."]),
])  # fmt: skip
def test_a_formula_in_a_text_is_read_whatever_the_markup(text: str, pieces: list[str], markup: str) -> None:
    """No underscore, asterisk or full stop in it means anything else."""
    assert [" ".join(piece.split()) for piece in heard(text, markup)] == pieces


@pytest.mark.parametrize(("text", "words"), [
    ("It costs $5 and $10.", "It costs five dollars and ten dollars."),
    ("Pay US$5, A$6 or $7.50/$8.",
     "Pay five US dollars, six Australian dollars or seven dollars and fifty cents eight dollars."),
    ("A 5$ note and 6$ too", "A five dollar note and six dollars too"),
    ("Price: $20,000 and $30,000.", "Price: twenty thousand dollars and thirty thousand dollars."),
    ("I owe $5. Then $6 come, see $7.", "I owe five dollars. Then six dollars come, see seven dollars."),
    ("echo $HOME and $PATH", "echo dollar HOME and dollar PATH"),
    ("$FOO=$BAR", "dollar FOO equals dollar BAR"),
    ("a $ b $ c", "a dollar b dollar c"),
    ("from $1-$2", "from one to two dollars"),
    ("Only $5", "Only five dollars"),
])  # fmt: skip
def test_money_and_variables_of_a_shell_are_no_formula(text: str, words: str) -> None:
    """The rules are pandoc's, and prose is not a formula either."""
    assert " ".join(heard(text)) == words


def test_code_has_no_formulas() -> None:
    """A line of code has none, and neither has a block; the text behind it has."""
    assert heard("`$x$` is $x^2$", "markdown") == ["dollar x dollar is x squared"]
    assert heard("```bash\necho $a $b$\n```\nThen $x_1$.", "markdown")[-1] == "Then x sub one."


def test_a_formula_keeps_the_place_of_all_text() -> None:
    """Its words stand for all of it, and the text behind it for itself."""
    text = "Let $a + b$ be."
    (piece,) = (item for item in read([text.encode()]) if isinstance(item, Piece))
    assert piece.text == "Let a plus b be."
    assert piece.mapped.span(4, 12) == (4, 11)
    assert piece.mapped.span(13, 15) == (12, 14)


def test_a_language_without_words_for_formulas_has_its_text_as_it_is() -> None:
    """Nothing is said in another language."""
    assert heard("Oto $n^2$.", "text", "pl") == ["Oto $n^2$."]


@seeds(200)
def test_the_pieces_in_which_a_text_arrives_change_nothing(seed: int) -> None:
    """Signs of formulas, money and code in any order, cut anywhere."""
    rng = random.Random(seed)
    parts = [
        "$",
        "$$",
        "x^2",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "`",
        "```\n",
        " ",
        " and ",
        "5",
        "a_1",
        ". The",
        "\n",
        "\n\n",
        "\\$",
        "€",
    ]
    text = "".join(rng.choice(parts) for _ in range(rng.randrange(2, 30)))
    markup = rng.choice(["text", "markdown"])
    sizes = tuple(rng.randrange(1, 6) for _ in range(len(text.encode()) // 2))
    assert heard(text, markup, sizes=sizes) == heard(text, markup)
