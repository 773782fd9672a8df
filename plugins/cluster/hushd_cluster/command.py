"""`hushd cluster`: its parser; the other modules, which need Ray, do the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

from hushd.transcripts.formats import TRANSCRIPT_FORMATS
from hushd_cli.arguments import Parser, value
from hushd_cli.commands.listen.options import add_cutting, add_transcription
from hushd_cli.terminal import console
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from hushd_schema.kinds import NonNegativeFloat, PositiveFloat, PositiveInt


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 0
    console.program = f"{prog} {options.command}"
    _offer_token()
    try:
        module = import_module(f"hushd_cluster.{'corpus' if options.command == 'transcribe' else 'serving'}")
    except ImportError as error:
        raise HushdError("engine_missing", f"`hushd cluster` needs Ray ({error}): {extra_command('ray')}.") from error
    return int(getattr(module, options.command)(options))


def _offer_token() -> None:
    """Has Ray offer this user's token, which it looks for when imported.

    `ray start` requires it if there is one. A cluster without a token ignores it, but not a random one: a driver that
    has a token answers no node without, so only a Ray of our own gets one (`session`).
    """
    if os.environ.get("RAY_AUTH_TOKEN") or os.path.exists(os.path.expanduser("~/.ray/auth_token")):
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Serve and transcribe on many machines, with Ray; run it on a node of the cluster.")
    count = value(PositiveInt)
    commands = parser.add_commands()
    deploy = commands.add("deploy", "serve OpenAI's audio API from every node", "Engines start with the first request.")
    deploy.add_argument(
        "--http", default="127.0.0.1:8000", metavar="HOST:PORT", help="the address of every node; default: %(default)s"
    )
    deploy.add_argument(
        "--nodes", type=count, default=100, metavar="N", help="nodes that may serve at most; default: %(default)s"
    )
    deploy.add_argument(
        "--at-once",
        type=count,
        default=2,
        metavar="N",
        help="requests a node works at before another node joins; default: %(default)s",
    )
    deploy.add_argument(
        "--idle",
        type=value(NonNegativeFloat),
        default=300.0,
        metavar="SECONDS",
        help="time after which an idle node leaves; default: 300",
    )
    status = commands.add("status", "show the nodes and their deployments")
    status.add_argument("--json", action="store_true", help="print JSON, for programs")
    delete = commands.add("delete", "end the deployment")
    transcribe = commands.add(
        "transcribe",
        "transcribe every recording in a folder, a store or a manifest",
        "Run again, the same command continues an interrupted run.",
    )
    transcribe.add_argument(
        "corpus",
        nargs="?",
        metavar="DIR",
        help="the folder with the recordings, also in subfolders; or its URL, which nodes read: s3://, gs://, file://",
    )
    transcribe.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="the folder for RECORDING.FORMAT; or its URL, which nodes write to",
    )
    transcribe.add_argument(
        "--manifest",
        metavar="FILE",
        help='JSON lines instead of DIR, such as {"id": "17", "url": "s3://calls/17.wav", "language": "de"}; '
        "-: standard input",
    )
    transcribe.add_argument(
        "-f", "--format", choices=[*TRANSCRIPT_FORMATS], default="txt", help="their format; default: %(default)s"
    )
    transcribe.add_argument("--retry", action="store_true", help="also try recordings set aside before")
    transcribe.add_argument("--json", action="store_true", help="print the summary as JSON, for programs")
    transcribe.add_argument(
        "--cpus", type=value(PositiveFloat), default=1.0, metavar="N", help="Ray CPUs for each recording; default: 1"
    )
    add_transcription(transcribe)
    add_cutting(transcribe)
    group = transcribe.add_argument_group("worker")
    group.add_argument("--engine", help="the engine to use; default: the nodes' configured one")
    group.add_argument("--model", help="one of the engine's models")
    for command in (deploy, status, delete, transcribe):
        command.add_argument(
            "--address", metavar="ADDRESS", help="the cluster's address; default: RAY_ADDRESS, or this machine's"
        )
    return parser
