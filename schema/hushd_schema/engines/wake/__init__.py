"""The specs of hushd's engines that wait for words, a file for each, named after it."""
