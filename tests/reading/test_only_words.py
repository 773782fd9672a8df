"""Signs and numbers of all kinds, in any order, reach engines as words."""

from __future__ import annotations

import random
import re

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read
from support.seeds import SHARE, seeds

PARTS = """
1 12 1.5 1,5 1984 007 10:30 3/4 3. 2nd € $ % - – + = / : ( ) a km h m² Uhr am on the der le el o & # @ ~ ^ x × ½ ² °
£5 5€50 March März mars VIII IV. Dr. p. No. z.B. h30 -5 v1.2 0800-1111 # < > | _ * \\ { } § © ™ α 1e5 '90s " ' … 24/7 →
₂ 3.10. 5'10"
"""


def said(text: str, language: str) -> str:
    return " ".join(item.text for item in read([text.encode()], language=language) if isinstance(item, Piece))


@seeds(max(int(150 * SHARE), 1))
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt", "it"])
def test_no_digit_and_no_sign_reaches_an_engine(language: str, seed: int) -> None:
    """Whatever stands in whatever order, letters and plain punctuation are spoken."""
    chance = random.Random(f"{seed} {language}")
    text = "".join(chance.choice(PARTS.split()) + chance.choice(("", " ", " ")) for _ in range(chance.randint(1, 12)))
    spoken = said(text, language)
    assert not re.search(r"[0-9€$£%+=#@~^×½²°<>|_*\\{}§©™&/]", spoken), (text, spoken)
