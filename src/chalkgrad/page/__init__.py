"""The page: a network in one HTML file, in which every number can be opened and changed."""
