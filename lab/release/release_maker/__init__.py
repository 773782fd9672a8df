"""A release: checks of the sources, the two archives, and an environment of each Python that has them."""
