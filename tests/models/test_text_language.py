"""The language of a text: sure, or nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hushd_models.text_language import detect

ROOT = Path(__file__).parents[2]
TEXTS = {
    "en": "The build is green, and all of the tests have passed.",
    "de": "Guten Morgen, wie geht es dir heute?",
    "fr": "Bonjour, comment allez-vous aujourd'hui ? Il fait très beau et nous sommes contents.",
    "es": "Buenos días, ¿cómo estás hoy? El trabajo está terminado y no hay nada que hacer.",
    "it": "Buongiorno, come stai oggi? Il lavoro è finito e non c'è più niente da fare.",
    "pt": "Bom dia, você está bem? O trabalho já foi feito e não há mais nada para fazer.",
    "nl": "Goedemorgen, hoe gaat het met jou? Het werk is klaar en er is niets meer te doen.",
    "sv": "God morgon, hur är det med dig? Arbetet är klart och det finns inget mer att göra.",
    "fi": "Hyvää huomenta, miten voit tänään? Työ on nyt valmis, eikä mitään ole enää tekemättä, mutta se on hyvä.",
    "pl": "Dzień dobry, jak się masz? Praca jest już gotowa i nie ma nic do zrobienia.",
    "cs": "Dobrý den, jak se máte? Práce je už hotová a není co dělat, ale to je dobře.",
    "hu": "Jó reggelt, hogy vagy ma? A munka már kész, és nincs több dolog, de ez nagyon jó.",
    "ro": "Bună ziua, ce mai faci? Lucrarea este gata și nu mai este nimic de făcut, dar este bine.",
    "tr": "Günaydın, bugün nasılsın? Bu iş çok iyi oldu ve daha fazla bir şey yok.",
    "ru": "Доброе утро, как у вас дела? Это очень хорошо, работа готова.",
    "uk": "Доброго ранку, як ваші справи? Це дуже добре, її робота готова.",
    "el": "Καλημέρα, τι κάνεις σήμερα;",
    "he": "בוקר טוב, מה שלומך היום?",
    "ja": "おはようございます。今日は元気ですか。",
    "ko": "안녕하세요, 오늘 어떻게 지내세요?",
    "zh": "早上好，你今天好吗？",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_or_two_are_enough(language: str) -> None:
    """As somebody would write them."""
    assert detect(TEXTS[language]) == language


@pytest.mark.parametrize(
    "text",
    [
        "", "Yes.", "Guten Morgen.", "Schadenfreude!", "a e i o u", "12 34 56 78 90", "!?", "\ud800",
        "Die Walküre, Der Ring, Das Rheingold and Parsifal are operas.",
        "Van de Velde, de la Cruz and von der Leyen arrived.",
        "SELECT a FROM b WHERE c = d", "cd /usr/la/de && ls -la", "`der die das` und `auch nicht` mean something",
        "Lorem ipsum dolor sit amet consectetur", "A rendez-vous in the café", "Bonjour, comment ça va ?",
        "mañana señor taco burrito",
        "Добро јутро, како сте данас? Ово је добро.", "Добро утро, как сте днес? Това е добре.",
        "Сәлеметсіз бе, қалыңыз қалай? Бұл өте жақсы.",
    ],
)  # fmt: skip
def test_nothing_is_said_of_what_is_not_sure(text: str) -> None:
    """Too short, names, titles, code, quotations, and languages whose neighbours it would be taken for."""
    assert detect(text) in ("", "en")


def test_english_documents_are_never_taken_for_another_language() -> None:
    """Sentence by sentence, with all their names and commands."""
    taken = {}
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for sentence in re.split(r"\n\n|(?<=[.!?:])\s", path.read_text()):
            if detect(sentence) not in ("", "en"):
                taken[sentence] = detect(sentence)
    assert {sentence for sentence in taken if "Bonjour" not in sentence} == set()
