"""First stage: statements arranged, fused and put into phases, and a place for every value."""
