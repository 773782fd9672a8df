"""Texts that hibari misreads, as they are handed to it."""

from __future__ import annotations

import pytest
from hushd_worker_tts.engines.hibari_internals.english import readable

TABLE = [
    # money
    ("20 € and 30€", "€20 and €30"),
    ("-$5 or £1bn", "minus $5 or £1 billion"),
    ("$5/month, $10-$20, $10-20", "$5 per month, $10 to $20, 10 to $20"),
    ("$1-2 million, €1.5–2bn, $5k-$10k", "1 to $2 million, 1.5 to €2 billion, $5k to $10k"),
    ("US$5, CHF 20.50, ₩5000, R$ 20", "5 U.S. dollars, 20.50 francs, 5000 won, 20 reais"),
    ("A$5 million, HK$2bn, ~$5", "5 million Australian dollars, 2 billion Hong Kong dollars, about $5"),
    ("20 zł and 5000¥", "20 zloty and ¥5000"),
    # addresses and versions
    ("192.168.1.1", "1 9 2 dot 1 6 8 dot 1 dot 1"),
    ("version 2.0.1.", "version 2 point 0 point 1."),
    ("v1.2", "version 1.2"),
    # ranges
    ("2019–2021.", "2019 to 2021."),
    ("5-10%", "5 to 10%"),
    ("9am-5pm, 10:30-11:45am", "9 am to 5pm, 10:30 to 11:45am"),
    ("3 a.m.–5 p.m., 10.30 pm", "3 a.m. to 5 p.m., 10:30 pm"),
    ("Mon-Fri, Mon.-Fri.", "Monday to Friday, Monday to Friday"),
    ("9:00-17:30, 10%-20%", "9:00 to 17:30, 10% to 20%"),
    ("March 3-5, Jan. 1–12", "March 3 to 5th, Jan. 1 to 12th"),
    ("the 1st-3rd, 21st – 22nd", "the 1st to 3rd, 21st to 22nd"),
    ("at 2024-03-15T10:30:05.5Z", "at 2024-03-15, 10:30 UTC"),
    # fractions and lengths
    ("2 1/2 cups, 1½ hours, ⅓ cup", "2 and 1/2 cups, 1 and 1/2 hours, 1/3 cup"),
    ("24/7", "twenty-four seven"),
    ("5'10\"", "5 foot 10"),
    ("6 ft. 2 in. tall", "6 feet 2 inches tall"),
    ("4x4, 5 cm x 10 cm", "4 by 4, 5 cm by 10 cm"),
    # units
    ("1m30s, 2h 5m, 1h1m5.2s", "1 minute 30 seconds, 2 hours 5 minutes, 1 hour 1 minute 5.2 seconds"),
    ("5 m, 1 m, 3 g, 30 s", "5 meters, 1 meter, 3 grams, 30 seconds"),
    ("200 MB/s, 3 m/s", "200 megabytes per second, 3 meters per second"),
    ("60W, 12V, 24h", "60 watts, 12 volts, 24 hours"),
    # numbers
    ("10 000 and 1\u202f234 567", "10,000 and 1,234,567"),
    ("a –5 °C", "a minus 5 °C"),
    (".5 and 1e-5", "0.5 and 1 times 10 to the minus 5"),
    ("10⁻³ m, 6 × 10²³, m s⁻¹", "10 to the power of minus 3 m, 6 × 10 to the power of 23, m s to the power of minus 1"),
    # words
    ("Elm Dr. near 5th Dr.", "Elm Drive near 5th Drive"),
    ("a B-, WHAT IS IT", "a B minus, what IS IT"),
    ("ca. 1850", "circa 1850"),
    ("fruit, e.g. apples, i.e. food", "fruit, for example, apples, that is, food"),
    ("CO2, α", "C O 2,  alpha "),
]


@pytest.mark.parametrize(("text", "said"), TABLE)
def test_what_hibari_misreads_is_rewritten(text: str, said: str) -> None:
    """Each line of the table becomes something it reads right."""
    assert readable(text) == said


@pytest.mark.parametrize("text", [
    "On 2024-03-15 at 5:30 p.m. Dr. Smith paid $3.50, $2.5M and £15.75 for 80 kg.",
    "World War II, Henry VIII, the 1990s, 3rd, 1,234,567 and 5 mph.",
    "555-1234 and 10-20 people, 3/4 of it, 25 °C, the U.S. and A-1.",
    "He was 5 and she was 3, s and m are letters; 5 A students.",
    "Nothing to do here.",
    "x² and 10³, a footnote¹ here⁴, 0x1F, +5 10 20 and +1000000.",
    "5m high, 10s of people, 30m and a plan for NASA$",
    "The Dr. said to Dr. Smith: A- and B-movies, the US ARMY, 3 –5, 555 123 4567.",
    "Market 3-5, a 50-50 chance, May we, 12:30 and 20-year-olds",
])  # fmt: skip
def test_what_hibari_reads_right_is_left_to_it(text: str) -> None:
    """Its own normaliser is not stood in the way of."""
    assert readable(text) == text
