// A value's numbers in rows and columns, every one a button that opens it; of large values a part at a time.
// @ts-check
import { address } from "./digits.js";
import { fill, h } from "./dom.js";

const ROWS = 10;
const COLUMNS = 12;

export class Grid {
  /**
   * @param {import("./view.js").View} view
   * @param {string} name the value
   */
  constructor(view, name) {
    this.view = view;
    this.name = name;
    this.shape = view.board.machine.shape(name);
    this.label = view.board.data.values[name];
    /** The indices before the last two. @type {number[]} */
    this.lead = this.shape.slice(0, -2).map(() => 0);
    this.first = [0, 0];
    this.element = h("div", { class: "values" });
    this.numbers = h("div", { class: "numbers" });
    /** @type {{button: HTMLButtonElement, place: number[], shown: string | null}[]} */
    this.cells = [];
    this.#build();
  }

  get rows() {
    return this.shape.length > 1 ? this.shape[this.shape.length - 2] : 1;
  }

  get columns() {
    return this.shape.length ? this.shape[this.shape.length - 1] : 1;
  }

  /** Shows the part that an element lies in. @param {number[]} place */
  show(place) {
    this.lead = place.slice(0, -2);
    const [row, column] = place.length > 1 ? place.slice(-2) : [0, place[0] ?? 0];
    this.first = [Math.floor(row / ROWS) * ROWS, Math.floor(column / COLUMNS) * COLUMNS];
    this.#build();
  }

  #build() {
    const { words } = this.view;
    const parts = [];
    if (this.lead.length) {
      const axes = this.lead.map((_, axis) => axis).filter((axis) => this.shape[axis] > 1);
      parts.push(...axes.map((axis) => this.#chooser(axis, this.lead[axis])));
    }
    if (this.rows > ROWS) parts.push(this.#pager(0, this.rows, ROWS, "rows"));
    if (this.columns > COLUMNS) parts.push(this.#pager(1, this.columns, COLUMNS, "columns"));
    fill(this.element, parts.length ? h("div", { class: "choosers" }, ...parts) : null, this.numbers);
    this.#table(words);
  }

  /** @param {number} axis @param {number} index */
  #chooser(axis, index) {
    const { words } = this.view;
    const sample = axis === 0 && this.label.shape[0] === "N";
    const name = sample ? words.say("sample") : `${words.say("index")} ${axis}`;
    const input = h("input", {
      type: "number", min: 0, max: this.shape[axis] - 1, value: index, class: "index",
      "aria-label": `${this.name}: ${name}`,
      oninput: () => {
        const to = Math.min(Math.max(0, Math.trunc(Number(input.value) || 0)), this.shape[axis] - 1);
        this.lead[axis] = to;
        this.#table(this.view.words);
      },
      onchange: () => { input.value = String(this.lead[axis]); },
    });
    return h("label", {}, `${name} `, input);
  }

  /** @param {number} which @param {number} size @param {number} most @param {string} key */
  #pager(which, size, most, key) {
    const { words } = this.view;
    const last = Math.min(size, this.first[which] + most) - 1;
    const text = `${words.say(key)} ${this.first[which]}\u2013${last} / ${size}`;
    const go = (/** @type {number} */ by) => {
      this.first[which] = Math.max(0, Math.min(this.first[which] + by * most, Math.floor((size - 1) / most) * most));
      this.#build();
      /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-page="${which} ${by}"]`))?.focus();
    };
    const button = (/** @type {number} */ by, /** @type {string} */ sign, /** @type {string} */ way, /** @type {boolean} */ end) => h("button", {
      type: "button", onclick: () => go(by), "data-page": `${which} ${by}`, "aria-disabled": end ? "true" : null, "aria-label": `${this.name}: ${words.say(`${way} ${key}`)}`,
    }, sign);
    return h("span", { class: "pager" },
      button(-1, "\u2039", "earlier", this.first[which] === 0),
      h("span", {}, text),
      button(1, "\u203a", "later", last === size - 1),
    );
  }

  /** @param {import("./dom.js").Words} words */
  #table(words) {
    this.cells = [];
    const body = [];
    for (let row = this.first[0]; row < Math.min(this.rows, this.first[0] + ROWS); row++) {
      const cells = [];
      for (let column = this.first[1]; column < Math.min(this.columns, this.first[1] + COLUMNS); column++) {
        const place = this.shape.length ? [...this.lead, ...(this.shape.length > 1 ? [row] : []), column] : [];
        const button = h("button", { type: "button", class: "number", "data-at": address(this.name, place), tabindex: -1 });
        this.cells.push({ button, place, shown: null });
        cells.push(h("td", { role: "gridcell" }, button));
      }
      body.push(h("tr", { role: "row" }, ...cells));
    }
    if (this.cells.length) this.cells[0].button.tabIndex = 0;
    fill(this.numbers, h("table", { role: "grid", "aria-label": `${this.name}, ${this.view.shapeText(this.name)}`, "data-roving": "grid" }, h("tbody", { role: "rowgroup" }, ...body)));
    this.refresh(words);
  }

  /** Puts the numbers in as they are now. */
  refresh(words = this.view.words) {
    for (const cell of this.cells) cell.shown = this.view.fillNumber(cell.button, { name: this.name, place: cell.place }, cell.shown, words);
  }
}

