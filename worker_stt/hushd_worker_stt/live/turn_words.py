"""Judges by its last words whether a text is a finished turn, and how long a pause after it may last. No model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hushd_models import languages

STRONG, WEAK, EVEN, FINISHED = 0.05, 0.15, 0.5, 0.7  # EVEN is the value of an unknown turn
MAX_TURN_QUIET_S = 2.0  # seconds of quiet after which even an unfinished turn ends
_SUBJECT = 3  # words of a clause that may be a subject without its verb
_SHORT_CLAUSE_WORDS = 6  # words of a clause that may precede the main one
_DICTATED = range(3, 7)  # digits in groups before further digits: a telephone number has seven or more
_LAST_GROUP = 4  # digits, which may be the last group, or a year
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.?!]\s+")


def finished(text: str, language: str) -> float | None:
    """Returns the probability that the turn whose transcript so far is `text` is over.

    There are three values instead of a scale, since this is knowledge of grammar and not a measurement: `STRONG` after
    a word that ends no sentence, `WEAK` after one that ends few, `FINISHED` after any other.

    Args:
        language: as in `Model.languages`.

    Returns:
        None if the language is unknown, or there is no text.
    """
    known = OPEN_WORDS.get(languages.code(language)) if language else None
    clause = _SENTENCE_END.split(text.strip())[-1].replace("’", "'")
    words = _WORD.findall(clause.lower())
    if known is None or not words:
        return None
    if text.rstrip().endswith(("…", "...", "-", "–", "—")):
        return STRONG
    asks = text.rstrip().endswith("?")
    return min(_last_word(words, known, asks=asks), _number(words, known), _clause(words, known, "," in clause[:-1]))


def wait_s(probability: float | None, silence_s: float) -> float:
    """Returns the seconds of quiet after which a turn is over: `silence_s`, or `MAX_TURN_QUIET_S` at most.

    It is never less than `silence_s`, so that words never cut a speaker off earlier than silence alone; and it is
    `silence_s` if the words do not tell, or `silence_s` is longer than `MAX_TURN_QUIET_S`. Between `EVEN` and `WEAK` it
    grows by equal ratios.
    """
    if probability is None or silence_s >= MAX_TURN_QUIET_S:
        return silence_s
    share = min(1.0, max(0.0, (EVEN - probability) / (EVEN - WEAK)))
    return float(silence_s ** (1 - share) * MAX_TURN_QUIET_S**share)


def _last_word(words: list[str], known: OpenWords, *, asks: bool) -> float:
    last = words[-1]
    if last in known.strong or (len(words) == 1 and last in known.alone):
        return STRONG
    if last not in known.weak or len(words) == 1 or asks:  # "What are you looking at?"
        return FINISHED
    return FINISHED if last in known.particles and words[-2] in known.before_particle else WEAK


def _number(words: list[str], known: OpenWords) -> float:
    """Returns the probability for a number: too few digits for a telephone number, or a round number that may go on."""
    groups: list[int] = []
    for word in reversed(words):
        if not (digits := len(word) if word.isdecimal() else int(word in known.digits)):
            break
        groups.append(digits)
    dictated = len(groups) > 1 and groups[0] < _LAST_GROUP and sum(groups) in _DICTATED
    return WEAK if dictated or words[-1] in known.tens else FINISHED


def _clause(words: list[str], known: OpenWords, parted: bool) -> float:
    """Returns the probability for a clause before its main clause, or a subject alone; a text `parted` by a comma has
    both."""
    waits = words[0] in known.opening and len(words) <= _SHORT_CLAUSE_WORDS
    subject = words[0] in known.beginning and len(words) <= _SUBJECT
    return WEAK if (waits or subject) and not parted else FINISHED


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class OpenWords:
    """The open words of one language, in lower case.

    Attributes:
        strong: no sentence ends with these: articles, conjunctions, sounds of hesitation.
        weak: sentences seldom end with these: prepositions that may be a verb's particle, auxiliaries, pronouns.
        alone: strong if the turn only has these.
        beginning: articles and similar words: a few words after one are a subject that has no verb yet.
        particles, before_particle: weak words that end a sentence after one of the others: "go on", "turn it off".
        opening: conjunctions whose clause waits for the main one.
        tens: numbers that another number may complete.
        digits: the digits from nought to nine, as dictated.
    """

    strong: frozenset[str]
    weak: frozenset[str]
    alone: frozenset[str] = frozenset()
    beginning: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    before_particle: frozenset[str] = frozenset()
    opening: frozenset[str] = frozenset()
    tens: frozenset[str] = frozenset()
    digits: frozenset[str] = frozenset()


OPEN_WORDS = {
    "en": OpenWords(
        strong=_words(
            "a an the my your our their its every and or nor but because although though unless whether if while "
            "than of from into onto upon toward towards i'm you're we're they're i'll we'll you'll they'll i'd i've "
            "we've let's um uh er erm uhm umm uhh hmm"
        ),
        weak=_words(
            "to with for at in on by about over under between through during without against near before after like "
            "as so that this these those which who whose where when is are was were am be been being will would "
            "shall should can could may might must do does did have has had don't doesn't didn't won't can't i he we "
            "they she his her some any another very really quite rather just also even his most more not never it's "
            "he's she's that's there's what's ask tell want need costs"
        ),
        alone=_words("well so actually basically because and but or if when anyway then"),
        beginning=_words("the a an my your our their his her this these those"),
        particles=_words("in on over by about through"),
        before_particle=_words(
            "come comes came go goes going went turn turned put get got hold log sign look sit stand it them me you"
        ),
        opening=_words("because when if while although though since unless after before once whenever until"),
        tens=_words(
            "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand quarter half point minus plus"
        ),
        digits=_words("zero oh one two three four five six seven eight nine"),
    ),
    "de": OpenWords(
        strong=_words(
            "der die den dem des ein eine einen einem einer eines mein meine meinen meinem meiner dein deine "
            "unser unsere ihre ihren und oder aber sondern denn weil dass obwohl wenn als ob von für äh ähm "
            "hm öh zum zur beim im vom ins am"
        ),
        weak=_words(
            "das damit bei in hinter zwischen gegen ohne bis seit wegen ihr sehr ganz dieser diese dieses jeder jede "
            "kein keine wie"
        ),
        alone=_words("also na und aber weil wenn eigentlich"),
        beginning=_words("der die das ein eine mein meine dein deine unser unsere dieser diese dieses"),
        opening=_words("weil wenn obwohl als während nachdem bevor falls sobald da ob damit"),
        tens=_words("hundert tausend komma plus minus"),
        digits=_words("null eins zwei zwo drei vier fünf sechs sieben acht neun"),
    ),
    "fr": OpenWords(
        strong=_words(
            "le la les l un une des du de d au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce "
            "cet cette ces et ou mais donc car ni que qu quand si lorsque puisque parce euh heu bah"
        ),
        weak=_words(
            "à dans en sur sous avec pour par chez entre vers contre sans est sont était a ont avait je tu il on ils "
            "ne n très trop comme qui dont où chaque quelques"
        ),
        alone=_words("alors donc bon ben et mais enfin"),
        beginning=_words("le la les l un une mon ma mes notre nos votre vos ce cette ces"),
        opening=_words("quand si lorsque puisque comme"),
        tens=_words("vingt trente quarante cinquante soixante cent mille virgule"),
        digits=_words("zéro un deux trois quatre cinq six sept huit neuf"),
    ),
    "es": OpenWords(
        strong=_words(
            "el la los las un una unos unas mi tu su mis tus sus nuestro nuestra y e o u pero sino porque aunque que "
            "si cuando de del al eh em"
        ),
        weak=_words(
            "a en con por para sin sobre entre hasta desde hacia contra es son era eran fue ha han había se me te lo "
            "nos le muy tan como donde quien cada algunos"
        ),
        alone=_words("bueno pues entonces y pero"),
        beginning=_words("el la los las un una mi mis tu su nuestro nuestra este esta"),
        opening=_words("cuando si porque aunque mientras como"),
        tens=_words("veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil coma"),
        digits=_words("cero uno dos tres cuatro cinco seis siete ocho nueve"),
    ),
    "pt": OpenWords(
        strong=_words(
            "o a os as um uma uns umas meu minha seu sua nosso nossa e ou mas porque embora que se quando de do da "
            "dos das no na nos nas ao à pelo pela hã hum ahn"
        ),
        weak=_words(
            "em com por para sem sobre entre até desde contra é são era eram foi tinha lhe me te muito tão como onde "
            "quem cada alguns"
        ),
        alone=_words("bom então e mas bem"),
        beginning=_words("o a os as um uma meu minha seu sua nosso nossa este esta"),
        opening=_words("quando se porque embora enquanto como"),
        tens=_words("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa cem cento mil vírgula"),
        digits=_words("zero um dois três quatro cinco seis sete oito nove"),
    ),
}
