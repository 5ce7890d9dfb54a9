"""The compiled engine. How to read this room: its stages in order, each of which knows only those before it.

0. `program/statement.py`: every step of the program as a `Statement`, its formula in the network's own names.
1. `schedule/`: what runs when, and where. `request` says what is computed; `fusing` puts statements into others,
   `times` takes out of loops over time what need not be in them, `arrangement` (with `layouts`, `channels`, `matrices`,
   `products`) finds tiles and how values lie, `plan` makes phases.
2. `loops/`: a plan as loop nests. `ir` is the intermediate form, which knows no language; `memory` gives places,
   `expressions`, `reductions`, `loops`, `tiles`, `alike`, `zeros` make it, `phases` puts it together as routines.
3. `print/`: the intermediate form as text. `printer` is what languages share, `c` is C, `plain` is for readers;
   `source` puts a C file round the routines (with `prelude.c`), `standalone` a main function round that.
4. `run/`: `compiler`, `cache` and `running` make a library of the text, `library` and `workers` call it, `training`
   and `prediction` are what the rest of chalkgrad asks for.

To look at a stage: `python -m chalkgrad.engines.c --show {statements,plan,loops,c} web`.
"""
