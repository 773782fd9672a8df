"""Compares spellings by their sounds, which rules for letters give. Pure.

The rules are English ones, with what names of other languages share, in the manner of Metaphone (Philips 1990), but
vowels are replaced, and sounds are compared by likeness: an engine hears F for V, and hardly ever for K.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

# Letters, the first that fit, and their sounds: X is "sh", C "ch", J a voiced one, and a, i, u open, front and back
# vowels. `^` is the beginning of a word, `$` its end.
_SPELT = (
    "^kn=N ^gn=N ^wr=R ^ps=S ^x=Z ^pf=F sch=X tch=C ch=C sh=X sz=X zh=J th=T ph=F gh=G bh=B dh=D kh=K rh=R ck=K "
    "cq=K qu=KW q=K tion=Xun sion=Jun ture=Cu cce=Ks ce=Si ci=Si cy=Si dge=J ge=Ji gi=Ji gy=Ji c=K x=KS mb$=M "
    "igh=i ee=i ea=i ie=i ei=i ey=i ay=i ai=i oo=u ou=u ow=u au=a aw=a oa=u oe=u eu=u ew=u ue=u ui=u ia=ia "
    "e$= a=a e=i i=i o=u u=u ^y=Y y=i b=B d=D f=F g=G j=J k=K l=L m=M n=N p=P r=R s=S t=T v=V w=W z=Z"
)
_RULES = [rule.partition("=")[::2] for rule in _SPELT.split()]
_H = "h"  # sounds before a vowel alone
_VOWELS = "aiu"
_SOFT = "aiuHWY"  # sounds that may be missed at the beginning
_COST = {"H": 0.4, "W": 0.5, "Y": 0.4, "a": 0.3, "i": 0.3, "u": 0.3}  # cost of a sound more or less; others cost 1
_LIKE = {  # cost of one sound for another; others cost 1, and a vowel for another 0.15
    frozenset(pair): cost
    for cost, pairs in {
        0.3: "SZ PB TD KG FV XJ CJ CX",
        0.5: "SX KC MN GJ BV TC YJ WV JZ ZX YC KJ",
        0.6: "LR DJ NL SC ST DR TX WL HF HX HK Yi Wu",
    }.items()
    for pair in pairs.split()
}


@lru_cache(4096)
def sounds(text: str) -> str:
    """Returns the sounds of a word or several.

    >>> sounds("Claude"), sounds("cloud")
    ('KLaD', 'KLuD')
    """
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss").replace("ł", "l").replace("ø", "o"))
    sequence = ""
    for word in "".join(c if c.isalpha() else " " for c in plain if not unicodedata.combining(c)).split():
        marked, at = f"^{word}$", 0
        while at < len(marked):
            spelt, sound = next((rule for rule in _RULES if marked.startswith(rule[0], at)), (marked[at], ""))
            if spelt == _H and marked[at + 1] in "aeiouy":
                sound = "H"
            sequence += "" if sequence[-1:] == sound[:1] and len(sound) == 1 else sound
            # The mark of a beginning counts for one rule alone, that of an end for none.
            at += len(spelt.rstrip("$")) if spelt != "$" else 1
    return sequence


def weight(sound: str) -> float:
    """Returns how much there is of sounds: about one for each consonant."""
    return sum(_COST.get(each, 1.0) for each in sound)


def first_sounds(sound: str) -> list[str]:
    """Returns the first consonant of sounds, and others with which something like them may begin."""
    first = sound.lstrip(_SOFT)[:1] or sound[:1]
    return [first, *(other for pair in _LIKE if first in pair for other in pair if other != first)]


def second_sounds(sound: str) -> list[str]:
    """Returns the same of the second consonant, for whoever has missed the first."""
    hard = [each for each in sound if each not in _SOFT]
    return first_sounds(hard[1]) if len(hard) > 1 else []


def distance(first: str, second: str, most: float) -> float:
    """Returns the cost of making `second` of `first`, both as `sounds` has them; of more than `most` no exact one."""
    row = [0.0]
    for sound in second:
        row.append(row[-1] + _COST.get(sound, 1.0))
    for mine in first:
        own = _COST.get(mine, 1.0)
        before, row[0] = row[0], row[0] + own
        for n, other in enumerate(second, 1):
            replaced = before + _for(mine, other)
            before, row[n] = row[n], min(replaced, row[n] + own, row[n - 1] + _COST.get(other, 1.0))
        if min(row) > most:
            break
    return max(row[-1], min(row))


@cache
def _for(mine: str, other: str) -> float:
    if mine == other:
        return 0.0
    if mine in _VOWELS and other in _VOWELS:
        return 0.15
    return _LIKE.get(frozenset((mine, other)), 1.0)
