"""Requests by which programs that manage the memory of other servers free hushd's: in the words of ollama, speaches,
llama-swap and vLLM.

Running jobs end first, and whatever is asked for later starts its worker again by itself.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hushd import AsyncClient
from hushd_protocol import duration
from hushd_schema.status import WorkerStatus
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from . import context, fields, listings, parameters
from .body import read_json
from .errors import ApiError
from .parameters import Parameter, Parameters

_FOR_EVER = timedelta(days=365 * 300)  # how ollama shows a model that does not leave by itself
_LLAMA_SWAP = {"busy": "ready", "draining": "stopping", "killing": "stopping"}  # states by its words


async def loaded(request: Request) -> Response:
    """Answers as ollama's `GET /api/ps`."""
    now = datetime.now(UTC)
    models = []
    for name, processes in (await _processes(request)).items():
        vram = sum(process.vram_mb or 0.0 for process in processes)
        ram = sum(process.size_mb or 0.0 for process in processes)
        left = [process.expires_in_s for process in processes if process.expires_in_s is not None]
        ends = max(left) if len(left) == len(processes) else None
        expires_at = now + (_FOR_EVER if ends is None else timedelta(seconds=ends))
        details = {"parent_model": "", "format": "", "family": processes[0].role, "families": [processes[0].role]}
        models.append(
            {
                "name": name,
                "model": name,
                "size": int((ram + vram) * 1e6),
                "size_vram": int(vram * 1e6),
                "digest": "",
                "details": details | {"parameter_size": "", "quantization_level": ""},
                "expires_at": expires_at.isoformat(),
                "context_length": 0,
            }
        )
    return JSONResponse({"models": models})


async def generate(request: Request) -> Response:
    """Unloads a model as ollama's `POST /api/generate` and `/api/chat` do for `keep_alive` 0 and no prompt."""
    given = PARAMETERS.check(await read_json(request))
    name = given["model"]
    if given["keep_alive"] != 0 or given["prompt"] or given["messages"]:
        raise ApiError(404, "hushd has no language models: it takes a model with keep_alive 0 here, and unloads it.")
    await _unload(name, request)
    chats = request.url.path.endswith("chat")
    nothing = {"message": {"role": "assistant", "content": ""}} if chats else {"response": ""}
    done = {"done": True, "done_reason": "unload"}
    return JSONResponse({"model": name, "created_at": datetime.now(UTC).isoformat()} | nothing | done)


async def load(request: Request) -> Response:
    """Loads a model as speaches' `POST /api/ps/{model}` does: by its name in `hushd status`, or by any that
    `GET /v1/models/{name}` knows."""
    role, _, model = request.path_params["name"].partition("/")
    if role not in listings.ROLES or not model:
        _, role, model = await listings.find(request, request.path_params["name"])
    if model in await _processes(request):
        raise ApiError(409, f"{model} is loaded already.", "model", "already_loaded", is_final=True)
    await context.of(request).client.preload(f"{role}/{model}")
    return JSONResponse({"message": f"{model} is loaded."}, 201)


async def unload(request: Request) -> Response:
    """Unloads a model as speaches' `DELETE /api/ps/{model}` does."""
    name = request.path_params["name"]
    with suppress(ApiError):  # by the names of `hushd status` or `GET /api/ps`, too
        name = (await listings.find(request, name)).model
    await _unload(name, request)
    return JSONResponse({"message": f"{name[:200]} is unloaded, or will be after its jobs."})


async def running(request: Request) -> Response:
    """Answers as llama-swap's `GET /running`."""
    processes = await _processes(request)
    states = {name: _LLAMA_SWAP.get(of[0].state, of[0].state) for name, of in processes.items()}
    return JSONResponse({"running": [{"model": name, "state": state} for name, state in states.items()]})


async def unload_all(request: Request) -> Response:
    """Unloads everything, as llama-swap's `POST /unload`."""
    await _end()
    return PlainTextResponse("OK")


async def sleep(request: Request) -> Response:
    """Unloads everything, as vLLM's `POST /sleep`; the level does not matter."""
    await _end()
    return Response()


async def wake_up(request: Request) -> Response:
    """Does nothing, for vLLM's `POST /wake_up`: a worker starts with the next request."""
    return Response()


async def is_sleeping(request: Request) -> Response:
    """Answers as vLLM's `GET /is_sleeping`: whether no worker has a process."""
    return JSONResponse({"is_sleeping": not await _processes(request)})


async def _processes(request: Request) -> dict[str, list[WorkerStatus]]:
    """Returns the workers that have processes, several of one model together, by the model's name in the API."""
    processes: dict[str, list[WorkerStatus]] = {}
    for worker in (await context.of(request).client.status()).workers:
        if worker.pid is not None:
            processes.setdefault(f"{worker.engine}/{worker.model}", []).append(worker)
    return processes


async def _unload(name: str, request: Request) -> None:
    """Ends the workers of a model, by its name here or in `hushd status`; ollama's programs may add `:latest`."""
    name = name.removesuffix(":latest")
    processes = (await _processes(request)).items()
    workers = {f"{of.role}/{model}" for model, all_of in processes for of in all_of}
    ended = [worker for worker in workers if name in (worker, worker.partition("/")[2])]
    if not ended:
        raise ApiError(404, "No such model is loaded: GET /api/ps lists those that are.", "model", "model_not_found")
    await _end(*ended)


async def _end(*workers: str) -> None:
    """Ends workers, all of them when none is named; those with jobs end after these.

    By a connection of its own: for the gateway's, which all requests share, their jobs would be its own to give up.
    """
    async with AsyncClient(holder="gateway", start=False) as client:
        await client.unload(*workers)


PARAMETERS = Parameters(
    Parameter("model", "As GET /api/ps lists it.", fields.text, {"type": "string"}, required=True),
    Parameter(
        "keep_alive",
        "0, or 0s.",
        lambda data, name: duration.parse(fields.single(data, name)),
        {"type": ["number", "string"]},
    ),
    parameters.text("prompt", "Empty."),
    Parameter("messages", "Empty.", lambda data, name: bool(fields.single(data, name)), {"type": "array"}),
)
