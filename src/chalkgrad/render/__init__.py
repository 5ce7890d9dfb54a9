"""How derivations and passes are printed: a board of blocks, as text, Markdown, LaTeX and HTML. Nothing is computed."""
