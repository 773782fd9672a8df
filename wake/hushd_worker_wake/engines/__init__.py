"""The engines that wait for words, a module each."""
