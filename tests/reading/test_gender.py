"""The gender of nouns: by endings, with exceptions."""

from __future__ import annotations

import pytest
from hushd_reading import gender

NOUNS = {
    "fr": ("fonction étape image clé couleur main voix nuit forêt plage vérité souris",
           "fichier problème message arbre lycée cœur hiver silence manque drapeau peuple"),
    "es": ("función imagen mano noche pared mujer clase fuente sangre tribu crisis",
           "archivo problema mapa coche puente corazón hotel clima arroz avance"),
    "pt": ("função viagem mulher chave rede fonte cor tribo lei luz",
           "ficheiro problema mapa carro coração hotel clima nariz coelho sangue"),
    "it": ("funzione mano notte pagina città radio luce chiave",
           "problema cane mese fiore programma ponte giorno caffè"),
}  # fmt: skip
PLURALS = {
    "fr": ("pages nouvelles", "chevaux fichiers"),
    "es": ("imágenes funciones noches veces", "meses corazones problemas"),
    "pt": ("funções imagens mulheres vezes", "meses corações problemas animais"),
}  # fmt: skip


@pytest.mark.parametrize(("plural", "language", "feminine", "masculine"), [
    *((False, language, *nouns) for language, nouns in NOUNS.items()),
    *((True, language, *nouns) for language, nouns in PLURALS.items()),
])  # fmt: skip
def test_a_noun_has_the_gender_of_its_dictionary(plural: bool, language: str, feminine: str, masculine: str) -> None:
    """Endings decide, and frequent nouns that differ are known, in the plural too."""
    told = {noun: gender.of(noun, language, plural=plural) for noun in (feminine + " " + masculine).split()}
    assert told == dict.fromkeys(feminine.split(), "f") | dict.fromkeys(masculine.split(), "m")


@pytest.mark.parametrize(("noun", "expected"), [
    ("Zeile", "f"), ("Haustür", "f"), ("Fehler", "m"), ("Haus", "n"), ("Mädchen", "n"), ("Zeitung", "f"),
    ("neue", "f"), ("neuer", "m"), ("neues", "n"), ("von", None),
])  # fmt: skip
def test_a_german_word_has_one_of_three(noun: str, expected: str | None) -> None:
    """An adjective shows the gender of the noun behind it; a word of neither kind has none."""
    assert gender.of(noun, "de") == expected


def test_a_noun_that_nobody_knows_has_the_gender_of_its_ending() -> None:
    """A made-up word is counted as it sounds."""
    assert [gender.of(*each) for each in (("blorbación", "es"), ("tramblage", "fr"), ("Blorbung", "de"))] == [
        "f",
        "m",
        "f",
    ]
    assert gender.of("page", "en") is None
