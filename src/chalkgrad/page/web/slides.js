// The lines as slides that uncover one thing at a time: for lectures, by keys or a remote control.
// @ts-check
import { address, placeOf } from "./digits.js";
import { fill, h, markup } from "./dom.js";
import { Opener, quantities } from "./opening.js";
import { LONG } from "./view.js";

export class Slides {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    const { words } = view;
    this.at = 0;
    this.shown = 1;
    /** What had the focus before. @type {Element | null} */
    this.before = null;
    this.body = h("div", { class: "slide", "aria-live": "polite" });
    const button = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {() => void} */ act) => h("button", { type: "button", onclick: act, "aria-label": words.say(key) }, sign);
    this.count = h("output", {});
    this.element = h("section", { id: "slides", hidden: true, "aria-label": words.say("slides"), tabindex: -1 }, this.body,
      h("div", { class: "controls" }, button("slide back", "\u2190", () => this.back()), this.count, button("slide on", "\u2192", () => this.on()), button("end slides", "\u2715", () => this.close())));
  }

  open() {
    this.element.hidden = false;
    this.#behind(true);
    this.before = document.activeElement;
    this.#draw();
    this.element.focus();
  }

  /** What lies behind the slides is not reached by Tab. @param {boolean} on */
  #behind(on) {
    for (const part of this.view.root.children) if (part !== this.element && part !== this.view.said) part.toggleAttribute("inert", on);
  }

  close() {
    this.element.hidden = true;
    this.#behind(false);
    if (this.before instanceof HTMLElement) this.before.focus();
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Uncovers the next thing, or the next line. */
  on() {
    const parts = this.#parts().length;
    if (this.shown < parts) this.shown++;
    else if (this.at < this.board.data.lines.length - 1) [this.at, this.shown] = [this.at + 1, 1];
    this.#draw();
  }

  back() {
    if (this.shown > 1) this.shown--;
    else if (this.at > 0) {
      this.at--;
      this.shown = this.#parts().length;
    }
    this.#draw();
  }

  /** A key, also those of a remote control. @param {KeyboardEvent} event */
  key(event) {
    if (["Enter", " "].includes(event.key) && event.target instanceof Element && event.target.closest("button")) return false;
    if (["ArrowRight", "PageDown", " ", "Enter", "ArrowDown"].includes(event.key)) this.on();
    else if (["ArrowLeft", "PageUp", "Backspace", "ArrowUp"].includes(event.key)) this.back();
    else if (event.key === "Escape") this.close();
    else if (event.key === "Home") this.#to(0);
    else if (event.key === "End") this.#to(this.board.data.lines.length - 1);
    else return false;
    return true;
  }

  /** @param {number} line */
  #to(line) {
    [this.at, this.shown] = [line, 1];
    this.#draw();
  }

  #draw() {
    const parts = this.#parts();
    fill(this.body, ...parts.slice(0, this.shown));
    this.count.textContent = `${this.at + 1} / ${this.board.data.lines.length}`;
  }

  /** What a slide uncovers: the line, an element's symbols, its numbers, the result, all elements. */
  #parts() {
    const { view, board } = this;
    const line = board.data.lines[this.at];
    const shape = board.machine.shape(line.output);
    const parts = [h("div", {}, h("p", { class: "note" }, `${view.words.say(line.part)} \u00b7 ${line.owner}`), h("h2", {}, line.text))];
    const place = placeOf(0, shape);
    const opening = line.draw ? null : new Opener(board.machine, board.v).open(line.output, place);
    if (opening) {
      const head = markup("math", view.math.address(line.output, place), { displaystyle: "true", alttext: view.text.address(line.output, place) });
      const row = (/** @type {boolean} */ numbers) => h("p", { class: "equation" }, numbers ? "" : head, " = ", ...view.equation(opening.expression, numbers));
      parts.push(row(false));
      if (quantities(opening.expression).length) parts.push(row(true));
      parts.push(h("p", { class: "equation" }, " = ", view.words.number(opening.value, LONG)));
    }
    const all = board.v[line.output];
    if (shape.length && all.length > 1 && all.length <= 48) {
      const columns = shape[shape.length - 1];
      const rows = Array.from({ length: all.length / columns }, (_, r) => h("tr", {}, ...Array.from({ length: columns }, (_, c) => h("td", {}, view.words.number(all[r * columns + c])))));
      parts.push(h("table", { class: "whole", "aria-label": address(line.output, []) }, h("tbody", {}, ...rows)));
    }
    return parts;
  }
}
