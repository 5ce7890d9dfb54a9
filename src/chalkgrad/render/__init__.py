"""Printing of derivations and passes: a board of blocks, as text, Markdown, LaTeX and HTML. Nothing is computed."""
