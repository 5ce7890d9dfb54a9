// The network drawn: neurons with live numbers, or layers below each other.
// @ts-check
import { address, parsed } from "./digits.js";
import { fill, h, ofSample } from "./dom.js";
import { HIDDEN, SHORT } from "./view.js";

/** @typedef {import("./types.d.ts").Place} Place */

const ROW = 15;
/** A drawing is made so much smaller at most, to be read; then it scrolls. */
const LEAST = 0.65;

/** @param {string} text @param {number} most */
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);

export class DrawingView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    const { words } = view;
    this.figure = h("div", { class: "drawing" });
    this.element = h("section", { id: "network", "aria-labelledby": "network-title" }, h("h2", { id: "network-title" }, words.say("network")));
    this.sampler = this.#sampler();
    this.element.append(...(this.sampler ? [this.sampler] : []), this.figure);
    /** @type {{text: SVGElement, at: () => Place, digits: number, gradient: boolean}[]} */
    this.numbers = [];
    /** @type {{line: SVGElement, at: () => Place}[]} */
    this.weights = [];
    this.#draw();
  }

  #sampler() {
    const { data } = this.board;
    if (data.samples < 2) return null;
    const input = h("input", { type: "number", id: "sample", min: 0, max: data.samples - 1, value: 0, class: "index", oninput: () => {
      this.board.sample = Math.min(Math.max(0, Math.trunc(Number(input.value) || 0)), data.samples - 1);
      this.board.say("sample");
    }, onchange: () => { input.value = String(this.board.sample); } });
    return h("label", { class: "sampler" }, `${this.view.words.say("sample")} `, input, ` ${this.view.words.say("of")} ${data.samples}`);
  }

  #draw() {
    const { drawing } = this.board.data;
    if (drawing.kind === "neurons") this.#neurons(drawing);
    else this.#layers(drawing);
    this.refresh();
  }

  /** A place of the first sample, in the sample that is looked at. @param {string} text @returns {() => Place} */
  #place(text) {
    const found = /** @type {Place} */ (parsed(text));
    return () => ({ name: found.name, place: ofSample(this.board.data, found.name, found.place, this.board.sample) });
  }

  /** @param {Extract<import("./types.d.ts").Drawing, {kind: "neurons"}>} drawing */
  #neurons(drawing) {
    /** @type {Node[]} */
    const parts = [];
    const boxes = drawing.units.map((unit) => unit.box);
    const [left, right] = [Math.min(...boxes.map((b) => b[0])), Math.max(...boxes.map((b) => b[2]))];
    const tops = drawing.units.map((unit) => unit.box[1] - (unit.bias ? 3 * ROW : 0));
    const top = Math.min(...tops);
    const bottom = Math.max(...drawing.units.map((unit) => unit.box[3] + (unit.target ? 2 * ROW : 0)));
    for (const edge of drawing.edges) {
      const points = edge.points.map((p) => p.join(",")).join(" ");
      const line = h("svg:polyline", { points, class: "edge", "data-at": edge.weight });
      parts.push(line);
      if (edge.weight) this.weights.push({ line, at: this.#place(edge.weight) });
    }
    for (const edge of drawing.edges) if (edge.weight) parts.push(this.#number(edge.weight, edge.at[0], edge.at[1], "weight"));
    for (const unit of drawing.units) {
      const [x1, y1, x2, y2] = unit.box;
      const middle = (x1 + x2) / 2;
      parts.push(h("svg:rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1, rx: Math.min(24, (y2 - y1) / 2), class: `unit ${unit.kind}` }));
      const rows = unit.stages.length;
      unit.stages.forEach((stage, k) => {
        parts.push(this.#number(stage, middle, y1 + ((k + 0.5) * (y2 - y1)) / rows, "stage"));
      });
      if (unit.bias) parts.push(this.#number(unit.bias, middle, y1 - ROW - 6, "bias"));
      if (unit.target) parts.push(this.#number(unit.target, middle, y2 + 6 + ROW / 2, "target"));
    }
    for (const heading of drawing.headings) {
      const above = heading.above ?? top;
      heading.words.forEach((text, k) => {
        parts.push(h("svg:text", { x: heading.x, y: above - 14 - ROW * (heading.words.length - 1 - k), class: "heading" }, text));
      });
    }
    const high = 14 + ROW * Math.max(...drawing.headings.map((heading) => heading.words.length));
    const box = [left - 40, top - high - 10, right - left + 80, bottom - top + high + 24];
    const picture = h("svg:svg", { viewBox: box.map(Math.round).join(" "), class: "neurons", role: "group", "aria-label": this.view.words.say("network"), "data-roving": "list" }, ...parts);
    picture.style.minWidth = `${Math.round(LEAST * box[2])}px`;
    fill(this.figure, picture);
    const first = this.figure.querySelector(".n");
    if (first) first.setAttribute("tabindex", "0");
  }

  /** A number of the drawing, with its gradient below. @param {string} text @param {number} x @param {number} middle @param {string} kind */
  #number(text, x, middle, kind) {
    const at = this.#place(text);
    const place = at();
    const { values } = this.board.data;
    const slope = this.board.machine.derivativeOf.get(place.name);
    const rows = slope && kind !== "target" && values[place.name].role !== "given" ? 2 : 1;
    const y = middle - (rows * ROW) / 2;
    const label = this.board.data.labels[text] ?? (kind === "weight" ? "" : text.replace(/\[(\d+), (.*)\]/, (all, first, rest) => (this.board.data.values[parsed(text)?.name ?? ""]?.shape[0] === "N" ? `[${rest}]` : all)));
    const value = h("svg:tspan", { class: "digits" });
    const gradient = h("svg:text", { x, y: y + 1.7 * ROW, class: "gradient" });
    const group = h("svg:g", { class: `n ${kind}`, role: "button", tabindex: "-1", "data-at": text },
      h("svg:rect", { x: x - 40, y: y - 2, width: 80, height: rows * ROW + 4, class: "hit" }),
      h("svg:text", { x, y: y + 0.8 * ROW, class: "label" }, label ? h("svg:tspan", { class: "name" }, `${label} `) : null, value),
      gradient);
    this.numbers.push({ text: value, at, digits: SHORT, gradient: false });
    if (slope && rows === 2) {
      this.numbers.push({ text: gradient, at: () => ({ name: slope, place: at().place }), digits: SHORT, gradient: true });
    }
    return group;
  }

  /** @param {Extract<import("./types.d.ts").Drawing, {kind: "layers"}>} drawing */
  #layers(drawing) {
    const [width, height, gap] = [210, 40, 22];
    /** @type {Node[]} */
    const parts = [];
    const y = (/** @type {number} */ k) => k * (height + gap);
    drawing.nodes.forEach((node, k) => {
      node.takes.forEach((from) => {
        const straight = from === k - 1;
        const reach = width + 12 + 9 * Math.min(6, k - from);
        const path = straight ? `M${width / 2},${y(from) + height} V${y(k) - 5}` : `M${width},${y(from) + height / 2} H${reach} V${y(k) + height / 2} H${width + 7}`;
        parts.push(h("svg:path", { d: path, class: "edge flow" }));
        const head = straight ? `M${width / 2 - 4},${y(k) - 7} L${width / 2},${y(k)} L${width / 2 + 4},${y(k) - 7} z` : `M${width + 8},${y(k) + height / 2 - 4} L${width + 1},${y(k) + height / 2} L${width + 8},${y(k) + height / 2 + 4} z`;
        parts.push(h("svg:path", { d: head, class: "head-of-arrow" }));
      });
    });
    drawing.nodes.forEach((node, k) => {
      const values = [...node.parameters, ...node.values].join(", ");
      parts.push(h("svg:g", { class: "n layer", role: "button", tabindex: k ? "-1" : "0", "data-line": node.values[0], "aria-label": `${cut(node.words, 30)} ${cut(values, 24)} ${node.shape}` },
        h("svg:rect", { x: 0, y: y(k), width, height, rx: 8, class: "unit neurons" }),
        h("svg:text", { x: 10, y: y(k) + 16, class: "layer-name" }, `${cut(node.words, 30)} `),
        h("svg:text", { x: 10, y: y(k) + 32, class: "layer-values" }, `${cut(values, 24)} `),
        h("svg:text", { x: width - 8, y: y(k) + 32, class: "layer-shape" }, node.shape)));
    });
    const wide = width + 12 + 9 * 6 + 12;
    fill(this.figure, h("svg:svg", { viewBox: `-8 -8 ${wide} ${y(drawing.nodes.length) + 8}`, class: "layers", role: "group", "aria-label": this.view.words.say("network"), "data-roving": "list" }, ...parts));
  }

  refresh() {
    const { words } = this.view;
    const input = this.sampler?.querySelector("input");
    if (input && input !== document.activeElement) input.value = String(this.board.sample);
    for (const { text, at, digits, gradient } of this.numbers) {
      const place = at();
      const shown = this.view.numberText(place, digits);
      const written = gradient && shown ? `\u2202 ${shown}` : shown;
      if (text.textContent !== written) text.textContent = written;
      if (gradient) {
        text.classList.toggle("changed", shown !== HIDDEN && this.board.earlier(place) !== null);
        continue;
      }
      const group = /** @type {Element} */ (text.closest(".n"));
      const own = address(place.name, place.place);
      group.setAttribute("data-at", own);
      group.classList.toggle("changed", shown !== HIDDEN && this.board.earlier(place) !== null);
    }
    for (const group of this.figure.querySelectorAll(".n[data-at]")) {
      const place = /** @type {Place} */ (parsed(/** @type {string} */ (group.getAttribute("data-at"))));
      const texts = [...group.querySelectorAll("text")].map((text) => (text.textContent ?? "").trim()).filter(Boolean);
      const missing = this.board.number(place) === null ? [words.say("blank")] : this.view.isHidden(place) ? [words.say("hidden")] : [];
      group.setAttribute("aria-label", [...texts, words.spoken(place.name, place.place), ...missing].join(", "));
    }
    for (const { line, at } of this.weights) {
      const value = this.board.number(at()) ?? 0;
      line.classList.toggle("negative", value < 0);
      line.setAttribute("stroke-width", String(Number.isNaN(value) ? 0.8 : Math.min(6, 0.8 + 2 * Math.sqrt(Math.abs(value)))));
    }
  }
}
