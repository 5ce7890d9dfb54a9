"""Third stage: loop nests printed as C, and the file round them."""
