"""The end of a turn: a person who has fallen silent has finished, or pauses in the middle of a sentence."""
