// Pictures: regions of two inputs, images, kernels and feature maps, steps side by side, attention.
// @ts-check
import { placeOf } from "./digits.js";
import { fill, h } from "./dom.js";
import { HIDDEN } from "./view.js";

const REGION = 64;
const PANELS = 16;

export class PicturesView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    const { words } = view;
    const { data } = this.board;
    this.element = h("section", { id: "pictures", "aria-labelledby": "pictures-title" }, h("h2", { id: "pictures-title" }, words.say("pictures")));
    /** @type {(() => void)[]} */
    this.painters = [];
    if (data.region) this.#region();
    if (data.image) this.#pad();
    if (data.classes.length) this.#reading();
    for (const { name, time } of data.pictures) this.#maps(name, time);
    this.element.hidden = !this.painters.length;
  }

  refresh() {
    if (!this.element.hidden) for (const paint of this.painters) paint();
  }

  // -- the regions of two inputs --------------------------------------------------------------------------------------

  #region() {
    const { board } = this;
    const { words } = this.view;
    const canvas = h("canvas", { width: REGION * 4, height: REGION * 4, class: "region", role: "img" });
    this.element.append(h("figure", {}, canvas, h("figcaption", {}, words.say("regions"))));
    let last = "";
    this.painters.push(() => {
      const x = board.v.x;
      const bounds = [0, 1].map((axis) => {
        const own = Array.from({ length: board.data.samples }, (_, n) => x[2 * n + axis]);
        const [low, high] = [Math.min(...own), Math.max(...own)];
        const room = Math.max(0.35 * (high - low), 0.5);
        return [low - room, high + room];
      });
      this.bounds = bounds;
      const key = [...bounds.flat(), ...board.machine.given.map((name) => (name === "x" || name === "y" ? "" : board.v[name].join()))].join();
      if (key === last) return this.#points(canvas, x);
      last = key;
      const inputs = new Float64Array(2 * REGION * REGION);
      for (let r = 0; r < REGION; r++) {
        for (let c = 0; c < REGION; c++) {
          inputs[2 * (r * REGION + c)] = bounds[0][0] + ((c + 0.5) / REGION) * (bounds[0][1] - bounds[0][0]);
          inputs[2 * (r * REGION + c) + 1] = bounds[1][1] - ((r + 0.5) / REGION) * (bounds[1][1] - bounds[1][0]);
        }
      }
      const outputs = board.machine.run({ ...board.given, x: inputs }, { samples: REGION * REGION, only: new Set(board.data.prediction) });
      const values = outputs[board.data.prediction[board.data.prediction.length - 1]];
      const many = values.length / (REGION * REGION);
      const image = new ImageData(REGION, REGION);
      for (let k = 0; k < REGION * REGION; k++) {
        const own = values.subarray(k * many, (k + 1) * many);
        const colour = many === 1 ? shade(own[0] * 2 - 1) : hue(own);
        image.data.set([...colour, 255], 4 * k);
      }
      const small = h("canvas", { width: REGION, height: REGION });
      small.getContext("2d").putImageData(image, 0, 0);
      this.plane = small;
      canvas.setAttribute("aria-label", words.say("regions"));
      this.#points(canvas, x);
    });
  }

  /** The samples on the regions: a sign for every class. @param {any} canvas @param {Float64Array} x */
  #points(canvas, x) {
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    if (this.plane) context.drawImage(this.plane, 0, 0, canvas.width, canvas.height);
    const { data } = this.board;
    const y = this.board.v.y;
    const many = y.length / data.samples;
    const [bx, by] = /** @type {number[][]} */ (this.bounds);
    context.font = "bold 15px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let n = 0; n < data.samples; n++) {
      const own = Array.from(y.subarray(n * many, (n + 1) * many));
      const kind = many === 1 ? Math.round(own[0]) : own.indexOf(Math.max(...own));
      const px = ((x[2 * n] - bx[0]) / (bx[1] - bx[0])) * canvas.width;
      const py = ((by[1] - x[2 * n + 1]) / (by[1] - by[0])) * canvas.height;
      context.lineWidth = 3;
      context.strokeStyle = "#fff";
      context.fillStyle = "#111";
      const sign = "\u25cb\u00d7\u25b3\u25a1\u25c7\u2606"[((kind % 6) + 6) % 6];
      context.strokeText(sign, px, py);
      context.fillText(sign, px, py);
    }
  }

  // -- an input that is an image: drawn with the pointer ---------------------------------------------------------------

  #pad() {
    const { board } = this;
    const { words } = this.view;
    const [rows, columns] = /** @type {[number, number]} */ (board.data.image);
    const canvas = h("canvas", { width: columns, height: rows, class: "pad", tabindex: 0, role: "application", "aria-label": words.say("pad", { rows, columns }) });
    const size = rows * columns;
    let [row, column] = [Math.floor(rows / 2), Math.floor(columns / 2)];
    const brightest = board.given.x.reduce((a, b) => Math.max(a, b), 0) || 1;
    const put = (/** @type {[number, number, number][]} */ marks, together = false) => {
      const x = Float64Array.from(board.given.x);
      for (const [r, c, value] of marks) {
        if (r >= 0 && r < rows && c >= 0 && c < columns) {
          const at = board.sample * size + r * columns + c;
          x[at] = Math.max(x[at], value);
        }
      }
      board.setArrays({ x }, "x", { together });
    };
    const brush = (/** @type {number} */ r, /** @type {number} */ c) => {
      /** @type {[number, number, number][]} */
      const marks = [];
      const reach = Math.max(1, Math.round(rows / 16));
      for (let i = -reach; i <= reach; i++) {
        for (let j = -reach; j <= reach; j++) {
          const away = Math.hypot(i, j) / reach;
          if (away <= 1) marks.push([r + i, c + j, brightest * (1 - 0.55 * away)]);
        }
      }
      return marks;
    };
    let drawing = false;
    const at = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      return [Math.floor(((event.clientY - box.top) / box.height) * rows), Math.floor(((event.clientX - box.left) / box.width) * columns)];
    };
    canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      canvas.setPointerCapture(event.pointerId);
      drawing = true;
      [row, column] = at(event);
      put(brush(row, column));
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!drawing) return;
      const [r, c] = at(event);
      if (r === row && c === column) return;
      [row, column] = [r, c];
      put(brush(r, c), true);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (drawing = false));
    canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      /** @type {Record<string, [number, number]>} */
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const move = moves[event.key];
      if (move) {
        row = Math.min(Math.max(0, row + move[0]), rows - 1);
        column = Math.min(Math.max(0, column + move[1]), columns - 1);
        this.view.announce(words.spoken("x", [row, column]));
      } else if (event.key === " ") put(brush(row, column));
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const clear = h("button", { type: "button", id: "clear", onclick: () => {
      const x = Float64Array.from(board.given.x);
      x.fill(Math.min(0, ...x.subarray(board.sample * size, (board.sample + 1) * size)), board.sample * size, (board.sample + 1) * size);
      board.setArrays({ x }, "x");
    } }, words.say("clear"));
    this.element.append(h("figure", {}, canvas, h("figcaption", {}, words.say("draw here"), " ", clear)));
    this.painters.push(() => paint(canvas, board.v.x.subarray(board.sample * size, (board.sample + 1) * size), rows, columns, true));
  }

  // -- what the network reads in the sample -----------------------------------------------------------------------------

  #reading() {
    const { board } = this;
    const { words } = this.view;
    const list = h("ol", { class: "reading-list", start: 0 });
    const said = h("p", { class: "read", role: "status" });
    this.element.append(h("div", {}, said, list));
    this.painters.push(() => {
      const name = board.data.aliases.y_hat ?? "y_hat";
      if (!board.v[name]) return;
      const many = board.data.classes.length;
      const own = Array.from(board.v[name].subarray(board.sample * many, (board.sample + 1) * many));
      const best = own.indexOf(Math.max(...own)); // -1 where they are NaN
      const texts = own.map((_, k) => this.view.numberText({ name, place: [board.sample, k] }, 3));
      const shown = best >= 0 && texts.every((text) => text && text !== HIDDEN);
      said.textContent = shown ? words.say("read", { name: board.data.classes[best], value: texts[best] }) : "";
      fill(list, ...own.map((value, k) => {
        const meter = h("meter", { min: 0, max: 1, value: shown ? value : 0, "aria-label": board.data.classes[k] });
        return h("li", {}, h("span", {}, board.data.classes[k]), meter, h("span", { class: "digits" }, texts[k]));
      }));
    });
  }

  // -- any value as pictures of its last two axes ------------------------------------------------------------------------

  /** @param {string} name @param {boolean} time whether the steps of time stand side by side */
  #maps(name, time) {
    const { board } = this;
    const { words } = this.view;
    const shape = board.machine.shape(name);
    const of = board.data.values[name].shape[0] === "N";
    const [rows, columns] = time ? shape.slice(-2).reverse() : shape.slice(-2);
    const inner = (/** @type {number} */ r, /** @type {number} */ c) => (time ? c * rows + r : r * columns + c);
    const panels = Math.min(PANELS, shape.slice(of ? 1 : 0, -2).reduce((product, size) => product * size, 1));
    const canvases = Array.from({ length: panels }, (_, k) => {
      const canvas = h("canvas", { width: columns, height: rows, class: "map", role: "img" });
      canvas.addEventListener("click", (/** @type {MouseEvent} */ event) => {
        const box = canvas.getBoundingClientRect();
        const r = Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows));
        const c = Math.min(columns - 1, Math.floor(((event.clientX - box.left) / box.width) * columns));
        const begin = (of ? board.sample * (board.v[name].length / shape[0]) : 0) + k * rows * columns;
        board.open({ name, place: placeOf(begin + inner(r, c), shape) });
      });
      return canvas;
    });
    const caption = h("figcaption", {}, h("button", { type: "button", class: "link", "data-line": name }, name), ` ${words.say(time ? "over time" : "as picture")}`);
    this.element.append(h("figure", { class: "maps" }, h("div", {}, ...canvases), caption));
    this.painters.push(() => {
      const array = board.v[name];
      const begin = of ? board.sample * (array.length / shape[0]) : 0;
      const blank = !board.isComputed(name);
      canvases.forEach((canvas, k) => {
        const part = array.subarray(begin + k * rows * columns, begin + (k + 1) * rows * columns);
        const seen = time ? Float64Array.from(part, (_, at) => part[inner(Math.floor(at / columns), at % columns)]) : part;
        if (blank) canvas.getContext("2d").clearRect(0, 0, columns, rows);
        else paint(canvas, seen, rows, columns, false);
        const [low, high] = [part.reduce((a, b) => Math.min(a, b)), part.reduce((a, b) => Math.max(a, b))];
        const hidden = board.guessing && board.machine.places.has(name);
        canvas.setAttribute("aria-label", blank || hidden ? `${name}: ${words.say(blank ? "blank" : "hidden")}` : words.say("picture of", { name: panels > 1 ? `${name} ${k}` : name, rows, columns, low: words.number(low), high: words.number(high) }));
      });
    });
  }
}

/**
 * Paints numbers: blue where positive, orange where negative; of images black to white.
 * @param {any} canvas @param {Float64Array} part @param {number} rows @param {number} columns @param {boolean} grey
 */
function paint(canvas, part, rows, columns, grey) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const most = Math.max(1e-12, part.reduce((a, b) => Math.max(a, Math.abs(b)), 0));
  part.forEach((value, k) => {
    const level = Math.round(255 * Math.max(0, value / most));
    image.data.set(grey ? [level, level, level, 255] : [...shade(value / most), 255], 4 * k);
  });
  context.putImageData(image, 0, 0);
}

/** A colour from orange (-1) by white (0) to blue (1). @param {number} value */
function shade(value) {
  const level = Math.max(-1, Math.min(1, value !== value ? 0 : value));
  const end = level < 0 ? [163, 71, 0] : [11, 110, 153];
  return end.map((c) => Math.round(255 + (c - 255) * Math.abs(level)));
}

const HUES = [[163, 71, 0], [11, 110, 153], [46, 112, 49], [123, 63, 160], [0, 115, 106], [107, 79, 58]];

/** The colour of the largest of several outputs, paler where it is less sure. @param {Float64Array} values */
function hue(values) {
  let best = 0;
  values.forEach((value, k) => { if (value > values[best]) best = k; });
  const sure = Math.max(0.15, Math.min(1, values[best]));
  return HUES[best % HUES.length].map((c) => Math.round(255 + (c - 255) * 0.8 * sure));
}

