"""A text → what is counted in it: sentences, words, letter runs, and who sees whom."""
