"""A program on hushd's own client, as `python -m hushd_conformance.protocol client` wants one."""

import sys

import hushd


def run(operation: str, argument: str) -> None:
    with hushd.Client() as client:
        if operation == "status":
            client.control("status")
        elif operation == "transcribe":
            print(client.transcribe(argument).text)
        else:
            for chunk in client.synthesize(argument):
                sys.stdout.buffer.write(chunk)


try:
    run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
except hushd.HushdError as error:
    sys.exit(f"{error.code}: {error.message}")
