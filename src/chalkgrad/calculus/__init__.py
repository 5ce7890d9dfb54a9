"""The calculus of index formulas: from a forward line to its backward lines, move by move.

`local` goes from a formula's output down to one place of an operand, one move at a time; `backward` gathers what comes
back to all places of it into one line; `algebra` tidies what came out; `derivation` keeps the moves, to be read.
"""
