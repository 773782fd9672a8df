"""Finds the end of a turn: whether a person who falls silent has finished, or pauses in the middle of a sentence."""
