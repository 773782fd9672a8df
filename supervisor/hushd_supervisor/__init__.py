"""The supervisor: a pure brain (states, events, actions, brain, pool) inside a thin loop that acts for it."""
