// The keyboard: arrows in grids and drawings, Enter, Escape, [ ], space, u, ?.
// @ts-check
import { h } from "./dom.js";

const KEYS = [
  ["\u2190 \u2191 \u2192 \u2193", "key arrows"], ["Enter", "key enter"], ["Esc", "key escape"], ["[ ]", "key brackets"],
  ["Space", "key space"], ["n", "key next"], ["u", "key undo"], ["0\u20139", "key digit"], ["?", "key help"],
];

/** The list of keys. @param {import("./dom.js").Words} words @returns {HTMLDialogElement} */
export function help(words) {
  const rows = KEYS.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words.say(text))]);
  const dialog = h("dialog", { id: "help", "aria-labelledby": "help-title" }, h("h2", { id: "help-title" }, words.say("keys")), h("dl", { class: "told" }, ...rows),
    h("button", { type: "button", onclick: () => dialog.close() }, words.say("close")));
  return dialog;
}

/**
 * Moves the focus within a grid or a list by an arrow key; says whether it did.
 * @param {KeyboardEvent} event
 */
export function moved(event) {
  const own = event.target instanceof Element ? event.target.closest("[data-roving]") : null;
  if (!own || !(event.target instanceof Element)) return false;
  const all = /** @type {(HTMLElement | SVGElement)[]} */ ([...own.querySelectorAll("button.number, .n")]);
  const here = all.indexOf(/** @type {any} */ (event.target.closest("button.number, .n")));
  if (here < 0) return false;
  const columns = own.getAttribute("data-roving") === "grid" ? own.querySelectorAll("tr:first-child button").length : 1;
  /** @type {Record<string, number>} */
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  let to = here + (steps[event.key] ?? 0);
  if (event.key === "Home") to = 0;
  else if (event.key === "End") to = all.length - 1;
  else if (!(event.key in steps)) return false;
  if (to < 0 || to >= all.length) return true;
  for (const other of all) other.setAttribute("tabindex", "-1");
  all[to].setAttribute("tabindex", "0");
  all[to].focus();
  return true;
}
