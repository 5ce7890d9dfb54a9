"""Second stage: a plan's phases as loop nests, in an intermediate form that knows no language."""
