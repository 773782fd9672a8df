"""Says tokens in the words of their language, with the gender and the case that their neighbours ask for.

What differs between languages is in their tables: templates with places for words, such as `{day} de {month}`. A method
bears the name of the class that it says; a function `say_CLASS` of the language's own module comes before it.
"""

from __future__ import annotations

from hushd_reading.near import Near, Token
from hushd_reading.parse import parse

from .amounts import Amounts
from .signs import Signs
from .times import Times

# Signs that are a word, by the classes of their places: 5 l/100 km, 1960s-80s, press # or *.
_WORDS = {
    "about": "number.about", "each": "units.per", "hash": "words.hash", "minus": "signs.-", "point": "number.point",
    "star": "words.star", "stroke": "words.slash", "to": "to",
}  # fmt: skip
_BETWEEN_TWO = {"over": "number.over", "difference": "signs.-", "dashed": "words.dash", "of_year": "number.of_year"}


class Verbaliser(Amounts, Times, Signs):
    """Says the tokens of one language."""

    def __call__(self, token: Token, text: str) -> str:
        """Returns the words of a token of `text`."""
        near = Near(text, token.start, token.end, self.language)
        record, parts = parse(token, self.language), dict(token.parts)
        if template := self.language.get(f"says.{token.kind}"):
            values = {name: self.whole(part) if part.isdecimal() else part for name, part in parts.items()}
            return str(template.format(**values))
        if word := _WORDS.get(token.kind):
            return f" {self.language[word]} "
        if word := _BETWEEN_TWO.get(token.kind):
            return f" {self.language[word]} ".join(map(self.say, record))  # type: ignore[arg-type]
        own = self.language.function(f"say_{token.kind}")
        words = own(self, record, near, parts) if own is not None else None
        words = str(getattr(self, token.kind)(record, near, parts) if words is None else words)
        elide = self.language.function("elided")
        return elide(words) if elide is not None else words
