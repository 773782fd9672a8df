"""`hushd read-selection`: reads the selected text of any window aloud."""
