"""`hushd serve --as-openai`: says what a program of OpenAI's API has to set, and tries what it will ask for."""
