from __future__ import annotations

from pathlib import Path


def hf_hub_download(repo_id: str, filename: str, cache_dir: Path) -> str:
    raise AssertionError(f"The hub was asked for {filename}.")


class MTLTokenizer:
    """As in the package: the table for Chinese comes from the hub, and where it does not, there is no Chinese."""

    def __init__(self, vocab_file_path: str) -> None:
        self.table = ""
        try:
            file = hf_hub_download(
                repo_id="ResembleAI/chatterbox", filename="Cangjie5_TC.json", cache_dir=Path(vocab_file_path).parent
            )
            self.table = Path(file).read_text()
        except Exception as error:
            self.table = f"{type(error).__name__}"
