"""Compares languages as people and models write them: by tag (`pt-BR`, `de_AT.UTF-8`, `nb`), by English name (`German`)
or by own name (`Deutsch`), with a country (`Português (Brasil)`).

The only place that decides whether two spellings mean the same language. The names are those of openai-whisper's
command line, and some more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest, quoted

# Codes, each followed by its names, with `_` for a space.
_TABLE = """
af afrikaans, am amharic, ar arabic, as assamese, az azerbaijani, ba bashkir, be belarusian, bg bulgarian, bn bengali,
bo tibetan, br breton, bs bosnian, ca catalan valencian, cs czech, cy welsh, da danish, de german, el greek, en english,
es spanish castilian, et estonian, eu basque, fa persian, fi finnish, fo faroese, fr french, ga irish, gl galician,
gu gujarati, ha hausa, haw hawaiian, he hebrew, hi hindi, hr croatian, ht haitian_creole haitian, hu hungarian,
hy armenian, id indonesian, is icelandic, it italian, ja japanese, jw javanese, ka georgian, kk kazakh, km khmer,
kn kannada, ko korean, ky kyrgyz, la latin, lb luxembourgish letzeburgesch, ln lingala, lo lao, lt lithuanian,
lv latvian, mg malagasy, mi maori, mk macedonian, ml malayalam, mn mongolian, mr marathi, ms malay, mt maltese,
my myanmar burmese, ne nepali, nl dutch flemish, nn nynorsk, no norwegian, oc occitan, pa punjabi panjabi, pl polish,
ps pashto pushto, pt portuguese, ro romanian moldavian moldovan, ru russian, sa sanskrit, sd sindhi,
si sinhala sinhalese, sk slovak, sl slovenian, sn shona, so somali, sq albanian, sr serbian, su sundanese, sv swedish,
sw swahili, ta tamil, te telugu, tg tajik, th thai, tk turkmen, tl tagalog, tr turkish, tt tatar, uk ukrainian, ur urdu,
uz uzbek, vi vietnamese, yi yiddish, yo yoruba, yue cantonese, zh chinese mandarin
"""
# Their own names in lower case, as Unicode's CLDR has them, and some more; without those that are the English ones.
_OWN_TABLE = """
am አማርኛ, ar العربية, as অসমীয়া, az azərbaycan, ba башҡорт, be беларуская, bg български, bn বাংলা, bo བོད་སྐད་, br
brezhoneg, bs bosanski, ca català, cs čeština, cy cymraeg, da dansk, de deutsch, el ελληνικά, es español castellano, et
eesti, eu euskara, fa فارسی, fi suomi, fo føroyskt, fr français, ga gaeilge, gl galego, gu ગુજરાતી, haw ʻōlelo_hawaiʻi,
he עברית, hi हिन्दी, hr hrvatski, ht kreyòl_ayisyen, hu magyar, hy հայերեն, id indonesia bahasa_indonesia, is íslenska,
it italiano, ja 日本語, jw jawa, ka ქართული, kk қазақ_тілі, km ខ្មែរ, kn ಕನ್ನಡ, ko 한국어, ky кыргызча, la latina, lb
lëtzebuergesch, ln lingála, lo ລາວ, lt lietuvių, lv latviešu, mi māori, mk македонски, ml മലയാളം, mn монгол, mr मराठी,
ms melayu bahasa_melayu, mt malti, my မြန်မာ, ne नेपाली, nl nederlands, nn norsk_nynorsk, no norsk_bokmål norsk, pa
ਪੰਜਾਬੀ, pl polski, ps پښتو, pt português, ro română, ru русский, sa संस्कृत_भाषा, sd سنڌي, si සිංහල, sk slovenčina, sl
slovenščina, sn chishona, so soomaali, sq shqip, sr српски, su basa_sunda, sv svenska, sw kiswahili, ta தமிழ், te
తెలుగు, tg тоҷикӣ, th ไทย, tk türkmen_dili, tl filipino, tr türkçe, tt татар, uk українська, ur اردو, uz o‘zbek, vi
tiếng_việt, yi ייִדיש, yo èdè_yorùbá, yue 粵語, zh 中文
"""


def _by_name(table: str) -> dict[str, str]:
    entries = (entry.split() for entry in table.split(","))
    return {name.replace("_", " "): code for code, *names in entries for name in names}


_CODES = _by_name(_TABLE)
# Letters without their signs, which many keyboards lack: francais. Signs may be characters of their own.
_PLAIN = str.maketrans(
    "àáâãäåçèéêëìíîïñòóôõöùúûüýāăąćčęěğńōőřśşšűųźżžșțếệøłđə",
    "aaaaaaceeeeiiiinooooouuuuyaaacceegnoorsssuuzzzsteeolde",
    "".join(map(chr, range(0x300, 0x370))),
)
_OWN_CODES = {name.translate(_PLAIN): code for name, code in _by_name(_OWN_TABLE).items()}


# A language's own tag as the last, after those that mean the same: withdrawn ones, and ISO 639-2's, as films have them.
_SAME_TABLE = """
afr af, amh am, ara ar, asm as, aze az, bak ba, baq eus eu, bel be, ben bn, bod tib bo, bos bs, bre br, bul bg, cat ca,
ces cze cs, cmn chi zho zh, cym wel cy, dan da, deu ger de, ell gre el, eng en, est et, fao fo, fas per fa, fil tgl tl,
fin fi, fra fre fr, geo kat ka, gle ga, glg gl, guj gu, hat ht, hau ha, hin hi, hrv hr, hun hu, hye arm hy, ice isl is,
in ind id, ita it, iw heb he, jav jv jw, ji yid yi, jpn ja, kan kn, kaz kk, khm km, kir ky, kor ko, lao lo, lat la,
lav lv, lin ln, lit lt, ltz lb, mac mkd mk, mal ml, mao mri mi, mar mr, may msa ms, mlg mg, mlt mt, mo ron rum ro,
mon mn, mya bur my, nb nob nor no, nep ne, nld dut nl, nno nn, oci oc, pan pa, pol pl, por pt, pus ps, rus ru, san sa,
sin si, slk slo sk, slv sl, sna sn, snd sd, som so, spa es, sqi alb sq, srp sr, sun su, swa sw, swe sv, tam ta, tat tt,
tel te, tgk tg, tha th, tuk tk, tur tr, ukr uk, urd ur, uzb uz, vie vi, yor yo
"""
_SAME = {other: code for *others, code in (entry.split() for entry in _SAME_TABLE.split(",")) for other in others}
# The other codes of ISO 639-1, of languages without a name here.
_WITHOUT_NAME = """
aa ab ae ak an av ay bh bi bm ce ch co cr cu cv dv dz ee eo ff fj fy gd gn gv ho hz ia ie ig ii ik io iu ki kj kl kr ks
kv kw lg li lu mh na nb nd ng nr nv ny oj om or os pi qu rm rn rw sc se sg sm ss st ti tn to ts tw ty ug ve vo wa wo xh
za zu
"""
# Countries and scripts by code and by name, as menus have them behind a language: Português (Brasil).
_REGION_TABLE = """
ar argentina, at österreich austria, au australia, be belgique belgië belgium, br brasil brazil, ca canada, ch schweiz
suisse svizzera switzerland, cn 中国 china, co colombia, de deutschland germany, es españa spain, fr france, gb
united_kingdom uk britain, hk 香港 hong_kong, ie ireland, in india, it italia italy, mx méxico mexico, nl nederland
netherlands, pt portugal, tw 台灣 taiwan, us usa united_states estados_unidos états-unis,
hans simplified 简体, hant traditional 繁體
"""
_REGIONS = {name.translate(_PLAIN): code for name, code in _by_name(_REGION_TABLE).items()}
_REGION = r"([^(（]+)[(（]([^()（）]+)[)）]"
# Scripts that put no space between words, as a set of a pattern: Thai, Lao, Burmese, Khmer, kana and ideographs.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
_SHORT_TEXT_CHARACTERS = 500  # characters: a longer text may quote an English word
_ENGLISH = {
    "the", "and", "with", "that", "this", "you", "your", "been", "from", "they", "what", "which", "would", "there",
    "good", "please", "done", "failed", "passed", "here", "back", "thanks", "waiting", "welcome", "morning", "night",
}  # fmt: skip
_TAG = r"[a-z]{2,8}(-[a-z0-9]{1,8})*"


def tag(asked: str) -> str:
    """Returns the form for comparing tags: `de-at` for `de_AT.UTF-8`, `no` for `nb`, `de` for `German`.
    Any other text is returned in lower case: see `is_tag`."""
    if name := named(asked):
        return name
    if (parts := re.fullmatch(_REGION, asked.strip().casefold())) and (name := named(parts[1])):
        region = parts[2].strip().translate(_PLAIN)
        return "-".join(filter(None, [name, _REGIONS.get(region, region if region in _REGIONS.values() else "")]))
    first, *rest = re.split("[.@]", asked.strip())[0].replace("_", "-").casefold().split("-")
    return "-".join([_SAME.get(first, first), *rest])


def is_tag(asked: str) -> bool:
    """Returns whether `asked` has the form of a language."""
    return re.fullmatch(_TAG, tag(asked)) is not None


def is_language(asked: str) -> bool:
    """Returns whether `asked` is a name, or a tag whose code is of ISO 639-1, or has three letters and may be of the
    later parts: espeak-ng speaks some of those, too."""
    known = code(asked)
    return is_tag(asked) and (len(known) == 3 or known in _WITHOUT_NAME.split() or known in _CODES.values())


def checked(asked: str) -> str:
    """Returns the `tag` of a language that a person named. Raises `bad_request` for any other text."""
    if not is_language(asked):
        close = meant(asked, {*_CODES.values()})
        guess = f" (did you mean {close}?)" if close else ""
        sentence = f"{quoted(asked)} is not a language{guess}: name one, such as fr, pt-BR or French."
        raise HushdError("bad_request", sentence)
    return tag(asked)


def code(asked: str) -> str:
    """Returns the code of a tag or a name, without country and script: `pt` for `pt-BR` and `Portuguese`."""
    return tag(asked).partition("-")[0]


def find(asked: str, tags: Iterable[str]) -> str | None:
    """Returns the first of `tags` with the requested language: the same tag, or else another country's."""
    candidates = list(tags)
    for form in (str, tag, code):
        for each in candidates:
            if form(each) == form(asked):
                return each
    return None


def is_among(asked: str, tags: Iterable[str]) -> bool:
    """Returns whether the requested language is one of `tags`, of any country."""
    return code(asked) in map(code, tags)


def named(asked: str) -> str | None:
    """Returns the code of a language by its English or its own name, in any case, with or without its signs."""
    name = asked.strip().casefold()
    return _CODES.get(name) or _OWN_CODES.get(name.translate(_PLAIN))


def name(code: str) -> str:
    """Returns the English name of a language; `code` itself if it has none."""
    return next((name.title() for name, known in _CODES.items() if known == code), code)


def of_session() -> list[str]:
    """Returns the language of the user's session, by its environment; none where that names none."""
    name = next((os.environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(key)), "C")
    return [code(name)] if name[:1] != "C" and name != "POSIX" and is_tag(name) else []


def is_plainly_english(text: str) -> bool:
    """Returns whether a short text has a word that only English has; faster than `text_language`."""
    return len(text) < _SHORT_TEXT_CHARACTERS and bool(_ENGLISH.intersection(text.casefold().split()))


def meant(asked: str, codes: Iterable[str]) -> str | None:
    """Returns the name of the language among `codes` that `asked` may be a misspelling of."""
    codes = set(codes)
    known = [name for name, code in _CODES.items() if code in codes]
    own = [name for name, code in _OWN_CODES.items() if code in codes]
    close = nearest(asked.strip(), known) or nearest(asked.strip().translate(_PLAIN), own)
    return close.title() if close else None
