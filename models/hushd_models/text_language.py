"""Detects the language of a text by its script or its most frequent words, if that is certain. Light and pure.

It returns nothing rather than a wrong language: a name, a command or a quotation in another language decides nothing,
and languages with common small words (Danish and Norwegian, Spanish and Galician) are only told apart by many of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

MAX_CHARACTERS = 2000  # that are examined
_MIN_WORDS = 6  # of a text; letters, in scripts without spaces
_MIN_DISTINCT = 3  # different frequent words,
_MIN_OWN = 2  # and of these words longer than a letter that are not English, too
_MIN_SHARE = 0.3  # of frequent words among all; in running text it is 0.4 to 0.6
_MIN_LEAD = 1.6  # times as many as of the next language
_SCRIPT_SHARE = 0.7  # of the letters

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NO_PROSE = re.compile(r"<[^<>]{0,500}>|`[^`]{0,2000}`|\S*(?:/|@|\\|\w\.\w|_)\S*")  # tags, code, paths, addresses

_FREQUENT = {
    "en": """the of and to in is you that it he was for on are as with his they i at be this have from or one had by
        but not what all were we when your can said there use an each which she do how their if will up other about out
        many then them these so some her would make like him into time has look two more write go see no way could
        people my than first been who its now find long down day did get come made may part over new take only little
        work know place years live me back give most very after our just name good man think say great where help
        through much before line right too means old any same tell boy want show also set put end does another well
        must such because turn here why went men read need land us am i'm it's don't let's hello hi please thank thanks
        yes off under again still should die war hat gut bad arm rat hut tag was handy art fast not""",
    "de": """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er
        hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur
        bis mehr durch man sein wurde sei ich du wir ihr mich mir dir dich uns euch wenn kann können hier heute jetzt
        schon immer sehr gut guten morgen abend danke bitte ja nein doch mal dann weil was wer wo warum geht gibt alle
        alles etwas nichts diese dieser dieses mein meine dein deine ihre ihren seine unser keine kein muss soll hallo
        wieder heißt müssen will habe bin bist welche wurden worden damit""",
    "fr": """de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son aux
        d'un cette d'une ont ses mais comme ou si leur y dont elle deux ces où été je tu nous vous ils elles mon ma mes
        ton ta tes sa votre vos notre nos être avoir fait faire tout tous très bien bonjour bonsoir merci oui non c'est
        n'est j'ai qu'il qu'elle s'il l'on aujourd'hui demain hier peut quand alors aussi même sans sous entre après
        avant chez encore toujours jamais rien quel quelle comment pourquoi ça voilà ici là êtes suis sommes""",
    "es": """de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin
        sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué
        sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada e vida
        otro después te otros aunque esa eso hace otra tan durante siempre día tanto ella tres sí gran estaba antes
        tú usted hola gracias buenos días buenas tardes noches cómo estás hoy mañana aquí nada algo quien soy eres""",
    "it": """di e il la che in a per un è del della non una le i con si da al sono come dei nel alla più ha anche lo
        gli ma delle ed questo questa se dal o tra cui su stato suo sua dell'anno essere o nella mi ti ci vi lui lei
        noi voi loro io tu mio mia tuo tua ho hai abbiamo hanno era erano fare fatto tutto tutti molto bene buongiorno
        buonasera ciao grazie sì no oggi domani ieri qui dove quando perché cosa chi ogni sempre ancora dopo prima
        poi così solo senza degli nei sul sulla può quello quella c'è un'altra stai sei siamo""",
    "pt": """de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu
        sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter
        seus quem nas me esse eles estão você tinha foram essa num nem suas meu às minha têm numa pelos elas havia
        seja qual será nós tenho lhe deles este fosse dele olá obrigado obrigada bom dia boa tarde noite hoje amanhã
        aqui onde porque tudo todos nada bem são vai fazer""",
    "nl": """de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou
        wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u want
        nog zal me zij nu ge geen omdat iets worden toch al waren veel meer doen toen moet ben zonder kan hun dus alles
        onder ja eens hier wie werd altijd doch wordt wezen kunnen ons zelf tegen na reeds wil kon niets uw iemand
        geweest andere goedemorgen goedenavond hallo dank dank je bedankt vandaag morgen gaat jij wij jullie het""",
    "sv": """och i att det som en på är av för med den till inte har de jag ett om han men var så vi hon kan sig från
        nu när du eller ska skulle också efter upp vid mot man här hade sin ut in över vara alla mycket blev bara min
        mig dig oss er honom henne dem detta denna dessa vad vem hur varför god morgon kväll tack hej ja nej idag
        imorgon något några ingen inget blir blivit finns kommer där under mellan utan sedan än två mina dina hans
        hennes deras är då redan""",
    "da": """og i at det som en på er af for med den til ikke har de jeg et om han men var så vi hun kan sig fra nu når
        du eller skal skulle også efter op ved mod man her havde sin ud ind over være alle meget blev kun min mig dig
        os jer ham hende dem dette denne disse hvad hvem hvordan hvorfor god morgen aften tak hej ja nej i dag i morgen
        noget nogle ingen intet bliver blevet findes kommer der under mellem uden siden end to mine dine hans hendes
        deres da allerede af efter meget hvor mellem være""",
    "no": """og i at det som en på er av for med den til ikke har de jeg et om han men var så vi hun kan seg fra nå når
        du eller skal skulle også etter opp ved mot man her hadde sin ut inn over være alle mye ble bare min meg deg
        oss dere ham henne dem dette denne disse hva hvem hvordan hvorfor god morgen kveld takk hei ja nei i dag i
        morgen noe noen ingen blir blitt finnes kommer der under mellom uten siden enn to mine dine hans hennes deres
        da allerede av etter mye hvor mellom etter""",
    "fi": """ja on ei että se hän oli en kun mutta niin kuin myös jos joka ovat olen olet sen tai minä sinä me te he
        mitä mikä missä miten miksi kuka nyt vain hyvin hyvää huomenta iltaa päivää kiitos moi hei kyllä jo vielä sitä
        siitä siinä sekä voi ole olisi pitää mukaan jälkeen ennen kanssa ilman aina koko kaikki kaikkia tämä tämän
        tässä nämä ne niitä minun sinun hänen meidän teidän heidän tänään huomenna eilen täällä siellä sitten kuitenkin
        oli ollut tulee saa""",
    "pl": """i w na z do się nie to że jest o jak po co tak za od ale czy ja ty on ona my wy oni dla już tylko może
        przez
        był była było były być ma mam masz są ten ta te tego tej tym który która które których gdy kiedy gdzie dlaczego
        kto jego jej ich mnie mi ci nas was pan pani dzień dobry wieczór dziękuję proszę cześć dziś dzisiaj jutro
        wczoraj tu tam bardzo dobrze także jeszcze nawet więc jednak oraz pod nad przy bez między wszystko wszystkie
        nic coś sobie jako można""",
    "cs": """a je se v na že to s z do o i by jsem jako ale si tak jeho za po pro jsou ve jak který která které když
        nebo co být už jen od může při také má byl byla bylo byli jste jsme není kde kdy proč kdo mě mi ti vás nás já
        ty on ona my vy oni dobrý den večer ráno děkuji prosím ahoj ano ne dnes zítra včera tady tam velmi dobře ještě
        také nic něco všechno všichni své svůj ten ta tato tento této podle mezi bez před jeden dva let bude budou""",
    "hu": """a az és hogy nem is egy ez csak meg de ha van már volt még mint el ki be le fel most itt ott mi ti ők én te
        ő nagyon jó jól reggelt napot estét köszönöm kérem szia igen minden semmi valami vagy vagyok vagyunk lesz lett
        lehet kell után előtt között nélkül alatt felett miért hogyan hol mikor mit akkor ezt azt ennek annak aki ami
        amely ahol mert amikor pedig szerint ma holnap tegnap több sok azonban valamint voltak""",
    "ro": """de și în a la cu pe să nu este o un din care ce mai pentru că se au fi sunt dar ca lui ei el ea noi voi eu
        tu mă te ne vă îi am ai are avem aveți fost era foarte bine bună ziua dimineața seara mulțumesc da rog salut
        azi astăzi mâine ieri aici acolo când unde cum cine după înainte între fără sau dacă prin până toate toți tot
        nimic ceva această acest acesta aceasta acum doar numai fiecare""",
    "tr": """bir ve bu da de için ile çok ne o ben sen biz siz onlar ama gibi daha kadar sonra önce var yok mı mi mu mü
        değil olan olarak oldu olduğu her şey en nasıl nerede neden niçin kim evet hayır günaydın merhaba teşekkür
        ederim lütfen iyi akşamlar bugün yarın dün burada orada şimdi ise diye ya veya bile hem göre karşı bana sana
        ona bizim sizin benim senin onun beni seni onu şu ki çünkü eğer hiç bütün tüm olacak""",
    "ca": """de la i el que a en un per és les els una amb no del es al com més o però seu va dels seva si ha són aquest
        aquesta també ser hi fins quan molt sobre entre anys què està jo tu ell ella nosaltres vosaltres bon dia bona
        tarda nit gràcies hola avui demà ahir aquí allà on perquè tot tots res sense després abans sempre ara només
        pot han havia era meu meva teu teva""",
    # These are here so that they are not mistaken for similar languages.
    "gl": """de a o que e do da en un unha para con non os as no na por máis como pero foi ao el dos das ten á seu súa
        ou
        ser cando moito hai nos xa está eu tamén só polo pola ata iso ela entre era despois sen mesmo aos ter este esta
        son dun dunha pode grazas bos días ola nin todo todos cada""",
    "sk": """a je sa v na že to s z do o by som ako ale si tak jeho za po pre sú vo ktorý ktorá ktoré keď alebo čo byť
        už len môže pri mal bol bola bolo boli nie kde kedy prečo kto ma mi ti vás nás ja ty on ona my vy oni dobrý deň
        večer ráno ďakujem prosím áno dnes zajtra tu tam veľmi dobre ešte tiež nič niečo všetko toto táto tento""",
    "sq": """dhe të në e i një për me që nuk është ka si do nga se më janë ose kjo ky po jo ai ajo ne ju ata unë ti
        mund duhet kur ku pse çfarë kush edhe por vetëm shumë mirë faleminderit mirëdita sot nesër""",
}  # fmt: skip

# Scripts with the language of most of their texts.
_SCRIPTS = {"HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "GREEK": "el", "HEBREW": "he", "THAI": "th"}
_KIN = {"zh": ("yue", "hak", "wuu", "nan"), "he": ("yi",), "el": ("grc",), "no": ("da", "nn"), "da": ("no",)}


def detect(text: str) -> str:
    """Returns the code of a text's language, such as `de`; empty if it is not certain."""
    letters = Counter(_script(letter) for letter in text[:MAX_CHARACTERS] if letter.isalpha())
    total = sum(letters.values())
    if not total:
        return ""
    script, count = letters.most_common(1)[0]
    japanese = letters["HIRAGANA"] + letters["KATAKANA"]
    if letters["CJK"] + japanese >= _SCRIPT_SHARE * total and letters["CJK"] + japanese >= _MIN_WORDS:
        return "ja" if japanese else "zh"
    if count < _SCRIPT_SHARE * total or count < _MIN_WORDS:
        return ""
    if script == "CYRILLIC":
        return _cyrillic(text[:MAX_CHARACTERS].casefold())
    return _by_words(text[:MAX_CHARACTERS]) if script == "LATIN" else _SCRIPTS.get(script, "")


def may_be(text_language: str, language: str) -> bool:
    """Returns whether a text detected as `text_language` may be in `language`, which may be similar."""
    return language in ("", "und", text_language, *_KIN.get(text_language, ()))


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _cyrillic(text: str) -> str:
    """Returns Russian or Ukrainian, by the letters that only one of them has; nothing for other languages."""
    if len(_WORD.findall(text)) < _MIN_WORDS or re.search("[ўљњђћџјѓќѕғқңөүұһәҷҳ]", text):
        return ""
    russian, ukrainian = bool(re.search("[ыэё]", text)), bool(re.search("[їєґі]", text))
    return "" if russian == ukrainian else "ru" if russian else "uk"


@cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    """Returns the languages of each frequent word."""
    languages: dict[str, tuple[str, ...]] = {}
    for language, words in _FREQUENT.items():
        for word in set(words.split()):
            languages[word] = (*languages.get(word, ()), language)
    return languages


def _by_words(text: str) -> str:
    words = [word.replace("’", "'") for word in _WORD.findall(_NO_PROSE.sub(" ", text).casefold())]
    if len(words) < _MIN_WORDS:
        return ""
    known, counts = _languages_of(), Counter[str]()
    distinct: dict[str, set[str]] = {}
    for word in words:
        for language in known.get(word, ()):
            counts[language] += 1
            distinct.setdefault(language, set()).add(word)
    (best, most), (_, next_most) = (*counts.most_common(2), ("", 0), ("", 0))[:2]
    if most < max(_MIN_SHARE * len(words), _MIN_LEAD * next_most) or len(distinct[best]) < _MIN_DISTINCT:
        return ""
    own = sum(len(word) > 1 and "en" not in known[word] for word in distinct[best])
    return best if best == "en" or own >= _MIN_OWN else ""
