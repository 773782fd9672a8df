"""The specs of the wake-word engines, a file for each; pyproject.toml has their entry points."""
