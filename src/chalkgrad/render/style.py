"""The style sheets of boards: one that takes the colours of whatever page the board stands in, one of its own page.

In a notebook the colours are the notebook's: text inherits its colour, panels and rules are a grey that one can see
through, links are as the notebook has them. Every selector names the board twice, so that it outweighs what a notebook
says about its tables, and none reaches out of the board.
"""

from __future__ import annotations

_BOARD = ".chalkgrad.chalkgrad"


def _sheet(rules: str) -> str:
    return rules.replace("&", _BOARD)


CSS = _sheet("""
& { color: inherit; background: none; line-height: 1.5; max-width: 62em; }
& h1, & h2, & h3, & h4, & h5, & .title {
  color: inherit; font-weight: 600; line-height: 1.25; border: 0; padding: 0; overflow-wrap: anywhere;
}
& h1, & h3.title { font-size: 1.5em; margin: .4em 0 .6em; }
& h2, & h4 { font-size: 1.25em; margin: 1.6em 0 .6em; }
& h3:not(.title), & h5 { font-size: 1.05em; margin: 1.2em 0 .4em; }
& p { margin: .5em 0; }
& p.title { font-size: 1em; margin: .2em 0; }
& .equation { margin: 1em 0; padding: .6em .9em; border-left: 3px solid #3f8f7b; background: rgba(127, 127, 127, .1); }
& .equation:target { background: rgba(240, 190, 30, .25); }
& .lines { display: grid; grid-template-columns: auto auto minmax(0, 1fr); align-items: baseline; overflow-x: auto; }
& .line { display: contents; }
& .line > * { padding: .3em .1em; }
& .left, & .sign { white-space: nowrap; }
& .sign { padding: 0 .4em; }
& math { font-size: 1.08em; }
& .note { font-size: .875em; margin: .25em 0 0; opacity: .82; overflow-wrap: anywhere; }
& .line .note { padding-left: 1em; }
& .table { overflow-x: auto; margin: .5em 0; }
& .table table { border-collapse: collapse; margin: 0; font-size: inherit; table-layout: auto; width: auto; }
& .table tr, & .table tr:hover { background: none; }
& .table th, & .table td { padding: .25em .7em; border: 0; border-bottom: 1px solid rgba(127, 127, 127, .4); }
& .table th, & .table td { color: inherit; background: none; text-align: left; vertical-align: top; }
& .table th { font-weight: 600; }
& .table td:nth-child(4):not(.right) { min-width: 15em; }
& .table .right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
& pre { color: inherit; overflow-x: auto; background: rgba(127, 127, 127, .1); padding: .8em; margin: .5em 0; }
& pre code { color: inherit; background: none; padding: 0; }
& figure { margin: 1em 0; overflow-x: auto; }
& figure svg { max-width: none !important; }
& a { color: var(--jp-content-link-color, var(--vscode-textLink-foreground, inherit)); text-decoration: underline; }
@media print {
  & { max-width: none; font-size: 12px; }
  & math { font-size: 1em; }
  & .equation, & figure, & tr { break-inside: avoid; }
  & h1, & h2, & h3, & h4, & h5, & .title { break-after: avoid; }
  & .lines, & .table, & figure { overflow: visible; }
  & figure svg, & figure img { max-width: 100% !important; max-height: 24cm; height: auto; }
  & pre { overflow: visible; white-space: pre-wrap; overflow-wrap: anywhere; }
  & .table td, & .table th { overflow-wrap: break-word; }
}
""")
"""The board's own style, in a page and in a notebook; what is for paper comes last and so counts there."""

NOTEBOOK_CSS = _sheet("""
& .styled[hidden]:has(math, svg) { display: block !important; }
& .styled:has(math, svg) + .unstyled { display: none !important; }
@media print { div& { break-inside: avoid; } }
""")
"""Shows MathML and SVG, and hides what stands for them where a notebook takes them out. Each is asked whether they are
there: where some cells of a notebook were run, their style sheets hold for the others too."""

PANEL = ' style="margin: 1em 0; padding: .6em .9em; border-left: 3px solid #3f8f7b"'
NOTE = ' style="margin: .25em 0 0"'
FIGURE = ' style="margin: 1em 0"'
LEFT = ' style="text-align: left"'
"""What equations, the notes under them, drawings and cells look like where a notebook takes style sheets out."""

PAGE_CSS = _sheet("""
body { margin: 0; padding: 1rem; color: #1c2321; background: #fff; }
& { margin: 0 auto; font-family: system-ui, sans-serif; font-size: 16px; }
& a { color: #1d5a4b; }
@media screen and (prefers-color-scheme: dark) {
  body { color: #e8ece9; background: #18211e; }
  & a { color: #9ad9c5; }
}
""")
"""The style of a page that is nothing but a board."""
