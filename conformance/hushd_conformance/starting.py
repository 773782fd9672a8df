"""Cases of every engine's start: in unusual environments, without memory, without a network, and without leftovers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hushd_protocol.errors import HushdError

from .attempt import attempt
from .case import Case
from .trial import Trial, ill_said

_MB = 1 << 20
_NAMES = ("no-such-model", "../../etc/passwd", "a/b", "", "x" * 300, "modèle", "a\nb", "--help", "\x1b[31m")
_SURROUNDINGS: dict[str, tuple[str, Mapping[str, str | None]]] = {
    "one-thread": ("with one thread", {"OMP_NUM_THREADS": "1"}),
    "plain-locale": ("in the locale C", {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0"}),
    "without-locale": ("without a locale", {"LC_ALL": None, "LANG": None}),
    "turkish-locale": ("in a locale that is not installed", {"LC_ALL": "tr_TR.UTF-8"}),
    "without-path": ("without PATH", {"PATH": None}),
    "without-session": ("without a session", {"DISPLAY": None, "DBUS_SESSION_BUS_ADDRESS": None, "TERM": None}),
    "optimised": ("in Python's optimised mode", {"PYTHONOPTIMIZE": "1"}),
}  # fmt: skip


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of a start."""
    yield Case("start.loads", "The model loads.", _loads)
    yield Case("start.twice", "Two processes load the model, one after another.", _twice, costly=True)
    yield Case("start.unknown-model", "A missing model is refused in a sentence.", _unknown)
    for name, (where, variables) in _SURROUNDINGS.items():
        claim = f"The engine loads and works {where}."
        yield Case(f"start.{name}", claim, partial(_in_surroundings, variables), costly=True)
    yield Case("start.elsewhere", "The engine loads and works in the folder /.", _elsewhere, costly=True)
    yield Case("offline.works", "The network is not used.", _offline, costly=True)
    for place in ("home", "folder", "temporary"):
        claim = f"Nothing is left behind in the {place} folder."
        yield Case(f"written.{place}", claim, partial(_written, place), costly=True)


def _loads(trial: Trial) -> Iterator[str]:
    if trial.worker.slots < 1:
        yield f"it takes {trial.worker.slots} jobs at once"


def _twice(trial: Trial) -> Iterator[str]:
    for number in ("first", "second"):
        yield from attempt(trial).faults(f"the {number} process")


def _unknown(trial: Trial) -> Iterator[str]:
    for model in _NAMES:
        try:
            trial.make_worker(model).load(lambda note: None)
        except HushdError as error:
            yield from ill_said(f"the model {model!r:.40}", error)
            if error.code != "model_missing":
                yield f"the model {model!r:.40} has the code {error.code}, not model_missing"
        else:
            yield f"it loads a model called {model!r:.40}"


def _in_surroundings(variables: Mapping[str, str | None], trial: Trial) -> Iterator[str]:
    yield from attempt(trial, environment=variables).faults("the start")


def _elsewhere(trial: Trial) -> Iterator[str]:
    yield from attempt(trial, folder=Path("/")).faults("the start")


def _offline(trial: Trial) -> Iterator[str]:
    yield from attempt(trial, "--offline").faults("the start")


def _written(place: str, trial: Trial) -> Iterator[str]:
    with TemporaryDirectory(prefix="hushd-home-") as name:
        root = Path(name)
        folders = {word: root / word for word in ("home", "folder", "temporary")}
        for folder in folders.values():
            folder.mkdir()
        state = {f"XDG_{kind}_HOME": None for kind in ("CACHE", "DATA", "STATE", "CONFIG")}
        variables = {
            **state, "HOME": str(folders["home"]), "TMPDIR": str(folders["temporary"]), **_kept(),
            "HUSHD_STATE_DIR": str(root / "state"), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        tried = attempt(trial, environment=variables, folder=folders["folder"])
        yield from tried.faults("the start")
        own = folders["home"] / ".cache" / "hushd"  # hushd's own folder, for prepared dictionaries
        written = [path for path in folders[place].rglob("*") if own != path and own not in path.parents]
        left = sorted(str(path.relative_to(root)) for path in written if path not in own.parents)
        if left:
            yield f"it leaves {', '.join(left[:5])} behind"


def _kept() -> dict[str, str]:
    """Returns the variables that keep hushd's own folders in place, with another HOME."""
    from hushd_protocol.system import paths

    places = paths.find()
    return {"HUSHD_MODELS_DIR": str(places.models), "HUSHD_CONFIG": str(places.config)}
