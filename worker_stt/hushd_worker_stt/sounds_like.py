"""How alike two spellings sound, by rules for letters. Pure.

The rules are English ones, with what names of other languages share, in the manner of Metaphone (Philips 1990), but
vowels are kept, and sounds are compared by likeness: an engine hears F for V, and hardly ever for K.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters, the first that fit, and their sounds: X is "sh", C "ch", J a voiced one, and a, i, u open, front and back
# vowels. `^` is the beginning of a word, `$` its end.
_RULES = [
    rule.partition("=")[::2]
    for rule in (
        "^kn=N ^gn=N ^wr=R ^ps=S ^x=Z ^pf=F sch=X tch=C ch=C sh=X sz=X zh=J th=T ph=F gh=G bh=B dh=D kh=K rh=R ck=K "
        "cq=K qu=KW q=K tion=Xun sion=Jun ture=Cu cce=Ks ce=Si ci=Si cy=Si dge=J ge=Ji gi=Ji gy=Ji c=K x=KS mb$=M "
        "igh=i ee=i ea=i ie=i ei=i ey=i ay=i ai=i oo=u ou=u ow=u au=a aw=a oa=u oe=u eu=u ew=u ue=u ui=u ia=ia "
        "e$= a=a e=i i=i o=u u=u ^y=Y y=i b=B d=D f=F g=G j=J k=K l=L m=M n=N p=P r=R s=S t=T v=V w=W z=Z"
    ).split()
]
_H = "h"  # sounds before a vowel alone
_VOWELS = "aiu"
_COST = {"H": 0.4, "W": 0.5, "Y": 0.4, "a": 0.3, "i": 0.3, "u": 0.3}  # of a sound more or less; of others 1
_LIKE = {  # of one sound for another; of others 1, and of a vowel for another 0.15
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
    found = ""
    for word in "".join(c if c.isalpha() else " " for c in plain if not unicodedata.combining(c)).split():
        marked, at = f"^{word}$", 0
        while at < len(marked):
            spelt, sound = next((rule for rule in _RULES if marked.startswith(rule[0], at)), (marked[at], ""))
            if spelt == _H and marked[at + 1] in "aeiouy":
                sound = "H"
            found += "" if found[-1:] == sound[:1] and len(sound) == 1 else sound
            # The mark of a beginning counts for one rule alone, that of an end for none.
            at += len(spelt.rstrip("$")) if spelt != "$" else 1
    return found


def weight(sound: str) -> float:
    """Returns how much there is of sounds: about one for each consonant."""
    return sum(_COST.get(each, 1.0) for each in sound)


def distance(first: str, second: str) -> float:
    """Returns the cost of making `second` of `first`, both as `sounds` has them."""
    row = [0.0]
    for sound in second:
        row.append(row[-1] + _COST.get(sound, 1.0))
    for one in first:
        own = _COST.get(one, 1.0)
        before, row[0] = row[0], row[0] + own
        for n, other in enumerate(second, 1):
            kept = before + _for(one, other)
            before, row[n] = row[n], min(kept, row[n] + own, row[n - 1] + _COST.get(other, 1.0))
    return row[-1]


def _for(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return 0.15
    return _LIKE.get(frozenset((one, other)), 1.0)
