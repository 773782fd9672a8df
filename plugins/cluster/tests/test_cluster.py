"""`hushd cluster` on a real Ray cluster of three nodes on this machine, each with a supervisor of its own."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hushd_cluster.store import Objects
from hushd_protocol.errors import CODES
from support.peer import BOUND_S, ECHO, command, wait_until
from support.ports import free_port

from .ray_cluster import RayCluster
from .s3_server import BUCKET, S3Server

if TYPE_CHECKING:
    from openai import OpenAI

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.timeout(300),  # a cluster's processes import for minutes on a starved machine
]


def test_where_no_cluster_is_the_error_names_the_command_that_starts_one(runtime: Path) -> None:
    """The error comes within seconds, whatever Ray itself would try."""
    hushd = Path(sys.executable).parent / "hushd"
    command = [hushd, "cluster", "status", "--address", "127.0.0.2:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * BOUND_S)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert done.stderr.startswith("hushd cluster status: No Ray cluster was found at 127.0.0.2:1: start one with")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for whose sake every transcription waits."""
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def cluster(gate: Path, server: S3Server | None) -> Iterator[RayCluster]:
    """Three nodes, whose libraries find the server and their credentials in the environment."""
    echo = command(ECHO, "--until", str(gate), "--poison", "POISON", "--slots", "4")
    config = f"stt = 'echo/a'\ntts = 'echo/a'\n[worker.\"stt/echo\"]\n{echo}[worker.\"tts/echo\"]\n{echo}"
    with RayCluster(3, config, server.environment if server else None) as made:
        yield made


def corpus(folder: Path, count: int) -> dict[str, bytes]:
    """Writes recordings in two folders; returns their bytes by name."""
    made = {f"{'ab'[number % 2]}/{number:02}.wav": f"recording {number}".encode() * 50 for number in range(count)}
    for name, data in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return made


def transcripts(folder: Path) -> dict[str, str]:
    """All files in a folder, by name."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def digest(data: bytes) -> str:
    """The text that the nodes' engine hears in `data`."""
    return hashlib.sha256(data).hexdigest()


def expected(made: dict[str, bytes]) -> dict[str, str]:
    """The transcripts of recordings."""
    return {f"{name}.txt": digest(data) + "\n" for name, data in made.items()}


def test_a_poison_recording_is_set_aside_and_named(cluster: RayCluster, gate: Path, tmp_path: Path) -> None:
    """The list has its reason and exit code; the others are transcribed, and a second run touches none of them."""
    gate.touch()
    good = corpus(tmp_path / "in", 4)
    (tmp_path / "in/a/poison.mp3").write_bytes(b"POISON" * 20)
    (tmp_path / "in/a/empty.flac").touch()
    (tmp_path / "in/notes.md").write_text("no recording")
    first = cluster.done("cluster", "transcribe", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    written = transcripts(tmp_path / "out")
    aside = json.loads(written.pop("set-aside.json"))
    assert written == expected(good)
    assert {name: (each["code"], each["exit"]) for name, each in aside.items()} == {
        "a/poison.mp3": ("poison_request", 5), "a/empty.flac": ("input_unreadable", 4),
    }  # fmt: skip
    assert first.returncode == 5, first.stderr
    assert re.match(r"4 recordings, 0.00 h of sound, in \d+:\d\d: \d+\.\d x real time\n2 set aside\n", first.stdout)
    named = re.findall(r"^hushd cluster transcribe: (\S+): ", first.stderr, re.MULTILINE)
    assert sorted(named) == ["a/empty.flac", "a/poison.mp3"]
    before = [cluster.requests(node) for node in range(3)]
    second = cluster.done("cluster", "transcribe", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert (second.returncode, second.stderr.count("\n")) == (5, 1)
    assert "2 set aside before" in second.stderr
    assert [cluster.requests(node) for node in range(3)] == before


@pytest.mark.parametrize("illness", ["a missing model", "workers that die"])
def test_a_sick_node_is_left_out_and_named(
    illness: str, cluster: RayCluster, gate: Path, tmp_path: Path, sick: Callable[[str], None]
) -> None:
    """It would take recording after recording: all are transcribed by the others, which are at work meanwhile."""
    gate.unlink(missing_ok=True)
    made = corpus(tmp_path / "in", 12)
    sick(illness)
    process = cluster.hushd("cluster", "transcribe", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    wait_until((tmp_path / "out").exists, "the command's own start, whose imports take seconds")
    # The others wait at the gate: until the sick node has been asked, they could transcribe all without it.
    wait_until((cluster.folders[1] / "client.sock").exists, "the sick node's first recording", 4 * BOUND_S)
    if illness == "workers that die":
        killed = "two recordings that have each killed it twice"  # each time it starts anew, beside three nodes
        wait_until(lambda: cluster.requests(1, "crashes") >= 4, killed, 4 * BOUND_S)
    gate.touch()
    run = cluster.end(process)
    assert transcripts(tmp_path / "out") == expected(made)
    assert (run.returncode, run.stdout.partition(",")[0]) == (0, "12 recordings")
    assert re.fullmatch(r"hushd cluster transcribe: The node \S+ \(127\.0\.0\.2\) was left out, .+\n", run.stderr)


@pytest.fixture
def sick(cluster: RayCluster, gate: Path) -> Iterator[Callable[[str], None]]:
    """Has the second node fail at every recording, until the end of the test."""
    config = cluster.folders[1] / "config.toml"
    text = config.read_text()

    def configure(now: str) -> None:
        config.write_text(now)
        ended = cluster.end(cluster.hushd("shutdown", node=1))
        assert ended.returncode in (0, CODES["no_supervisor"].exit), ended.stderr

    def fall_ill(illness: str) -> None:
        gone = text.replace("stt = 'echo/a'", "stt = 'moonshine/none'")
        dying = text.replace("'POISON'", "'recording'")
        configure(gone if illness == "a missing model" else dying)

    yield fall_ill
    configure(text)


@pytest.fixture
def bucket(at_server: S3Server) -> Objects:
    """The folder `calls` of the server's bucket."""
    return Objects(f"s3://{BUCKET}/calls")


def kept(folder: Objects) -> dict[str, str]:
    """All files in a folder of a store, by name."""
    return {name: (folder.read(name) or b"").decode() for name in folder.items()}


def test_recordings_and_transcripts_in_a_store_pass_the_driver_by(
    cluster: RayCluster, gate: Path, bucket: Objects, tmp_path: Path
) -> None:
    """The list set aside is beside them; a second run has nothing to do."""
    gate.touch()
    made = {f"{'ab'[number % 2]}/{number}.wav": f"recording {number}".encode() * 5000 for number in range(4)}
    for name, data in made.items():
        bucket.write(name, data)
    bucket.write("a/poison.wav", b"POISON" * 20)
    bucket.write("a/notes.txt", b"no recording")
    first = cluster.done("cluster", "transcribe", f"s3://{BUCKET}/calls", "-o", f"s3://{BUCKET}/texts", "--json")
    written = kept(Objects(f"s3://{BUCKET}/texts"))
    assert list(json.loads(written.pop("set-aside.json"))) == ["a/poison.wav"]
    assert written == expected(made)
    assert first.returncode == 5
    assert first.stderr.count("\n") == 1
    summary = json.loads(first.stdout)
    assert (summary["recordings"], summary["set_aside"]) == (4, 1)
    assert sum(node["recordings"] for node in summary["nodes"].values()) == 4
    before = [cluster.requests(node) for node in range(3)]
    second = cluster.done("cluster", "transcribe", f"s3://{BUCKET}/calls", "-o", f"s3://{BUCKET}/texts")
    assert (second.returncode, second.stderr.count("\n")) == (5, 1)
    assert "set aside before, in s3://corpus/texts/set-aside.json" in second.stderr
    assert [cluster.requests(node) for node in range(3)] == before


def test_a_manifest_names_recordings_anywhere(cluster: RayCluster, gate: Path, bucket: Objects, tmp_path: Path) -> None:
    """Recordings lie in a store, in a folder that nodes share and on the driver's disk; texts have the names of the
    ids."""
    gate.touch()
    bucket.write("one.wav", b"one" * 100)
    (tmp_path / "two.wav").write_bytes(b"two" * 100)
    rows = [
        {"id": "x/1", "url": f"s3://{BUCKET}/calls/one.wav", "language": "en"},
        {"id": "x/2", "url": f"file://{tmp_path}/two.wav"}, {"id": "3", "url": str(tmp_path / "two.wav")},
        {"id": "4", "url": f"s3://{BUCKET}/calls/none.wav"}, {"id": "5", "url": f"{tmp_path}/two.wav", "beam": 1},
    ]  # fmt: skip
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    out = tmp_path / "out"
    run = cluster.end(
        cluster.hushd("cluster", "transcribe", "--manifest", "-", "-o", f"file://{out}", stdin=subprocess.PIPE),
        text=lines,
    )
    written = transcripts(out)
    assert list(json.loads(written.pop("set-aside.json"))) == ["4"]
    two = digest(b"two" * 100) + "\n"
    assert written == {"x/1.txt": digest(b"one" * 100) + "\n", "x/2.txt": two, "3.txt": two}
    assert run.returncode == 4
    assert "4: There is no s3://corpus/calls/none.wav." in run.stderr
    assert "-:5: A recording has no 'beam' (did you mean beam_size?)." in run.stderr


@pytest.fixture(scope="module")
def openai(cluster: RayCluster, gate: Path) -> Iterator[OpenAI]:
    """OpenAI's own client of a deployment."""
    from openai import OpenAI

    at = f"127.0.0.1:{free_port()}"
    deployed = cluster.done("cluster", "deploy", "--http", at)
    assert (deployed.returncode, deployed.stdout, deployed.stderr) == (0, f"http://{at}/v1\n", "")
    with OpenAI(base_url=f"http://{at}/v1", api_key="none", max_retries=0, timeout=2 * BOUND_S) as client:
        yield client


def test_clients_of_openai_speak_and_transcribe_unchanged(openai: OpenAI, cluster: RayCluster, gate: Path) -> None:
    """The requests go to engines of which none was started before."""
    gate.touch()
    status = json.loads(cluster.done("cluster", "status", "--json").stdout)["deployments"]
    assert {each["name"]: (each["state"], each["replicas"]) for each in status} == {"http": ("healthy", 1)}
    data = b"what was said" * 10_000
    assert openai.audio.transcriptions.create(model="whisper-1", file=("a.wav", data)).text == digest(data)
    spoken = openai.audio.speech.create(model="tts-1", voice="", input="ab", response_format="pcm")
    assert spoken.content == b"aabb"


def test_delete_ends_all_that_deploy_has_started(openai: OpenAI, cluster: RayCluster) -> None:
    """Nothing is deployed, and the address is closed."""
    assert cluster.done("cluster", "delete").returncode == 0
    status = json.loads(cluster.done("cluster", "status", "--json").stdout)
    assert (status["deployments"], len(status["nodes"])) == ([], 3)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((openai.base_url.host, openai.base_url.port), BOUND_S).close()


def test_a_node_killed_in_the_middle_loses_no_recording_and_repeats_none(
    cluster: RayCluster, gate: Path, tmp_path: Path
) -> None:
    """Those that ran there are transcribed by the other nodes, and every other recording once."""
    gate.unlink(missing_ok=True)
    made = corpus(tmp_path / "in", 12)
    before = [cluster.requests(node) for node in range(3)]
    process = cluster.hushd("cluster", "transcribe", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    wait_until((tmp_path / "out").exists, "the command's own start, whose imports take seconds")
    wait_until(lambda: cluster.requests(2, "running"), "work on the node to be killed")
    cluster.kill(2)
    gate.touch()
    run = cluster.end(process)
    assert (run.returncode, run.stdout.partition(",")[0], run.stderr) == (0, "12 recordings", "")
    assert transcripts(tmp_path / "out") == expected(made)
    assert sum(cluster.requests(node) for node in range(2)) - sum(before[:2]) == len(made)
