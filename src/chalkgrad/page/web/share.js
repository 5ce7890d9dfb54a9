// What leaves the page: the state in the address, a copy with the numbers as they are, TOML, NumPy.
// @ts-check
import { address, parsed } from "./digits.js";
import { h } from "./dom.js";

/** @typedef {import("./board.js").Board} Board */

/** An address tells so many changes and steps of training; every step is trained again where it is opened. */
const [MOST_EDITS, MOST_STEPS] = [64, 5000];

/** The state of the page as the end of its address: what is open, the line, the step, the changes. @param {Board} board */
export function stateText(board) {
  const state = new URLSearchParams();
  const at = board.trail[board.trail.length - 1];
  if (at) state.set("open", address(at.name, at.place));
  if (board.form !== "delta") state.set("form", board.form);
  if (board.cursor < board.data.lines.length) state.set("line", String(board.cursor));
  if (board.steps.length > 1) state.set("steps", String(board.steps.length - 1));
  if (board.now !== board.steps.length - 1) state.set("step", String(board.now));
  if (board.mistake >= 0) state.set("mistake", String(board.mistake));
  if (board.sample) state.set("sample", String(board.sample));
  const by = board.steps.map((step) => step.by).flatMap((mistake, k, all) => (mistake !== (all[k - 1] ?? -1) ? [`${k}:${mistake}`] : []));
  if (by.length) state.set("by", by.join(";"));
  if (isLinkable(board)) state.set("set", board.edits.map((e) => `${e.step}:${e.at}=${e.value}`).join(";"));
  if (!state.get("set")) state.delete("set");
  return state.toString();
}

/** Whether an address has room for all that was changed and trained. @param {Board} board */
export function isLinkable(board) {
  return board.steps.length <= MOST_STEPS && board.edits.length <= MOST_EDITS && board.edits.every((edit) => edit.value !== null);
}

/** Puts the board into the state that an address names; what does not fit it is left out. @param {Board} board @param {string} text */
export function restore(board, text) {
  const state = new URLSearchParams(text.replace(/^#/, ""));
  const number = (/** @type {string} */ key) => (/^\d{1,9}$/.test(state.get(key) ?? "") ? Number(state.get(key)) : null);
  /** @type {[number, import("./types.d.ts").Place, number][]} */
  const edits = (state.get("set") ?? "").split(";").flatMap((part) => {
    const match = /^(\d+):(.+)=([^=]+)$/.exec(part);
    const at = match && parsed(match[2]);
    return match && at && isPlace(board, at) ? [[Number(match[1]), at, Number(match[3])]] : [];
  });
  /** The mistakes that training went on with, by the first step that each led to. */
  const by = new Map([...(state.get("by") ?? "").matchAll(/(\d+):(-1|\d+)/g)].map((match) => [Number(match[1]), Number(match[2])]));
  const last = Math.min(number("steps") ?? 0, MOST_STEPS - 1);
  const stops = [...edits.map(([step]) => step), ...[...by.keys()].map((step) => step - 1), last];
  let at = 0;
  for (const stop of [...new Set(stops)].filter((step) => step >= 0 && step <= last).sort((a, b) => a - b)) {
    if (stop > at) board.train(stop - at);
    at = stop;
    for (const [step, place, value] of edits) if (step === stop) board.set(place, value);
    const mistake = by.get(stop + 1);
    if (mistake !== undefined && stop < last && (mistake < 0 || board.data.mistakes[mistake])) board.choose(mistake);
  }
  const step = number("step");
  if (step !== null) board.go(step);
  const sample = number("sample");
  if (sample !== null) board.sample = Math.min(Math.max(0, sample), board.data.samples - 1);
  const mistake = number("mistake") ?? -1;
  if (mistake !== board.mistake && (mistake < 0 || board.data.mistakes[mistake])) board.choose(mistake);
  const line = number("line");
  if (line !== null) board.setCursor(line);
  if (state.get("form") === "paths") board.form = "paths";
  const open = parsed(state.get("open") ?? "");
  if (open && isPlace(board, open)) board.open(open);
  board.undone = [];
  board.say("restored");
}

/** @param {Board} board @param {import("./types.d.ts").Place} at */
function isPlace(board, at) {
  if (!(at.name in board.data.values)) return false;
  const shape = board.machine.shape(at.name);
  return shape.length === at.place.length && at.place.every((p, axis) => Number.isInteger(p) && p >= 0 && p < shape[axis]);
}

/** This page with the numbers as they are, as a file. @param {Board} board */
export function pageWithNumbers(board) {
  const numbers = Object.fromEntries(board.machine.given.map((name) => [name, Array.from(board.given[name], (n) => (Number.isFinite(n) ? n : String(n)))]));
  const page = /** @type {HTMLElement} */ (document.documentElement.cloneNode(true));
  const stored = /** @type {Element} */ (page.querySelector("#data"));
  stored.textContent = JSON.stringify({ ...board.data, numbers }).replace(/</g, "\\u003c");
  /** @type {Element} */ (page.querySelector("#page")).replaceChildren();
  return `<!DOCTYPE html>\n${page.outerHTML}\n`;
}

/** The worked example as TOML, with the numbers as they are. @param {Board} board */
export function asToml(board) {
  const { data, machine, given } = board;
  const nested = (/** @type {Float64Array} */ array, /** @type {number[]} */ shape, depth = 0, at = 0) => {
    if (depth === shape.length) return number(array[at]);
    /** @type {string[]} */
    const parts = [];
    for (let k = 0; k < shape[depth]; k++) parts.push(nested(array, shape, depth + 1, at * shape[depth] + k));
    return `[${parts.join(", ")}]`;
  };
  const whole = (/** @type {string} */ name) => nested(given[name], machine.shape(name));
  const number = (/** @type {number} */ value) => (Number.isFinite(value) ? (Number.isInteger(value) ? value.toFixed(1) : String(value)) : String(value).replace("Infinity", "inf").replace("NaN", "nan"));
  const parameters = machine.given.filter((name) => ["parameter", "state"].includes(data.values[name].role));
  const key = (/** @type {string} */ name) => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));
  const inputs = data.values.x ? [`x = ${whole("x")}`] : [];
  const top = [...inputs, `y = ${whole("y")}`].join("\n");
  const { top: head, tables } = /** @type {{top: string, tables: string}} */ (data.description);
  return `${head}${top}\n\n${tables}\n[parameters]\n${parameters.map((name) => `${key(name)} = ${whole(name)}`).join("\n")}\n`;
}

/**
 * The buttons that take something out of the page.
 * @param {import("./view.js").View} view @param {boolean} own whether the document is the page's
 */
export function shareMenu(view, own) {
  const { board, words } = view;
  const linked = own && location.protocol !== "about:"; // a page in a frame of a notebook has no address
  return h("details", { class: "share" }, h("summary", {}, words.say("share")),
    linked ? view.copier("copy link", () => `${location.href.split("#")[0]}#${stateText(board)}`, () => (isLinkable(board) ? "" : words.say("link incomplete"))) : null,
    own ? h("button", { type: "button", class: "small", onclick: () => {
      const blob = new Blob([pageWithNumbers(board)], { type: "text/html" });
      const link = h("a", { href: URL.createObjectURL(blob), download: "page.html" });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } }, words.say("download")) : null,
    board.data.description ? view.copier("copy toml", () => asToml(board)) : null,
    board.data.script ? view.copier("copy numpy", () => script(board)) : null);
}

/** The network as a NumPy script, with the numbers as they are. @param {Board} board */
export function script(board) {
  return /** @type {any[]} */ (board.data.script).map((part) => {
    if (typeof part === "string") return part;
    const array = board.given[part.array];
    const shape = board.machine.shape(part.array);
    const numbers = Array.from(array, (n) => (Number.isFinite(n) ? String(n) : String(n).replace("Infinity", "np.inf").replace("NaN", "np.nan")));
    return `${part.name} = np.array([${numbers.join(", ")}], dtype=np.${part.dtype}).reshape(${shape.length === 1 ? `${shape[0]},` : shape.join(", ")})`;
  }).join("");
}

