// See a mistake: what one of the usual mistakes changes downstream, and how training goes with it.
// @ts-check
import { fill, h } from "./dom.js";
import { Interpreter } from "./interpreter.js";
import { significant } from "./digits.js";

const STEPS = 60;
const [WIDE, HIGH] = [300, 90];

export class MistakesView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    const { words } = view;
    const { mistakes } = this.board.data;
    const groups = new Map();
    mistakes.forEach((record, k) => {
      if (!groups.has(record.output)) groups.set(record.output, h("optgroup", { label: record.output }));
      groups.get(record.output).append(h("option", { value: k }, record.words));
    });
    this.select = h("select", { id: "mistake", onchange: () => this.board.choose(Number(this.select.value)) }, h("option", { value: -1 }, words.say("no mistake")), ...groups.values());
    this.body = h("div", {});
    this.element = h("section", { id: "mistakes", "aria-labelledby": "mistakes-title", hidden: true },
      h("h2", { id: "mistakes-title" }, words.say("see a mistake")),
      h("p", { class: "note" }, words.say("mistake hint")),
      h("label", {}, `${words.say("mistake")} `, this.select), this.body);
    this.shown = "";
  }

  refresh() {
    const { board } = this;
    const { words } = this.view;
    const record = board.data.mistakes[board.mistake];
    this.select.value = String(board.mistake);
    if (this.element.hidden) return;
    const key = `${board.mistake}|${board.now}|${significant(board.loss, 12)}`;
    if (key === this.shown) return;
    this.shown = key;
    if (!record || !board.right) {
      fill(this.body);
      return;
    }
    const changed = board.data.lines.map((line) => line.output).filter((name) => {
      const [a, b] = [board.v[name], /** @type {any} */ (board.right)[name]];
      return a.some((/** @type {number} */ value, /** @type {number} */ k) => value !== b[k]);
    });
    const place = board.machine.places.get(record.output) ?? 0;
    const wrong = record.line ? record.line.text : `${record.output} \u00b7 ${record.factor}`;
    const links = changed.flatMap((name, k) => [k ? ", " : "", h("button", { type: "button", class: "link", "data-line": name }, name)]);
    fill(this.body,
      h("dl", { class: "told" },
        h("dt", {}, words.say("right line")), h("dd", { class: "code" }, board.data.lines[place].text),
        h("dt", {}, words.say("wrong line")), h("dd", { class: "code wrong" }, wrong)),
      h("p", {}, changed.length ? words.say("mistake changes", { n: changed.length }) : words.say("mistake changes nothing"), " ", ...links),
      board.machine.updates.length && changed.length ? h("button", { type: "button", onclick: () => this.#compare() }, words.say("train both", { n: STEPS })) : null,
      h("div", { class: "both" }));
  }

  /** Trains from here with the mistake and without, and draws both. */
  #compare() {
    const { board } = this;
    const { words } = this.view;
    const record = board.data.mistakes[board.mistake];
    const instead = { [record.output]: new Interpreter(board.machine).functionOf(record) };
    const run = (/** @type {any} */ settings) => {
      let given = board.given;
      const losses = [];
      for (let k = 0; k <= STEPS; k++) {
        const v = board.machine.run(given, settings);
        losses.push(v.L[0]);
        given = board.machine.next(v);
      }
      return losses;
    };
    const [right, wrong] = [run({}), run({ instead })];
    const all = [...right, ...wrong].filter(Number.isFinite);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const points = (/** @type {number[]} */ losses) => losses.map((v, k) => (Number.isFinite(v) ? `${4 + (k * (WIDE - 8)) / STEPS},${(HIGH - 6 - ((v - low) * (HIGH - 12)) / (high - low || 1)).toFixed(1)}` : "")).filter(Boolean).join(" ");
    const text = words.say("both trained", { n: STEPS, right: words.number(right[STEPS]), wrong: words.number(wrong[STEPS]) });
    const both = /** @type {Element} */ (this.body.querySelector(".both"));
    fill(both, h("svg:svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "chart", role: "img", "aria-label": text },
      h("svg:polyline", { points: points(right), class: "curve" }), h("svg:polyline", { points: points(wrong), class: "curve wrong" })),
      h("p", { class: "note" }, h("span", { class: "key right" }, "\u2014 "), words.say("right line"), h("span", { class: "key wrong" }, " \u2504 "), words.say("wrong line")),
      h("p", { role: "status" }, text));
  }
}
