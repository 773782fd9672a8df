"""A transcription that another model hears again: procedures, whose steps are answered by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hushd.transport.second_hearing import SecondHearing
from hushd.transport.source import Inline, Input, Stream
from hushd.transport.steps import Steps, run
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Cancel, Partial, Request, Result
from msgspec.structs import replace
from support.refusals import hushd_error

from .test_retry import Calls, World

ASKED = Request(id=b"1" * 16, worker="stt", op="transcribe")
OTHER = "stt/whisper/base"
RESULT: dict[str, Any] = {"language": "en", "duration": 2.0, "segments": 1}


def part(kind: str, text: str = "", **data: Any) -> dict[str, Any]:
    return {"kind": kind, **({"text": text} if text else {}), **data}


FIRST = part("segment", "We'll see you.", unjudged=True, start=0.0, end=2.0, rest=2.0)
LATER = part("segment", "And so on.", start=2.5, end=4.0, rest=4.0)
HEARD = part("segment", "Tout va bien.", start=0.0, end=2.0, rest=2.0)


class Scripted(World):
    """Answers each request at once, by the next script."""

    scripts: list[tuple[dict[str, Any] | HushdError, ...]]

    def carry(self, call: Calls, request: Request) -> None:
        super().carry(call, request)
        for number, data in enumerate(self.scripts.pop(0)):
            if isinstance(data, HushdError):
                call.end(data)
            elif "kind" in data:
                call.receive(Partial(id=call.id, seq=number, data=data))
            else:
                call.receive(Result(id=call.id, data=data))


def heard(
    *scripts: Any,
    source: Input | None = None,
    looks: bool = True,
    other: str = OTHER,
    waits: bool = False,
    unnamed: bool = False,
    asked: Request = ASKED,
    clock: Any = lambda: 0.0,
) -> tuple[Any, ...]:
    """A transcription whose requests are answered by scripts: the world, the texts and kinds that its caller gets
    (`unlikely` where marked), and its result."""
    world = Scripted()
    world.scripts = list(scripts)
    call = world.call(asked, source or Inline(b"sound"), clock=clock)
    run(call.begin())

    def instead(request: Request) -> Steps[Request | None]:
        if other == "error":
            raise HushdError("model_missing", "None is here.")
        yield from ()
        return replace(request, worker=other) if other else None

    hearing, got, result = SecondHearing(call, lambda: looks, instead, unnamed=unnamed), [], {}
    if waits:
        hearing.hold()
    while (message := run(hearing.receive())) is not None:
        if isinstance(message, Result):
            result = dict(message.data)
        elif isinstance(message, Partial):
            mark = " (unlikely)" if message.data.get("unlikely") and "text" in message.data else ""
            got.append(str(message.data.get("text") or message.data["kind"]) + mark)
    assert not world.scripts
    return world, got, result


@pytest.mark.parametrize(
    ("probability", "unnamed", "text", "seconds", "doubted"),
    [
        (0.47, True, "Hello, my name is", 2.0, True), (0.0, True, "Hello, my name is", 2.0, True),
        (0.47, False, "Hello, my name is", 2.0, False), (0.7, True, "Hello, my name is", 2.0, False),
        (None, True, "Hello, my name is", 2.0, False), (0.47, True, "Hello, my name", 9.0, False),
        (0.47, True, "Hello, my name is", 1.9, False),
        (0.47, True, "我们明天见。", 2.0, True), (0.47, True, "谢谢你。", 2.0, False),
        (0.47, True, "ありがとう", 2.0, True), (0.47, True, "ไปกันเถอะ", 2.0, True),
        (0.47, True, "안녕하세요 여러분", 2.0, False),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("runtime")
def test_a_guessed_language_is_not_passed_off(
    probability: float | None, unnamed: bool, text: str, seconds: float, doubted: bool
) -> None:
    """Text in a language that its own model doubts is marked and warned of, where nobody named a model or a language:
    of a short French sentence Whisper base made "Hello, my name is" with 0.47. Less than two seconds or four words are
    believed; where no space parts words, four letters."""
    found = {"language": "en", "language_probability": probability}
    segment = part("segment", text, start=0.0, end=seconds, rest=2.0, **found)
    _, texts, result = heard((segment, RESULT), unnamed=unnamed)
    assert texts == [f"{text} (unlikely)" if doubted else text]
    assert [each["code"] for each in result.get("warnings", ())] == ["unlikely_text"] * doubted
    assert result.get("unlikely", []) == [{"start": 0.0, "end": 2.0}] * doubted
    assert all("which `--language en` names" in each["message"] for each in result.get("warnings", ()))


@pytest.mark.parametrize(("other", "doubted"), [("we'll see, you!", False), ("Tout va bien.", True)])
def test_a_few_words_are_doubted_where_another_model_hears_others(other: str, doubted: bool) -> None:
    """And is unsure of its language, too; two models that hear the same are believed."""
    found = {"language": "fr", "language_probability": 0.3}
    answer = part("segment", other, start=0.0, end=1.0, rest=1.0, **found)
    _, texts, result = heard((FIRST, part("judged", unlikely=False, doubtful=True)), (answer, RESULT))
    assert texts == [f"{other} (unlikely)" if doubted else other]
    assert result.get("unlikely", []) == [{"start": 0.0, "end": 1.0}] * doubted


def test_what_follows_is_not_what_the_usual_model_heard() -> None:
    """Few words behind its text are believed, as any: it has heard nothing there that they could differ from."""
    found = {"language": "fr", "language_probability": 0.3}
    answers = [part("segment", "Oui.", start=start, end=start + 1.0, rest=start + 1.0, **found) for start in (1.0, 2.0)]
    _, texts, _ = heard((FIRST, part("judged", unlikely=False, doubtful=True)), (*answers, RESULT))
    assert texts == ["Oui. (unlikely)", "Oui."]


def test_a_denied_language_is_that_of_its_turn() -> None:
    """A later turn may be in English: another model that finds it with 0.7 is believed, where nobody has denied it."""
    french = HEARD | {"language": "fr", "language_probability": 0.9}
    english = part("segment", "And now in English.", start=4.0, end=7.0, rest=7.0, language="en")
    turns = (french, ENDED, english | {"language_probability": 0.7}, ENDED, RESULT)
    _, texts, _ = heard((FIRST, ENDED, DOUBTED), turns, asked=LIVE)
    assert texts == ["Tout va bien.", "ended", "And now in English.", "ended"]


def test_a_text_without_a_verdict_is_no_silence() -> None:
    """Another model's text whose verdict never comes is returned alone, without the usual model's."""
    _, texts, _ = heard((FIRST, DOUBTED), (HEARD | {"unjudged": True}, RESULT))
    assert texts == ["Tout va bien."]


@pytest.mark.parametrize("unlikely", [False, True])
def test_what_another_model_does_not_hear_stands(unlikely: bool) -> None:
    """A text is not replaced by nothing, of a recording and of a turn: the usual model's is returned, with its mark,
    language and result; nobody is told that another model has heard it, or that nobody spoke."""
    first, mark = FIRST | {"language": "en"}, " (unlikely)" * unlikely
    verdict = part("judged", unlikely=unlikely, doubtful=not unlikely)
    none = RESULT | {"language": "fr", "segments": 0, "warnings": [{"code": "no_speech", "message": "Nobody."}]}
    _, texts, result = heard((first, verdict), (none,))
    assert texts == ["We'll see you." + mark]
    assert result == RESULT | {"warnings": []}
    turn = (part("began", start=0.1), part("nothing"), none | {"warnings": []})
    _, texts, _ = heard((part("began", start=0.1), first, ENDED, verdict), turn, asked=LIVE)
    assert texts == ["began", "We'll see you." + mark, "ended"]


ENDED = part("ended")
JUDGED, DOUBTED = part("judged", unlikely=False), part("judged", unlikely=True)
DONE = RESULT | {"unlikely": [{"start": 0.0, "end": 2.0}]}


@pytest.mark.parametrize(("options", "parts", "got"), [
    ({}, (FIRST, JUDGED, LATER, RESULT), ["We'll see you.", "And so on."]),
    ({"other": ""}, (FIRST, DOUBTED, DONE), ["We'll see you. (unlikely)"]),
    ({"other": "error"}, (FIRST, DOUBTED, DONE), ["We'll see you. (unlikely)"]),
    ({"source": Stream([b"x" * 9], 4)}, (FIRST, DOUBTED, DONE), ["We'll see you. (unlikely)"]),
    ({"looks": False}, (FIRST, DOUBTED, DONE), ["We'll see you.", "judged"]),
    ({}, (FIRST, RESULT), ["We'll see you."]),
    ({}, (LATER, RESULT), ["And so on."]),
    ({}, (LATER, FIRST, DOUBTED, RESULT), ["And so on.", "We'll see you. (unlikely)"]),
    ({}, (LATER, ENDED, FIRST, DOUBTED, RESULT), ["And so on.", "ended", "We'll see you. (unlikely)"]),
    (
        {"looks": False, "other": "", "waits": True},
        (FIRST, ENDED, DOUBTED, DONE),
        ["We'll see you. (unlikely)", "ended"],
    ),
])  # fmt: skip
def test_the_usual_models_text_stands(options: Any, parts: Any, got: list[str]) -> None:
    """A plausible one; with its mark one that no other model can hear, whose input is not whole any more, or that came
    after another text. Without a second model it is returned before its verdict, unless its caller waits for that."""
    if source := options.get("source"):
        list(source.pieces())
    world, texts, result = heard(parts, **options)
    assert (texts, len(world.sent), result) == (got, 1, parts[-1])


@pytest.mark.parametrize(("verdict", "language", "why"), [
    (DOUBTED, "fr", "this is not English"),
    (DOUBTED, "en", "the usual model read it differently each time"),
    (part("judged", unlikely=False, doubtful=True), "fr", "this is not English"),
])  # fmt: skip
def test_another_model_hears_it_from_the_beginning(verdict: Any, language: str, why: str) -> None:
    """The first model's answer gives nothing but the beginning of an utterance; the second gets the same input
    and options, and the result says which it is, and why."""
    began = part("began", start=0.1)
    answer = RESULT | {"language": language}
    world, texts, result = heard((began, FIRST, part("ended"), verdict), (began, HEARD, answer))
    assert texts == ["began", "Tout va bien."]
    first, second = world.sent
    assert (second.worker, second.payload, second.params) == (OTHER, first.payload, first.params)
    assert any(isinstance(each, Cancel) and each.id == first.id for each in world.posted)
    told = {"code": "heard_again", "message": f"Heard by whisper/base, since {why}."}
    assert result == answer | {"model": "whisper/base", "warnings": [told]}


@pytest.mark.usefixtures("runtime")
def test_doubted_segments_side_by_side_are_one_stretch() -> None:
    """One that is believed parts them: of three doubted ones the last two are the second stretch."""
    spans = [(0.0, 2.0, 0.4), (2.0, 4.0, 0.9), (4.0, 6.0, 0.4), (6.0, 8.0, 0.4)]
    segments = [
        part("segment", "Hello, my name is", start=start, end=end, language="en", language_probability=known)
        for start, end, known in spans
    ]
    *_, result = heard((*segments, RESULT), unnamed=True)
    assert result["unlikely"] == [{"start": 0.0, "end": 2.0}, {"start": 4.0, "end": 8.0}]


@pytest.mark.parametrize(
    ("verdict", "language", "probability", "sure"),
    [
        (DOUBTED, "fr", 0.12, False), (DOUBTED, "fr", 0.6, True), (DOUBTED, "fr", None, True),
        (DOUBTED, "en", 0.6, False), (DOUBTED, "en", 0.97, True), (DOUBTED, "en", None, True),
        (part("judged", unlikely=False, doubtful=True), "en", 0.6, True),
    ],
)  # fmt: skip
def test_a_second_model_that_does_not_know_the_language_says_so(
    verdict: Any, language: str, probability: float | None, sure: bool
) -> None:
    """Its text is marked, too, at once; it must be surer of English, where the usual model has denied it."""
    found = {"language": language, "language_probability": probability}
    later = LATER | found | {"text": "And so it goes on.", "end": 4.5}
    _, texts, result = heard((FIRST, verdict), (HEARD | found, later, RESULT))
    codes = [warning["code"] for warning in result["warnings"]]
    assert codes == ["heard_again", *([] if sure else ["unlikely_text"])]
    assert result.get("unlikely", []) == ([] if sure else [{"start": 0.0, "end": 4.5}])
    assert texts == [text + ("" if sure else " (unlikely)") for text in ("Tout va bien.", "And so it goes on.")]


def test_a_second_model_that_fails_changes_nothing() -> None:
    """There is no memory for it, say: the usual model hears it once more, and its text has its mark."""
    failure = HushdError("out_of_memory", "There is no memory for it.")
    world, texts, result = heard((FIRST, DOUBTED), (failure,), (FIRST, DOUBTED, DONE))
    assert [request.worker for request in world.sent] == ["stt", OTHER, "stt"]
    assert (texts, result) == (["We'll see you. (unlikely)"], DONE)


BEGAN, CRASH = part("began", start=0.1), HushdError("worker_crashed", "It died.")
LIVE = replace(ASKED, session=True)
STOP = HushdError("worker_stopped", "It was stopped.")
ENDS = [CRASH, STOP, HushdError("supervisor_lost", "It has gone.")]


@pytest.mark.parametrize("asked", [ASKED, LIVE, replace(ASKED, params={"diarize": True})])
@pytest.mark.parametrize("end", ENDS)
def test_a_held_beginning_outlives_its_worker(end: HushdError, asked: Request) -> None:
    """Nobody has it yet, so all is asked for again, of the usual model and of the other one."""
    source = Stream([b"x" * (MAX_PAYLOAD + 1)], 2 * MAX_PAYLOAD) if asked.session else None
    for rest, said in (
        (((FIRST, JUDGED, RESULT),), "We'll see you."),
        (((FIRST, DOUBTED), (HEARD, RESULT)), "Tout va bien."),
    ):
        world, texts, _ = heard((FIRST, end), *rest, asked=asked, source=source)
        assert texts == [said]
        assert [request.params for request in world.sent] == [asked.params] * len(world.sent)


def test_the_rest_is_asked_for_of_a_beginning_that_was_returned() -> None:
    world, texts, _ = heard((FIRST, JUDGED, CRASH), (LATER, RESULT))
    assert (texts, world.sent[1].params) == (["We'll see you.", "And so on."], {"start_s": 2.0})


@pytest.mark.parametrize("scripts", [
    ((BEGAN, STOP), (BEGAN, FIRST, ENDED, JUDGED, RESULT)),
    ((BEGAN, FIRST, ENDED, STOP), (BEGAN, FIRST, ENDED, JUDGED, RESULT)),
    ((BEGAN, FIRST, ENDED, JUDGED, STOP), (BEGAN, FIRST, ENDED, JUDGED, RESULT)),
    ((BEGAN, FIRST, ENDED, DOUBTED), (BEGAN, STOP), (BEGAN, HEARD, ENDED, RESULT)),
    ((BEGAN, FIRST, ENDED, DOUBTED), (BEGAN, HEARD, STOP), (BEGAN, HEARD, ENDED, RESULT)),
])  # fmt: skip
def test_a_turn_begins_and_ends_once(scripts: Any) -> None:
    """However often it is heard, and by whom."""
    _, texts, _ = heard(*scripts, asked=LIVE)
    assert [text for text in texts if text != "judged"] == ["began", texts[1], "ended"]


def test_a_second_model_that_fails_in_the_middle_is_an_error() -> None:
    """The usual model's text cannot follow the beginning of another one."""
    with hushd_error("worker_failed"):
        heard((FIRST, DOUBTED), (HEARD, HushdError("worker_failed", "There is no memory for it.")))


def test_a_request_keeps_its_one_deadline() -> None:
    """Whoever answers it, and however often it is sent: 10 s in all."""
    now = iter(range(0, 100, 4))
    asked = replace(ASKED, deadline_ms=10_000)
    scripts, source = ((CRASH,), (FIRST, DOUBTED), (HEARD, CRASH), (LATER, RESULT)), Inline(b"x" * (MAX_PAYLOAD + 1))
    world, _, _ = heard(*scripts, asked=asked, source=source, clock=lambda: next(now))
    assert [request.deadline_ms for request in world.sent] == [10_000, 6_000, 2_000, 1]
    ids = [request.id for request in world.sent]
    assert [(ids.index(request.id), request.attempt) for request in world.sent] == [(0, 0), (0, 1), (2, 0), (3, 0)]
