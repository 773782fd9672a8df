"""The words that hushd adds to speech, in the languages it has them in.

In other languages it puts in none: addresses go to the engine without their scheme, code blocks are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hushd_models import languages


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        code_block: has a place for the number of lines.
        symbols: those read where they stand alone or between words.
    """

    dot: str
    slash: str
    at: str
    dash: str
    colon: str
    code_line: str
    code_block: str
    image: str
    done: str
    open: str
    symbols: dict[str, str] = field(default_factory=dict)


_ENGLISH = Words(
    dot="dot",
    slash="slash",
    at="at",
    dash="dash",
    colon="colon",
    code_line="Code block, one line.",
    code_block="Code block, {} lines.",
    image="Image: {}.",
    done="Done: ",
    open="To do: ",
    symbols={
        "!==": "is not", "===": "is", "!=": "is not equal to", "==": "equals", ">=": "is greater than or equal to",
        "<=": "is less than or equal to", "&&": "and", "||": "or", "->": "to", "=>": "gives", "→": "to", "⇒": "gives",
        "←": "from", "↔": "to and from", "≥": "is at least", "≤": "is at most", "≠": "is not equal to",
        "≈": "is about", "∞": "infinity", "√": "the square root of", "∑": "the sum of", "∈": "in", "×": "times",
        "÷": "divided by", "±": "plus or minus",
    },
)  # fmt: skip
_GERMAN = Words(
    dot="Punkt",
    slash="Schrägstrich",
    at="ät",
    dash="Strich",
    colon="Doppelpunkt",
    code_line="Codeblock, eine Zeile.",
    code_block="Codeblock, {} Zeilen.",
    image="Bild: {}.",
    done="Erledigt: ",
    open="Zu tun: ",
)
_FRENCH = Words(
    dot="point",
    slash="barre",
    at="arobase",
    dash="tiret",
    colon="deux points",
    code_line="Bloc de code, une ligne.",
    code_block="Bloc de code, {} lignes.",
    image="Image : {}.",
    done="Fait : ",
    open="À faire : ",
)
_SPANISH = Words(
    dot="punto",
    slash="barra",
    at="arroba",
    dash="guion",
    colon="dos puntos",
    code_line="Bloque de código, una línea.",
    code_block="Bloque de código, {} líneas.",
    image="Imagen: {}.",
    done="Hecho: ",
    open="Por hacer: ",
)
_LANGUAGES = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH}


def words(language: str) -> Words | None:
    """Returns the words of a language, by its tag, or None."""
    return _LANGUAGES.get(languages.code(language))
