"""The specs of the engines that wait for words, a file for each; pyproject.toml has their entry points."""
