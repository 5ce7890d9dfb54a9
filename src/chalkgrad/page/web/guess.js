// Guess first: a hidden number is asked for, checked to its digits, and a wrong one is told its usual mistake.
// @ts-check
import { address, digitsOf, significant } from "./digits.js";
import { h, markup } from "./dom.js";
import { LONG } from "./view.js";
import { Opener, quantities } from "./opening.js";

/** @typedef {import("./types.d.ts").Place} Place */

/** Fewer digits than this fit too many mistakes by chance. */
const ENOUGH = 2;

/**
 * Whether a typed number is a value rounded (or cut off) to its own digits.
 * @param {number} typed @param {number} digits @param {number} value
 */
export function agrees(typed, digits, value) {
  if (typed === value) return true;
  if (value === 0 || typed === 0) return Math.abs(typed - value) < 5e-13;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(typed))) + 1 - digits);
  return Math.abs(typed - value) <= 0.5000001 * unit || significant(typed, 15) === significant(value, 15);
}

/**
 * The words of the usual mistake by which a wrong number comes out; null where none gives it.
 * @param {import("./board.js").Board} board @param {Place} at @param {number} typed @param {number} digits
 */
export function mistakeOf(board, at, typed, digits) {
  if (digits < ENOUGH) return null;
  const opener = new Opener(board.machine, board.v, 0);
  const right = board.number(at) ?? 0;
  for (const record of board.data.mistakes) {
    if (record.output !== at.name) continue;
    const factor = typeof record.factor === "string" ? board.v[record.factor][0] : record.factor;
    const value = factor === undefined ? opener.value(at.name, at.place, record.line) : factor * right;
    if (value !== right && agrees(typed, digits, value)) return record;
  }
  return null;
}

/**
 * The part of the opened number that asks for it.
 * @param {import("./view.js").View} view @param {Place} at
 */
export function guessing(view, at) {
  const { board, words } = view;
  const opening = new Opener(board.machine, board.v).open(at.name, at.place);
  const verdict = h("p", { class: "verdict", role: "status" });
  const input = h("input", { type: "text", id: "guess", inputmode: "decimal", class: "edit", autocomplete: "off", "aria-label": words.say("your number") });
  const own = address(at.name, at.place);
  const reveal = () => {
    view.known.add(own);
    board.say("open");
  };
  const check = () => {
    const typed = view.read(input.value);
    const value = board.number(at);
    if (typed === null || value === null) {
      verdict.textContent = words.say("not a number");
      return;
    }
    const digits = digitsOf(input.value);
    if (agrees(typed, digits, value)) {
      reveal();
      view.announce(words.say("guessed right", { digits }));
      return;
    }
    const found = mistakeOf(board, at, typed, digits);
    verdict.textContent = found
      ? words.say("guessed mistake", { words: found.words })
      : words.say(digits < ENOUGH ? "guessed few" : "guessed wrong");
  };
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") check();
  });
  const formula = opening ? markup("math", view.math.inline(opening.expression), { displaystyle: "true", alttext: view.text.inline(opening.expression) }) : null;
  const given = opening ? h("ul", { class: "factors" }, ...factors(view, opening.expression)) : null;
  return [
    h("p", {}, "= ", formula),
    given,
    h("div", { class: "field" }, h("label", {}, `${words.say("your number")} `, input), h("button", { type: "button", onclick: check }, words.say("check"))),
    verdict,
    h("button", { type: "button", class: "small", onclick: reveal }, words.say("show it")),
  ];
}

/**
 * The numbers that somebody needs for it, "?" where they are hidden too.
 * @param {import("./view.js").View} view @param {import("./types.d.ts").Expression} expression
 */
function factors(view, expression) {
  const found = new Map(quantities(expression).map((node) => [address(node.name, node.place), node]));
  return [...found].map(([own, node]) => h("li", {},
    h("button", { type: "button", class: "link", "data-at": own }, `${view.text.address(node.name, node.place)} = ${view.numberText(node, LONG)}`)));
}
