"""Words of agents: secrets are said as "a key", names, paths and numbers are not; and by which name they are said."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from hushd.agents import name_of, without_keys

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE=\nAAAA\n-----END OPENSSH PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize("secret", [
    "sk-proj-abcdEFGH1234abcdEFGH1234", "sk-ant-api03-abcdEFGH1234_abcd-EFGH", "sk_live_abcd1234EFGH",
    "ghp_abcdefghijKLMNOPqrst0123456789abcdef", "github_pat_11ABCDEFG0abcdefghij_KLMNOP", "glpat-abcd1234efgh5678ijkl",
    "xoxb-123456789012-abcdef", "hf_abcdefghij0123456789", "npm_abcdefghij0123456789abcdefghij", "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv", "ya29.a0AfH6SMB1234567890abc", JWT, PEM,
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "01234567890123456789012345678901", "hG7dK2mQ9xR4vT8wZ1bN5cJ3fL6pS0yA",
])  # fmt: skip
def test_a_secret_is_said_as_a_key(secret: str) -> None:
    """It is known by the beginning that its issuer gives it, or by its shape, and nothing else of the text changes."""
    for text in ("{}", "Set it to `{}`.", "It is {}, which works.", "KEY: {}\nand go on"):
        assert without_keys(text.format(secret)) == text.format("a key")


@pytest.mark.parametrize(
    "text",
    [
        "src/components/settings/VoiceSettingsPanel2/IndexPageWithHeader.tsx",
        "test_a_supervisor_that_was_killed_starts_again_within_2_seconds",
        "getHttp2ServerConfigurationFromManifestFile", "nvmlDeviceGetHandleByPciBusId_v2",
        "MyOrganisation/Qwen3-ASR-1B-Q4_K_M-GGUF-v2", "the commit 14067fb7", "e58dca18-0eb8-41a1-a00a-aa509ac86ae4",
        "sk-learn-contrib-package-three", "task-sk-1", "----------------------------------------", "=" * 80,
        "+49 30 901820, 2026-11-24T14:48:23.123456+00:00", "a1b2c3", "https://example.org/a/b/c?x=1#fragment-2",
        "SUPERVISOR_MEMORY_LIMIT_IN_MEGABYTES_2", "-----BEGIN of a line",
    ],
)  # fmt: skip
def test_names_are_no_secrets(text: str) -> None:
    """However long they are."""
    assert without_keys(text) == text


@pytest.mark.parametrize(("size", "most"), [(24, 0.04), (32, 0.03), (48, 0.02)])
def test_random_words_of_base64_are_known(size: int, most: float) -> None:
    """The exceptions are the few in a hundred that have too few digits, or parts that are short."""
    chance = random.Random(size)
    words = [base64.b64encode(chance.randbytes(size)).decode() for _ in range(2000)]
    assert sum(without_keys(word) != "a key" for word in words) <= most * len(words)


def test_a_project_is_called_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder within a repository has the repository's name; home, the root and numbers are nobody's name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "api" / ".git").mkdir(parents=True)
    (tmp_path / "api" / "src" / "a").mkdir(parents=True)
    assert name_of(str(tmp_path / "api" / "src" / "a")) == "api"
    assert name_of(str(tmp_path / "plain" / "inner")) == "inner"
    assert name_of("") == name_of("/") == "agent"
    assert name_of(str(tmp_path / "2026")) == "agent 2026"
    assert name_of("/x/\x1b[31mred\n") == "[31mred"
