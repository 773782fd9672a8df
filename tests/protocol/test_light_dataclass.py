"""Light dataclasses beside those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any, ClassVar

import pytest
from hushd_protocol import light_dataclass as light


@light.dataclass(frozen=True, slots=True)
class Base:
    """The base of the others."""

    KIND: ClassVar[str] = "base"
    name: str
    size: int = 3


@light.dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    """A field by name, and one that is made anew for each."""

    size: int = 4
    words: list[str] = light.field(default_factory=list)
    note: str = light.field(default="", compare=False, repr=False)


@light.dataclass
class Open:
    """One that changes, with attributes of its own."""

    left: float
    log: list[float] = light.field(default_factory=list)
    last: float = light.field(init=False)

    def __post_init__(self) -> None:
        self.last = self.left


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    """`Base`, by the standard library."""

    name: str
    size: int = 3


@dataclasses.dataclass(frozen=True)
class Further(Base):
    """Made by the standard library of a light one."""

    more: int = 0
    words: list[str] = dataclasses.field(default_factory=list)


@light.dataclass(frozen=True, slots=True)
class Furthest(Further):
    """A light one again."""

    most: int = 0


def test_an_heir_of_an_heir_has_each_slot_once() -> None:
    """A second slot of one name would take its memory, and hide the first."""

    @light.dataclass(frozen=True, slots=True, kw_only=True)
    class Latest(Derived):
        name: str = "latest"
        words: list[str] = light.field(default_factory=list)
        date: int = 1

    assert vars(Latest)["__slots__"] == ("date",)
    assert (Latest(size=2).size, Latest().name, Latest().date) == (2, "latest", 1)


def test_objects_are_made_as_the_signature_says() -> None:
    """Positions, names, defaults and factories; a class that derives from another has the fields of both."""
    assert (Base("a").name, Base("a").size, Base("a", 5).size, Base(size=6, name="b").size) == ("a", 3, 5, 6)
    one, other = Derived("a"), Derived("a", size=9)
    assert (one.size, other.size, one.words) == (4, 9, [])
    assert one.words is not other.words
    made = Open(1.5)
    made.left = 2.5
    assert (made.left, made.last, made.log) == (2.5, 1.5, [])
    assert [each.name for each in light.fields(Derived)] == ["name", "size", "words", "note"]
    assert Base.__match_args__ == ("name", "size")


@pytest.mark.parametrize(("values", "named"), [((), {}), (("a", 1, 2), {}), (("a",), {"unknown": 1})])
def test_what_does_not_fit_is_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    """A value that is missing, superfluous or unknown is a TypeError, at the first object and at later ones."""
    for _ in range(2):
        with pytest.raises(TypeError):
            Base(*values, **named)


def test_they_compare_hash_and_show_as_usual() -> None:
    """Equal by values within a class, hashable when frozen, shown with their fields; left out where a field says so."""
    assert Base("a") == Base("a", 3) != Base("b")
    assert Base("a") != Twin("a")
    assert len({Base("a"), Base("a", 3), Base("b")}) == 2
    assert Derived("a", note="x") == Derived("a", note="y")
    assert repr(Derived("a", words=["w"], note="x")) == "Derived(name='a', size=4, words=['w'])"
    assert repr(Base("a")).replace("Base", "Twin") == repr(Twin("a"))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open(1))


def test_the_standard_library_knows_them() -> None:
    """`dataclasses` takes them for its own: `asdict`, `fields`, `replace`, and classes that derive from them."""
    one = Derived("a", words=["w"])
    assert dataclasses.is_dataclass(one)
    assert dataclasses.asdict(one) == {"name": "a", "size": 4, "words": ["w"], "note": ""} == light.values(one)
    assert [each.name for each in dataclasses.fields(Base)] == ["name", "size"]
    assert dataclasses.replace(Base("a"), size=7) == Base("a", 7)
    assert dataclasses.asdict(Further("a", more=1)) == {"name": "a", "size": 3, "more": 1, "words": []}
    fields = light.fields(Further)
    assert [each.name for each in fields] == ["name", "size", "more", "words"]
    assert [each.default is light.MISSING for each in fields] == [True, False, False, True]
    assert repr(Furthest("a", most=1)) == "Furthest(name='a', size=3, more=0, words=[], most=1)"
    assert dataclasses.asdict(Furthest("a")) == {"name": "a", "size": 3, "more": 0, "words": [], "most": 0}


@light.dataclass
class Own:
    size: int = light.field(default=3)
    unit: str = light.field(default="MB", init=False)
    parts: list[int] = light.field(default_factory=lambda: [1], init=False)

    def __repr__(self) -> str:
        return f"{self.size} {self.unit}"


@light.dataclass(frozen=True)
class Made:
    """One that makes itself."""

    size: int

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "size", int(text))


def test_methods_of_its_own_and_fields_that_are_not_given() -> None:
    """They stay as they were written; defaults are the class's, too."""
    assert (repr(Own(4)), Own().parts, Own.size, Own.unit, Made("7").size) == ("4 MB", [1], 3, "MB", 7)
    assert Own().parts is not Own().parts
    for named in ({"unit": "kB"}, {"parts": []}):
        with pytest.raises(TypeError):
            Own(**named)
    assert light.replace(Own(4), size=5) == Own(5)


@pytest.mark.parametrize("one", [Base("a", 5), Derived("a", words=["w"], note="x"), Furthest("a", most=2), Made("7")])
def test_copies_are_equal_and_stay_frozen(one: Any) -> None:
    """They have slots or attributes, and come from `copy` or a pickle."""
    for again in (copy.copy(one), pickle.loads(pickle.dumps(one))):
        assert (again, light.values(again)) == (one, light.values(one))
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot change field 'size'"):
            again.size = 1
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot change field 'size'"):
            del again.size
