// All numbers as plain tables.
// @ts-check
import { placeOf } from "./digits.js";
import { fill, h } from "./dom.js";
import { LONG } from "./view.js";

/** Of a larger value the first rows and columns only, and fewer on a page of many numbers. */
const [ROWS, FEW, MANY] = [60, 12, 5000];

export class TablesView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.body = h("div", {});
    this.element = h("section", { id: "tables", "aria-labelledby": "tables-title", hidden: true }, h("h2", { id: "tables-title" }, view.words.say("tables")), this.body);
  }

  refresh() {
    if (this.element.hidden) return;
    const { board } = this.view;
    const names = Object.keys(board.data.values);
    const most = names.reduce((sum, name) => sum + board.v[name].length, 0) > MANY ? FEW : ROWS;
    fill(this.body, ...names.map((name) => this.#table(name, most)));
  }

  /** @param {string} name @param {number} most */
  #table(name, most) {
    const { view } = this;
    const shape = view.board.machine.shape(name);
    const columns = shape.length ? shape[shape.length - 1] : 1;
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const shown = Math.min(rows, most);
    const few = Math.min(columns, most);
    const head = h("tr", {}, h("th", { scope: "col" }, view.words.say("row")), ...Array.from({ length: few }, (_, c) => h("th", { scope: "col" }, String(c))));
    const body = Array.from({ length: shown }, (_, r) => {
      const lead = placeOf(r, shape.slice(0, -1));
      const cells = Array.from({ length: few }, (_, c) => h("td", {}, view.numberText({ name, place: shape.length ? [...lead, c] : [] }, LONG) || view.words.say("blank")));
      return h("tr", {}, h("th", { scope: "row" }, lead.join(", ") || "0"), ...cells);
    });
    const rest = rows > shown || columns > few ? h("p", { class: "note" }, view.words.say("more numbers", { n: rows * columns - shown * few })) : null;
    return h("div", { class: "table" }, h("table", {}, h("caption", {}, `${name}, ${view.shapeText(name)}`), h("thead", {}, head), h("tbody", {}, ...body)), rest);
  }
}
