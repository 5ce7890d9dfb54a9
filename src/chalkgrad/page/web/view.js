// The page around the board: what all of its parts share.
// @ts-check
import { address, parsed, typed } from "./digits.js";
import { copied, h, markup, Words } from "./dom.js";
import { Latex, MathML, Text } from "./mathematics.js";

/** @typedef {import("./types.d.ts").Place} Place */

export const SHORT = 4;
export const LONG = 6;
/** What stands in the place of a number that is to be guessed. */
export const HIDDEN = "?";

export class View {
  /**
   * @param {import("./board.js").Board} board
   * @param {HTMLElement} root
   */
  constructor(board, root) {
    this.board = board;
    this.root = root;
    this.words = new Words(board.data);
    const local = (/** @type {string} */ text) => this.words.local(text);
    this.math = new MathML(board.data, LONG, local);
    this.text = new Text(board.data, LONG, local);
    this.latex = new Latex(board.data, LONG);
    this.said = h("p", { class: "offscreen", role: "status", "aria-live": "polite" });
    /** The addresses that were guessed right, or given up. @type {Set<string>} */
    this.known = new Set();
  }

  /** Says something to who does not see the page. @param {string} text */
  announce(text) {
    this.said.textContent = text;
  }

  /**
   * A button that copies a text, and says beside it whether that worked.
   * @param {string} key its words @param {() => string} text @param {() => string} [more] what is said besides
   */
  copier(key, text, more = () => "") {
    const said = h("output", { class: "note" });
    const button = h("button", { type: "button", class: "small", onclick: async () => {
      const done = this.words.say((await copied(text())) ? "copied" : "not copied");
      said.textContent = `${done} ${more()}`.trim();
    } }, this.words.say(key));
    return h("span", { class: "copier" }, button, " ", said);
  }

  /** An expression as formulas between which a line may end. @param {import("./types.d.ts").Expression} expression @param {boolean} numbers */
  equation(expression, numbers) {
    const texts = this.text.broken(expression, numbers);
    return this.math.broken(expression, numbers).flatMap((piece, k) => [markup("math", piece, { displaystyle: "true", alttext: texts[k] }), " "]);
  }

  /** A value's shape as text. @param {string} name */
  shapeText(name) {
    const shape = this.board.machine.shape(name);
    return shape.length ? shape.join(" \u00d7 ") : this.words.say("one number");
  }

  /** Whether a number is hidden, to be guessed. @param {Place} at */
  isHidden(at) {
    const place = this.board.machine.places.get(at.name);
    if (!this.board.guessing || place === undefined) return false;
    return !this.board.data.lines[place].draw && !this.known.has(address(at.name, at.place)); // nobody guesses what is drawn
  }

  /**
   * A number's text: its digits, "?" where it is to be guessed, nothing where it is not computed yet.
   * @param {Place} at @param {number} [digits]
   */
  numberText(at, digits = SHORT) {
    const value = this.board.number(at);
    if (value === null) return "";
    return this.isHidden(at) ? HIDDEN : this.words.number(value, digits);
  }

  /**
   * Puts a number into its button, with the one that it was before; returns what is shown.
   * @param {HTMLElement} button @param {Place} at @param {string | null} shown
   */
  fillNumber(button, at, shown, words = this.words) {
    const text = this.numberText(at);
    const earlier = text && text !== HIDDEN ? this.board.earlier(at) : null;
    const was = earlier === null ? "" : words.number(earlier, SHORT);
    const state = `${text}|${was}`;
    if (state === shown) return state;
    button.replaceChildren(text || "\u00a0");
    const differs = was !== "" && was !== text;
    button.classList.toggle("changed", differs);
    button.classList.toggle("negative", text.startsWith("\u2212"));
    if (differs) button.append(h("s", { "aria-hidden": "true" }, was));
    const label = this.board.data.labels[address(at.name, at.place)];
    const value = text === "" ? words.say("blank") : text === HIDDEN ? words.say("hidden") : text;
    const told = differs ? `, ${words.say(this.board.right ? "rightly" : "before")} ${was}` : "";
    button.setAttribute("aria-label", `${words.spoken(at.name, at.place, label)}, ${value}${told}`);
    return state;
  }

  /** The number that somebody typed for this page. @param {string} text */
  read(text) {
    return typed(text);
  }

  /** The place that an element of the page stands for. @param {Element | null} element */
  placeAt(element) {
    const own = element?.closest("[data-at]");
    const found = parsed(own?.getAttribute("data-at") ?? "");
    return found && found.name in this.board.data.values ? found : null;
  }

  /** Marks everything that stands for an element. @param {string | null} at */
  point(at) {
    for (const element of this.root.querySelectorAll(".pointed")) element.classList.remove("pointed");
    if (at === null) return;
    for (const element of this.root.querySelectorAll(`[data-at="${CSS.escape(at)}"]`)) element.classList.add("pointed");
  }
}
