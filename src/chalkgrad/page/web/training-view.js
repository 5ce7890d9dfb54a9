// The loss over the steps, the scrubber, and the controls of lines and training.
// @ts-check
import { fill, h } from "./dom.js";
import { HIDDEN } from "./view.js";

const SPEEDS = [1, 2, 5, 10, 30, 60];
const [WIDE, HIGH] = [600, 90];

export class TrainingView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    const { words } = view;
    this.speed = 10;
    this.timer = 0;
    const button = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {() => void} */ act) =>
      h("button", { type: "button", onclick: act, "aria-label": `${sign} ${words.say(key)}`, title: words.say(key) }, sign);
    const lines = this.board.data.lines.length;
    this.line = h("output", { class: "reading" });
    this.cursor = h("input", { type: "range", id: "cursor", min: 0, max: lines, step: 1, "aria-label": words.say("line cursor"), oninput: () => this.board.setCursor(Number(this.cursor.value)) });
    const stepping = h("div", { class: "controls", role: "group", "aria-label": words.say("through the lines") },
      h("span", { class: "caption" }, words.say("through the lines")),
      button("first line", "\u00ab", () => this.board.setCursor(0)),
      button("line back", "[", () => this.board.setCursor(this.board.cursor - 1)),
      this.cursor,
      button("line on", "]", () => this.board.setCursor(this.board.cursor + 1)),
      button("all lines", "\u00bb", () => this.board.setCursor(lines)),
      this.line);
    this.scrubber = h("input", { type: "range", id: "scrubber", min: 0, max: 0, step: 1, "aria-label": words.say("scrubber"), oninput: () => this.board.go(Number(this.scrubber.value)) });
    this.reading = h("output", { class: "reading" });
    this.player = button("play", "\u25b6", () => this.toggle());
    this.undoer = button("undo", "\u21b6", () => this.board.undo());
    this.redoer = button("redo", "\u21b7", () => this.board.redo());
    const speed = h("select", { id: "speed", "aria-label": words.say("speed"), onchange: () => {
      this.speed = Number(speed.value);
      if (this.timer) this.#start();
    } }, ...SPEEDS.map((n) => h("option", { value: n, selected: n === this.speed }, `${n} / s`)));
    this.chart = h("svg:svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "chart", role: "img", preserveAspectRatio: "none" });
    const trains = this.board.machine.updates.length > 0;
    const training = h("div", { class: "controls", role: "group", "aria-label": words.say("training") },
      h("span", { class: "caption" }, words.say("training")),
      button("step", "+1", () => this.board.train(1)),
      button("ten steps", "+10", () => this.board.train(10)),
      this.player, speed,
      "lr" in this.board.data.values ? h("button", { type: "button", class: "small", "data-at": "lr" }, words.say("learning rate")) : null);
    this.element = h("section", { id: "loss", "aria-labelledby": "loss-title" },
      h("h2", { id: "loss-title", class: "offscreen" }, words.say("loss")),
      h("div", { class: "over-time" }, trains ? this.chart : null, trains ? this.scrubber : null),
      h("div", { class: "handling" },
        h("div", { class: "controls", role: "group", "aria-label": words.say("way back") }, this.undoer, this.redoer, this.reading),
        trains ? training : h("p", { class: "note" }, words.say("no training")), stepping));
    this.refresh();
  }

  /** Plays the training, or stops it. */
  toggle() {
    if (this.timer) this.stop();
    else this.#start();
  }

  #start() {
    this.stop();
    if (!this.board.machine.updates.length) return;
    this.board.train(1); // one moment to go back to, for all that is played
    this.board.playing = true;
    this.timer = window.setInterval(() => {
      this.board.train(1);
      if (!Number.isFinite(this.board.loss)) this.stop();
    }, 1000 / this.speed);
    this.#shown();
  }

  stop() {
    if (this.timer) window.clearInterval(this.timer);
    this.timer = 0;
    this.board.playing = false;
    this.#shown();
  }

  #shown() {
    const key = this.timer ? "stop" : "play";
    this.player.textContent = this.timer ? "\u23f8" : "\u25b6";
    this.player.setAttribute("aria-label", this.view.words.say(key));
    this.player.title = this.view.words.say(key);
  }

  refresh() {
    const { board, view } = this;
    const { words } = view;
    const { data, cursor } = board;
    const loss = board.isComputed("L") ? words.number(board.loss, 6) : words.say("blank");
    this.reading.textContent = `${words.say("step n", { n: board.now, all: board.steps.length - 1 })}, ${view.text.address("L", [])} = ${view.isHidden({ name: "L", place: [] }) ? HIDDEN : loss}`;
    this.scrubber.max = String(board.steps.length - 1);
    this.scrubber.value = String(board.now);
    this.scrubber.disabled = board.steps.length < 2;
    this.scrubber.setAttribute("aria-valuetext", this.reading.textContent ?? "");
    this.cursor.value = String(cursor);
    const at = cursor ? data.lines[cursor - 1] : null;
    this.line.textContent = words.say("line n", { n: cursor, all: data.lines.length, name: at ? at.output : "\u2013" });
    this.cursor.setAttribute("aria-valuetext", this.line.textContent ?? "");
    this.undoer.setAttribute("aria-disabled", String(!board.undone.length)); // really disabled it would lose the focus
    this.redoer.setAttribute("aria-disabled", String(!board.redone.length));
    this.#draw(board.steps.map((step) => step.loss), board.now);
  }

  /** Draws the loss over the steps. @param {number[]} losses @param {number} now */
  #draw(losses, now) {
    const all = losses.filter(Number.isFinite);
    const [low, high] = [Math.min(...all, 0), Math.max(...all, 1e-12)];
    const x = (/** @type {number} */ k) => 4 + (k * (WIDE - 8)) / Math.max(1, losses.length - 1);
    const y = (/** @type {number} */ v) => HIGH - 6 - ((v - low) * (HIGH - 12)) / (high - low || 1);
    const skip = Math.max(1, Math.floor(losses.length / WIDE));
    const points = losses.map((v, k) => (Number.isFinite(v) && k % skip === 0 ? `${x(k).toFixed(1)},${y(v).toFixed(1)}` : "")).filter(Boolean);
    this.chart.setAttribute("aria-label", this.view.words.say("chart", { from: this.view.words.number(losses[0]), to: this.view.words.number(losses[losses.length - 1]), n: losses.length - 1 }));
    fill(this.chart, h("svg:polyline", { points: points.join(" "), class: "curve" }), h("svg:line", { x1: x(now), x2: x(now), y1: 0, y2: HIGH, class: "now" }), Number.isFinite(losses[now]) ? h("svg:path", { d: `M${x(now)},${y(losses[now])}h0`, class: "now" }) : null);
  }
}
