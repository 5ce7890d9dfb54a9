// The list of lines: what is given, forward, loss, backward, update, each with its numbers.
// @ts-check
import { address } from "./digits.js";
import { fill, h, markup } from "./dom.js";
import { Grid } from "./grid.js";

/** Up to so many numbers in all every value is open at the beginning. */
const SHOWN = 2000;

export class LinesView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    const { words } = view;
    /** @type {Map<string, {element: HTMLDetailsElement, grid: Grid | null, holder: HTMLElement}>} */
    this.entries = new Map();
    this.element = h("section", { id: "lines", "aria-labelledby": "lines-title" }, h("h2", { id: "lines-title" }, words.say("lines")));
    const { data, machine } = this.board;
    const given = machine.given.filter((name) => !data.clocks.includes(name));
    this.#part(words.say("given"), given.map((name) => ({ name, line: null })));
    for (const part of ["forward", "loss", "backward", "update"]) {
      const lines = data.lines.filter((line) => line.part === part);
      this.#part(words.say(part), lines.map((line) => ({ name: line.output, line })));
    }
    const numbers = Object.keys(data.values).reduce((sum, name) => sum + machine.shape(name).reduce((p, s) => p * s, 1), 0);
    if (numbers <= SHOWN) for (const name of this.entries.keys()) this.expand(name, true);
    else for (const name of given.slice(0, 1)) this.expand(name, true);
  }

  /** @param {string} title @param {{name: string, line: import("./types.d.ts").Line | null}[]} entries */
  #part(title, entries) {
    if (!entries.length) return;
    const list = h("ol", { class: "lines" });
    let owner = "";
    for (const { name, line } of entries) {
      if (line && line.owner !== owner) {
        owner = line.owner;
        list.append(h("li", { class: "owner" }, owner));
      }
      list.append(h("li", {}, this.#entry(name, line)));
    }
    this.element.append(h("h3", {}, title), list);
  }

  /** @param {string} name @param {import("./types.d.ts").Line | null} line */
  #entry(name, line) {
    const holder = h("div", {});
    const glyph = h("span", { class: "name" }, markup("math", this.view.math.name(name, []), { alttext: name }));
    const summary = h("summary", { "data-line": name },
      glyph,
      h("span", { class: "formula" }, line ? line.text : name),
      h("span", { class: "shape" }, this.view.shapeText(name)),
    );
    const element = h("details", { class: `line ${line ? line.part : "given"}`, id: `line-${name.replace(/\W/g, "-")}` }, summary, holder);
    element.addEventListener("toggle", () => this.expand(name, element.open));
    this.entries.set(name, { element, grid: null, holder });
    return element;
  }

  /** Opens a value's numbers, or closes them. @param {string} name @param {boolean} open */
  expand(name, open) {
    const entry = this.entries.get(name);
    if (!entry) return;
    if (entry.element.open !== open) entry.element.open = open;
    if (open && !entry.grid) {
      entry.grid = new Grid(this.view, name);
      fill(entry.holder, entry.grid.element);
    } else if (open && entry.grid) entry.grid.refresh();
  }

  /** Shows a number in the list. @param {import("./types.d.ts").Place} at @param {boolean} [scroll] */
  reveal(at, scroll = true) {
    const entry = this.entries.get(at.name);
    if (!entry) return;
    this.expand(at.name, true);
    if (!this.button(at) && entry.grid) entry.grid.show(at.place);
    if (scroll) entry.element.scrollIntoView({ block: "nearest" });
  }

  /** The number's button; null where its part of the value is not shown. @param {import("./types.d.ts").Place} at @returns {HTMLElement | null} */
  button(at) {
    return this.element.querySelector(`[data-at="${CSS.escape(address(at.name, at.place))}"]`);
  }

  refresh() {
    const { data, cursor, mistake, machine } = this.board;
    const wrong = data.mistakes[mistake]?.output;
    for (const [name, { element, grid }] of this.entries) {
      if (grid && element.open) grid.refresh();
      const place = machine.places.get(name);
      element.classList.toggle("blank", place !== undefined && place >= cursor);
      element.classList.toggle("now", place === cursor - 1 && cursor < data.lines.length);
      element.classList.toggle("wrong", name === wrong);
    }
  }
}
