"""The words around numbers in French, Portuguese, German and Spanish: months, money, units, agreement with nouns."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hushd_protocol.light_dataclass import dataclass

from .words import tables


@dataclass(frozen=True, slots=True)
class NumberWords:
    """The words of one language.

    Attributes:
        code: of the language; its rules for ordinals and agreement are found by it.
        date, of_year: templates for day and month, and for the year after them.
        hour: singular and plural.
        time, duration, seconds: templates for 17:30 and 17h30, of hours, their name and minutes; and for seconds.
        amount: a template for an amount, its smaller coins, and their name.
        of_millions: a template for the name of money after millions.
        money: by sign, the singular and plural of the money and of its coins.
        units: by sign, singular and plural.
        ordinal_sign, number_sign, short_date: patterns of 3.º, n.º 3 and 3/10.
        feminine: the end of feminine nouns, in the singular or plural.
        mends: mistakes of num2words, each with its correction.
    """

    code: str
    months: str
    date: str
    of_year: str
    hour: tuple[str, str]
    time: str
    duration: str
    seconds: str
    comma: str
    point: str
    per: str
    to: str
    ratio: str
    times: str
    by: str
    over: str
    number: str
    about: str
    amount: str
    of_millions: str
    signs: Mapping[str, str]
    money: Mapping[str, tuple[str, ...]]
    units: Mapping[str, tuple[str, str]]
    fractions: Mapping[str, str]
    ordinal_sign: re.Pattern[str]
    number_sign: re.Pattern[str]
    short_date: re.Pattern[str]
    feminine: re.Pattern[str]
    mends: tuple[tuple[str, str], ...] = ()

    def agreed(self, spoken: str, number: int, noun: str) -> str:
        """Returns the number as it is before `noun`: une ligne, duas linhas, ein Test, veintiún archivos."""
        feminine = self.feminine.search(noun) is not None
        if self.code == "fr":
            return re.sub(r"\bun$", "une", spoken) if feminine else spoken
        if self.code == "de":
            if number != 1 or not (noun[0].isupper() or noun.endswith(("e", "er", "es"))):
                return spoken
            return "eine" if feminine else "ein"
        if number > 1 and not noun.endswith("s"):
            feminine = False
        if self.code == "pt":
            if not feminine:
                return spoken
            spoken = re.sub(r"\bdois\b(?! (?:milh|bilh))", "duas", spoken)
            return re.sub(r"entos\b(?!.* (?:milh|bilh))", "entas", re.sub(r"\bum$", "uma", spoken))
        if feminine:
            return re.sub(r"ientos\b(?!.* mill)", "ientas", re.sub("uno$", "una", spoken))
        return re.sub("uno$", "un", re.sub("veintiuno$", "veintiún", spoken))


# Words after a number that it does not count: `1 et 2`, `versión 1 está lista`.
NOT_NOUNS = frozenset(tables()["not_nouns"].split())
# Words before a number that is a name, and counts nothing: `étape 1`.
LABEL = re.compile(
    r"\b(?:[ée]tapa?e?|[fp]h?ase|vers[ãi]ón?|versão|version|ligne|linha|línea|zeile|p[áa]gin?[ae]|seite|port[ae]?|puerto|código|code|"
    r"n[úu]m[ée]ro|nummer|chapitre|capítulo|kapitel|parti?e|teil|niveau|nível|nivel|stufe|option|opción|opção|passo|paso|schritt|"
    r"cas[eo]?|fall)\s+\Z",
    re.IGNORECASE,
)

_SIGNS = "ms µs s min h kB MB GB TB KiB MiB GiB km m cm mm kg g l °C ° Hz kHz MHz GHz px W dB % x"
_SAME = {"KB": "kB", "L": "l", "μs": "µs", "×": "x", "m2": "m²", "km2": "km²", "m3": "m³"}
_OCTETS = {"Ko": "kB", "ko": "kB", "Mo": "MB", "Go": "GB", "To": "TB", "Mio": "MiB", "Gio": "GiB"}  # French alone
_MONEY = (("€", "EUR"), ("$", "US$", "USD"), ("R$", "BRL"), ("£", "GBP"), ("CHF",), ("¥", "JPY"))


def _money(words: str) -> dict[str, tuple[str, ...]]:
    """Returns the names of money by its signs, from singulars and plurals in the order of `_MONEY`."""
    names = (tuple(name.replace("_", " ") for name in names.split()) for names in words.split("; "))
    return {sign: forms for signs, forms in zip(_MONEY, names, strict=True) for sign in signs}


def _units(words: str, powers: str, octets: bool = False) -> dict[str, tuple[str, str]]:
    """Returns the units by their signs, from words in the order of `_SIGNS`: `mètre/s`, `Sekunde/n`, or one form; and
    those of lengths from the templates of their second and third powers, each for one and for several."""
    named: dict[str, tuple[str, str]] = {}
    for sign, word in zip(_SIGNS.split(), words.split("; "), strict=True):
        written, slash, ending = word.partition("/")
        noun, space, rest = written.partition(" ")  # grado Celsius/s is grados Celsius
        named[sign] = (written, noun + ending + space + rest if slash else written)
    for power, forms in zip("²³", powers.split("; "), strict=True):
        for sign in ("km", "m", "cm", "mm"):
            singular, plural = (
                form.format(name.lower()) for form, name in zip(forms.split("/"), named[sign], strict=True)
            )
            named[sign + power] = (singular, plural)
    return named | {sign: named[same] for sign, same in (_SAME | (_OCTETS if octets else {})).items()}


_DAY = r"(?<![\w./,-])(?=(?:1[3-9]|2\d|3[01])/(?:0[1-9]|1[0-2])\b)"  # 25/12, but neither 3/10 nor 16/9
_DAY_MONTH = r"(?P<day>\d{1,2})/(?P<month>\d{1,2})(?![\w/]|[.,]\d)"
_ORDINAL_SIGN = re.compile(r"(?<![\w.,])(?P<number>\d{1,3})\.?(?P<mark>[ºª]|er|[oa](?=\s+[a-z]{3}))(?!\w)")
_NUMBER_SIGN = re.compile(r"(?<![\w&])#\s?(?=\d)|\b[nN](?:[º°]|\.º|úm\.|um\.)\s?(?=\d)")

FRENCH = NumberWords(
    code="fr",
    months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    date="{} {}", of_year=" {}", hour=("heure", "heures"), time="{} {} {}", duration="{} {} {}",
    seconds=" et {} secondes", comma="virgule", point="point", per="par", to="à", ratio="pour", times="fois", by="par",
    over="sur", number="numéro", about="environ", amount="{0} {1}", of_millions="de {}",
    signs={"-": "moins", "+": "plus", "±": "plus ou moins"},
    money=_money(
        "euro euros centime centimes; dollar dollars cent cents; réal réaux centavo centavos; livre livres penny "
        "pence; franc_suisse francs_suisses centime centimes; yen yens"
    ),
    units=_units(
        "milliseconde/s; microseconde/s; seconde/s; minute/s; heure/s; kilooctet/s; mégaoctet/s; gigaoctet/s; "
        "téraoctet/s; kibioctet/s; mébioctet/s; gibioctet/s; kilomètre/s; mètre/s; centimètre/s; millimètre/s; "
        "kilogramme/s; gramme/s; litre/s; degré Celsius/s; degré/s; hertz; kilohertz; mégahertz; gigahertz; "
        "pixel/s; watt/s; décibel/s; pour cent; fois", "{} carré/{} carrés; {} cube/{} cubes", octets=True
    ),
    fractions={"1/2": "un demi", "1/3": "un tiers", "2/3": "deux tiers", "1/4": "un quart", "3/4": "trois quarts"},
    ordinal_sign=re.compile(r"(?<![\w.,])(?P<number>\d{1,4})(?P<mark>ers?|res?|ères?|nde?s?|(?:i?[èe]me|e)s?)(?!\w|-\d)"),
    number_sign=_NUMBER_SIGN,
    short_date=re.compile(
        rf"(?:(?P<before>\b(?:le|du|au|lundi|mardi|mercredi|jeudi|vendredi)\s+)|{_DAY}){_DAY_MONTH}", re.IGNORECASE
    ),
    feminine=re.compile(
        r"(?:^(?:ligne|erreur|minute|heure|classe|méthode|variable|étape|tâche|image|page|requête|réponse|fois|semaine|branche|"
        r"demande|clé|table|colonne|boucle|commande|valeur|alerte|passe|copie|livre|fuite|faille|règle|machine|clause|nouvelle|"
        r"seule|bibliothèque|suite|liste)|seconde|[ts]ion|té|ance|ence|ette|ure|ée)s?$", re.IGNORECASE,
    ),
)  # fmt: skip
PORTUGUESE = NumberWords(
    code="pt",
    months="janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    date="{} de {}", of_year=" de {}", hour=("hora", "horas"), time="{0} e {2}", duration="{} {} e {} minutos",
    seconds=" e {} segundos", comma="vírgula", point="ponto", per="por", to="a", ratio="para", times="vezes", by="por",
    over="sobre", number="número", about="cerca de", amount="{} e {} {}", of_millions="de {}",
    signs={"-": "menos", "+": "mais", "±": "mais ou menos"},
    money=_money(
        "euro euros cêntimo cêntimos; dólar dólares centavo centavos; real reais centavo centavos; libra libras péni "
        "pence; franco_suíço francos_suíços cêntimo cêntimos; iene ienes"
    ),
    units=_units(
        "milissegundo/s; microssegundo/s; segundo/s; minuto/s; hora/s; kilobyte/s; megabyte/s; gigabyte/s; "
        "terabyte/s; kibibyte/s; mebibyte/s; gibibyte/s; quilômetro/s; metro/s; centímetro/s; milímetro/s; "
        "quilograma/s; grama/s; litro/s; grau Celsius/s; grau/s; hertz; quilohertz; mega-hertz; giga-hertz; pixel; "
        "watt/s; decibel; por cento; vez", "{} quadrado/{} quadrados; {} cúbico/{} cúbicos"
    ) | {"px": ("pixel", "pixels"), "dB": ("decibel", "decibéis"), "x": ("vez", "vezes")},
    fractions={"1/2": "meio", "1/3": "um terço", "2/3": "dois terços", "1/4": "um quarto", "3/4": "três quartos"},
    ordinal_sign=_ORDINAL_SIGN, number_sign=_NUMBER_SIGN,
    short_date=re.compile(rf"(?:(?P<before>\b(?:dia|até|desde|a partir de)\s+)|{_DAY}){_DAY_MONTH}", re.IGNORECASE),
    feminine=re.compile(
        r"(?:(?<!m)a|(?<![aei])ma)s?$|[çs](?:ão|ões)$|dades?$|^(?:vez|mulher|cor|flor|luz|voz|cruz)(?:es)?$|"
        r"^(?:fonte|chave|rede|classe|ordem|mãe|irmã|noite|tarde|parte|frase|base|mão|lei|gente|série|ponte|árvore)s?$|"
        r"^ordens$|age(?:m|ns)$", re.IGNORECASE,
    ),
)  # fmt: skip
GERMAN = NumberWords(
    code="de",
    months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    date="{} {}", of_year=" {}", hour=("Uhr", "Uhr"), time="{} {} {}", duration="{} {} {}", seconds=" und {} Sekunden",
    comma="Komma", point="Punkt", per="pro", to="bis", ratio="zu", times="mal", by="mal",
    over="durch", number="Nummer", about="etwa", amount="{0} {1}", of_millions="{}",
    signs={"-": "minus", "+": "plus", "±": "plus minus"},
    money=_money(
        "Euro Euro Cent Cent; Dollar Dollar Cent Cent; Real Real Centavo Centavos; Pfund Pfund Penny Pence; "
        "Franken Franken Rappen Rappen; Yen Yen"
    ),
    units=_units(
        "Millisekunde/n; Mikrosekunde/n; Sekunde/n; Minute/n; Stunde/n; Kilobyte; Megabyte; Gigabyte; Terabyte; "
        "Kibibyte; Mebibyte; Gibibyte; Kilometer; Meter; Zentimeter; Millimeter; Kilogramm; Gramm; Liter; Grad "
        "Celsius; Grad; Hertz; Kilohertz; Megahertz; Gigahertz; Pixel; Watt; Dezibel; Prozent; mal",
        "Quadrat{}/Quadrat{}; Kubik{}/Kubik{}"
    ),
    fractions={
        "1/2": "ein halb", "1/3": "ein Drittel", "2/3": "zwei Drittel", "1/4": "ein Viertel", "3/4": "drei Viertel",
    },
    ordinal_sign=re.compile(r"(?<![\w.,])(?P<number>\d{1,3})(?P<mark>\.)(?=\s+[^\W\d_])"),  # after an article
    number_sign=re.compile(r"(?<![\w&])#\s?(?=\d)"),
    short_date=re.compile(r"(?<![\w.])(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?!\d)"),
    feminine=re.compile(r"(?:ung|heit|keit|ion|tät|tei|chaft|ik|[^u]ur|e)$|"
        r"^(?:Frau|Mutter|Tochter|Schwester|Person|Nacht|Stadt|Hand|Zeit|Welt|Arbeit|Antwort|Mark|Firma|Kuh|Zahl|Wahl)$"),
)  # fmt: skip
SPANISH = NumberWords(
    code="es",
    months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    date="{} de {}", of_year=" de {}", hour=("hora", "horas"), time="{0} y {2}", duration="{} {} y {} minutos",
    seconds=" y {} segundos", comma="coma", point="punto", per="por", to="a", ratio="a", times="por", by="por",
    over="sobre", number="número", about="unos", amount="{} con {} {}", of_millions="de {}",
    signs={"-": "menos", "+": "más", "±": "más menos"},
    money=_money(
        "euro euros céntimo céntimos; dólar dólares centavo centavos; real reales centavo centavos; libra libras "
        "penique peniques; franco_suizo francos_suizos céntimo céntimos; yen yenes"
    ),
    units=_units(
        "milisegundo/s; microsegundo/s; segundo/s; minuto/s; hora/s; kilobyte/s; megabyte/s; gigabyte/s; "
        "terabyte/s; kibibyte/s; mebibyte/s; gibibyte/s; kilómetro/s; metro/s; centímetro/s; milímetro/s; "
        "kilogramo/s; gramo/s; litro/s; grado Celsius/s; grado/s; hercio/s; kilohercio/s; megahercio/s; "
        "gigahercio/s; píxel/es; vatio/s; decibelio/s; por ciento; vez",
        "{} cuadrado/{} cuadrados; {} cúbico/{} cúbicos"
    ) | {"x": ("vez", "veces")},
    fractions={"1/2": "un medio", "1/3": "un tercio", "2/3": "dos tercios", "1/4": "un cuarto", "3/4": "tres cuartos"},
    ordinal_sign=_ORDINAL_SIGN, number_sign=_NUMBER_SIGN,
    short_date=re.compile(rf"(?:(?P<before>\b(?:el|del|al|día)\s+)|{_DAY}){_DAY_MONTH}", re.IGNORECASE),
    feminine=re.compile(
        r"(?:(?<!m)a|(?<![aei])ma)s?$|[cst]ión$|[cst]iones$|dad(?:es)?$|^(?:vez|veces|red|redes|imagen|imágenes|"
        r"(?:clase|clave|noche|tarde|parte|calle|llave|base|serie|fuente|gente|frase|mano)s?|(?:mujer|flor|voz|ley|luz)(?:es)?|"
        r"orden|órdenes)$", re.IGNORECASE,
    ),
    mends=(("veintiuno mil", "veintiún mil"), ("y uno mil", "y un mil"), ("ciento uno mil", "ciento un mil"),
           ("décimoprimero", "undécimo"), ("décimosegundo", "duodécimo"), ("quadra", "cuadra")),
)  # fmt: skip
