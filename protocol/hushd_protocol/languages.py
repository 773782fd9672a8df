"""Languages by their English names, as openai-whisper's command line takes them beside their codes."""

from __future__ import annotations

from collections.abc import Iterable

from .suggest import nearest

# A code, then its names, with `_` for a space.
_TABLE = """
af afrikaans, am amharic, ar arabic, as assamese, az azerbaijani, ba bashkir, be belarusian, bg bulgarian, bn bengali,
bo tibetan, br breton, bs bosnian, ca catalan valencian, cs czech, cy welsh, da danish, de german, el greek, en english,
es spanish castilian, et estonian, eu basque, fa persian, fi finnish, fo faroese, fr french, gl galician, gu gujarati,
ha hausa, haw hawaiian, he hebrew, hi hindi, hr croatian, ht haitian_creole haitian, hu hungarian, hy armenian,
id indonesian, is icelandic, it italian, ja japanese, jw javanese, ka georgian, kk kazakh, km khmer, kn kannada,
ko korean, ky kyrgyz, la latin, lb luxembourgish letzeburgesch, ln lingala, lo lao, lt lithuanian, lv latvian,
mg malagasy, mi maori, mk macedonian, ml malayalam, mn mongolian, mr marathi, ms malay, mt maltese, my myanmar burmese,
ne nepali, nl dutch flemish, nn nynorsk, no norwegian, oc occitan, pa punjabi panjabi, pl polish, ps pashto pushto,
pt portuguese, ro romanian moldavian moldovan, ru russian, sa sanskrit, sd sindhi, si sinhala sinhalese, sk slovak,
sl slovenian, sn shona, so somali, sq albanian, sr serbian, su sundanese, sv swedish, sw swahili, ta tamil, te telugu,
tg tajik, th thai, tk turkmen, tl tagalog, tr turkish, tt tatar, uk ukrainian, ur urdu, uz uzbek, vi vietnamese,
yi yiddish, yo yoruba, yue cantonese, zh chinese mandarin
"""
_CODES = {
    name.replace("_", " "): code for code, *names in (entry.split() for entry in _TABLE.split(",")) for name in names
}


def code(asked: str) -> str:
    """The code of a language that is asked for by its name (`German`) or a tag (`de`, `de-AT`, `de_AT`), in letters of
    any case. What is neither comes back too, and is no language's."""
    return named(asked) or asked.strip().casefold().replace("_", "-").partition("-")[0]


def named(asked: str) -> str | None:
    """The code of the language of that name, in letters of any case."""
    return _CODES.get(asked.strip().casefold())


def meant(asked: str, codes: Iterable[str]) -> str | None:
    """The name of one of the languages `codes` that somebody may have meant who `asked` for another."""
    codes = set(codes)
    known = [name for name, code in _CODES.items() if code in codes]
    close = nearest(asked.strip(), known)
    return close.title() if close else None
