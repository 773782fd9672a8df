"""The output of a dictation: words, replacements, spoken punctuation and commands, and only what stays."""

from __future__ import annotations

import random

import pytest
from hushd import HushdError
from hushd_desktop.dictation.composition import Composition, Edit
from hushd_desktop.dictation.vocabulary import Vocabulary, read
from support.seeds import seeds

OWN = ("Kubernetes  # a comment", "kates -> k8s", "next item -> <new line>-", "um ->", "# nothing", "", "C# -> csharp")
VOCABULARY = read(OWN)


def written(*utterances: str, vocabulary: Vocabulary = VOCABULARY) -> str:
    composition = Composition(vocabulary)
    for utterance in utterances:
        composition.finish(utterance)
    return composition.text


class Field:
    """A text field with its cursor at the end."""

    def __init__(self) -> None:
        self.text = "before "

    def apply(self, edit: Edit) -> None:
        assert edit.back <= len(self.text) - len("before "), "it deletes what it has not typed"
        self.text = self.text[: len(self.text) - edit.back] + edit.text


@pytest.mark.parametrize(("spoken", "text"), [
    ("Hello, comma, world.", "Hello, world."),
    ("Hello, world, new line, and more.", "Hello, world\nAnd more."),
    ("It ends. New paragraph. it begins", "It ends.\n\nIt begins"),
    ("Is it question mark yes full stop", "Is it? Yes."),
    ("open parenthesis really, question mark, close parenthesis, yes", "(really?) yes"),
    ("he said open quote no close quote", "he said “no”"),
    ("a well hyphen known dash or not", "a well-known – or not"),
    ("this is kates, and Kubernetes.", "this is k8s, and Kubernetes."),
    ("kubernetes. KUBERNETES!", "Kubernetes. Kubernetes!"),
    ("buy next item milk next item eggs", "buy\n- milk\n- eggs"),
    ("um, well um it works", "well it works"),
    ("This is new. Line two.", "This is new. Line two."),
    ("C#, he said", "csharp, he said"), ("", ""), ("...", "..."), ("cafe\u0301", "caf\u00e9"),
    ("こんにちは 世界", "こんにちは世界"),
])  # fmt: skip
def test_an_utterance(spoken: str, text: str) -> None:
    """Speech on the left is written as on the right."""
    assert written(spoken) == text


@pytest.mark.parametrize(("utterances", "text"), [
    (("One two.", "Three four.", "Scratch that."), "One two."),
    (("One two.", "Three four, scratch that. Five."), "One two. Five."),
    (("One.", "Two.", "Scratch that.", "Scratch that.", "Three."), "Three."),
    (("Scratch that.",), ""), (("One.", "new line", "scratch that"), ""),
    (("これは。", "テスト。"), "これは。テスト。"),
])  # fmt: skip
def test_utterances(utterances: tuple[str, ...], text: str) -> None:
    """They are joined as text is, and `scratch that` takes back the last one that has any."""
    assert written(*utterances) == text


def test_what_may_be_a_phrase_is_held_back() -> None:
    """`new` is typed once the next word is not `line`, and no full stop before the sentence has ended."""
    composition = Composition(VOCABULARY)
    assert composition.hear("This is new") == Edit(0, "This is")
    assert composition.hear("This is new line") == Edit(0, "\n")
    assert composition.hear("This is new line it is new.") == Edit(0, "It is")
    assert composition.hear("This is new line it is new. And") == Edit(0, " new. And")
    assert composition.finish("This is new line it is new. And so on.") == Edit(0, " so on.")


def test_the_engine_changes_its_mind() -> None:
    """The final text replaces its typed beginning, from the first difference on."""
    composition = Composition(VOCABULARY)
    composition.hear("Bare again and")
    assert composition.finish("Fail again.") == Edit(len("Bare again and"), "Fail again.")


def test_other_languages_have_only_their_own_phrases() -> None:
    """English ones are words there, as `comma` is in Italian."""
    italian = read(("virgola -> ,",), english=False)
    assert written("al comma due virgola lettera a", vocabulary=italian) == "al comma due, lettera a"


@pytest.mark.parametrize(("line", "complaint"), [
    ("-> k8s", r"names.txt, line 2: '-> k8s' has no word that can be heard\."),
    ("... -> k8s", "line 2"),
    ("next -> <new page>", "line 2: there is no command <new page>: there are <new line>, <new paragraph>"),
])  # fmt: skip
def test_a_line_that_says_nothing(line: str, complaint: str) -> None:
    """It is refused, with its number."""
    with pytest.raises(HushdError, match=complaint):
        read(("Kubernetes", line))


def test_pronunciations_are_written_back() -> None:
    """A word is written where its pronunciation is heard, and expected; phonemes are not heard; the file wins."""
    table = {"nginx": "engine x", "gnocchi": "/njɒki/", "k8s": "kates"}
    vocabulary = read(("kates -> Kates", "Kubernetes  # as it is said"), pronounced=table)
    assert written("start engine X, kates and Gnocchi", vocabulary=vocabulary) == "start nginx, Kates and gnocchi"
    assert vocabulary.expected == ("nginx", "gnocchi", "k8s", "Kubernetes")


WORDS = ("new", "line", "comma", "scratch", "that", "question", "mark", "hello", "world.", "Ever,", "kates", "um",
         "next", "item", "open", "quote", "hyphen", "dash", "period", "世界。", "…", "e\u0301", "C#")  # fmt: skip


@seeds(300)
def test_the_field_has_what_was_composed(seed: int) -> None:
    """Whatever was stable on the way, the field ends with the text of the final utterances, and what stood there before
    stays."""
    rng = random.Random(seed)
    speech = [rng.choices(WORDS, k=rng.randrange(9)) for _ in range(rng.randrange(6))]
    composition, field = Composition(VOCABULARY), Field()
    for utterance in speech:
        for end in sorted(rng.randrange(len(utterance) + 1) for _ in range(rng.randrange(4))):
            field.apply(composition.hear(" ".join(rng.choice((word, word.title())) for word in utterance[:end])))
            assert field.text == "before " + composition.text
        field.apply(composition.finish(" ".join(utterance)))
    assert field.text == "before " + written(*map(" ".join, speech))


@seeds(300)
def test_stable_words_are_typed_once(seed: int) -> None:
    """Nothing that was typed is deleted while words are only added."""
    rng = random.Random(seed)
    words = rng.choices([word for word in WORDS if word != "scratch"], k=rng.randrange(9))
    composition = Composition(VOCABULARY)
    for end in range(len(words) + 1):
        assert composition.hear(" ".join(words[:end])).back == 0
    assert composition.finish(" ".join(words)).back == 0
