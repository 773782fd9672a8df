"""The supervisor and the worker for models: one process, gone soon; and what it adds to the answer that a model is
missing."""

from __future__ import annotations

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import Settings, WorkerSettings
from hushd_supervisor.core.worker.states import State
from support.house import A, House

MODELS = "models/store/local"


def test_it_leaves_ten_seconds_after_its_last_job_unless_the_user_says_otherwise() -> None:
    """The general table is for speech workers; `[worker.models]` is for this one."""
    assert Settings().for_worker(MODELS).keep_alive == 10
    assert Settings(worker={"": {"keep_alive": 500.0}}).for_worker(MODELS).keep_alive == 10
    assert Settings(worker={"models": {"keep_alive": 500.0}}).for_worker(MODELS).keep_alive == 500
    assert Settings().for_worker(A) == WorkerSettings()
    house = House()
    house.idle(MODELS)
    house.wait(9.9)
    assert house.state(MODELS) is State.READY
    house.wait(0.2)
    assert house.state(MODELS) is State.STOPPING


@pytest.mark.parametrize("auto_pull", [False, True])
def test_a_missing_model_is_named_in_the_answer(auto_pull: bool) -> None:
    """Its engine is named, and whether the client is to have it pulled; so it is in a job's error, which may say
    that it is another model."""
    house = House(auto_pull=auto_pull)
    first = house.request("stt")
    house.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(A, m.LoadFailed(code="model_missing", message="It is not here."))
    answer = house.refusal(first)
    assert answer.code == "model_missing"
    assert answer.message == 'The configuration says stt = "a/x", and it is not here.'
    assert answer.detail == {"model": "a/x", "pull": auto_pull}
    house.leave(A)
    second = house.request("stt")
    house.ready(A)
    house.says(A, m.Error(id=second, code="model_missing", message="Nor is that.", detail={"model": "a/other"}))
    answer = house.refusal(second)
    assert answer.detail == {"model": "a/other", "pull": auto_pull}


def test_what_the_worker_for_models_misses_is_not_pulled() -> None:
    """Nobody pulls in order to pull; and other errors stay as they are."""
    house = House(auto_pull=True)
    request = house.request("models", op="pull")
    house.ready(MODELS)
    house.says(MODELS, m.Error(id=request, code="model_missing", message="There is no such model."))
    answer = house.refusal(request)
    assert answer.detail == {}
    request = house.request("stt")
    house.ready(A)
    house.says(A, m.Error(id=request, code="worker_failed", message="It has failed."))
    answer = house.refusal(request)
    assert answer.detail == {}
