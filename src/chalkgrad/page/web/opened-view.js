// The opened number: symbols, numbers, result; each factor can be opened in turn; numbers from outside can be changed.
// @ts-check
import { address } from "./digits.js";
import { fill, h, markup } from "./dom.js";
import { guessing } from "./guess.js";
import { below, Opener, quantities } from "./opening.js";
import { Paths, TooManyPaths } from "./paths.js";
import { LONG } from "./view.js";

/** @typedef {import("./types.d.ts").Expression} Expression */
/** @typedef {import("./types.d.ts").Place} Place */

export class OpenedView {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.board = view.board;
    this.body = h("div", {});
    this.element = h("section", { id: "opened", "aria-labelledby": "opened-title", tabindex: -1 },
      h("h2", { id: "opened-title" }, view.words.say("opened")), this.body);
    /** The address of the number that is shown. */
    this.shown = "";
    /** The field in which it is changed; `follow` puts its number in, unless another one is being typed. @type {{follow: () => void} | null} */
    this.field = null;
  }

  refresh() {
    const at = this.board.trail[this.board.trail.length - 1];
    const own = at ? address(at.name, at.place) : "";
    if (this.field && own === this.shown && this.body.querySelector(".editor")?.contains(document.activeElement)) {
      this.field.follow();
      this.#refreshNumbers();
      return;
    }
    const focused = document.activeElement instanceof HTMLElement && this.body.contains(document.activeElement) ? document.activeElement : null;
    const same = own === this.shown;
    this.field = null;
    this.shown = own;
    if (at) fill(this.body, this.#trail(), ...this.#opened(at));
    else fill(this.body, h("p", { class: "hint" }, this.view.words.say("open hint")));
    if (focused) this.#focus(focused, same);
  }

  /** Gives the focus to what stands in the place of an element, else to the whole. @param {HTMLElement} old @param {boolean} same */
  #focus(old, same) {
    const key = old.id ? `#${CSS.escape(old.id)}` : ["data-at", "data-line"].filter((name) => old.hasAttribute(name))
      .map((name) => `button[${name}="${CSS.escape(old.getAttribute(name) ?? "")}"]`)[0];
    /** @type {HTMLElement | null} */
    const now = same && key ? this.body.querySelector(key) : null;
    (now ?? this.element).focus({ preventScroll: true });
    if (old instanceof HTMLInputElement && now instanceof HTMLInputElement && old.type === "text") {
      now.value = old.value; // a guess that is being typed
      now.setSelectionRange(old.selectionStart, old.selectionEnd);
    }
  }

  /** While somebody types or drags only the numbers around the field change. */
  #refreshNumbers() {
    const told = this.body.querySelector(".told");
    if (told) told.replaceWith(this.#told());
    const followers = this.body.querySelector(".followers");
    const open = this.board.trail[this.board.trail.length - 1];
    if (followers && open) followers.replaceWith(this.#followers(open));
    const head = this.body.querySelector(".value");
    if (head && open) head.textContent = this.view.numberText(open, LONG);
  }

  #trail() {
    const { trail } = this.board;
    if (trail.length < 2) return null;
    const items = trail.map((at, depth) => {
      const text = this.#plainName(at);
      const last = depth === trail.length - 1;
      return h("li", {}, last ? h("span", { "aria-current": "true" }, text) : h("button", { type: "button", onclick: () => this.board.back(depth) }, text));
    });
    return h("nav", { "aria-label": this.view.words.say("way") }, h("ol", { class: "trail" }, ...items));
  }

  /** @param {Place} at */
  #plainName(at) {
    return this.view.text.address(at.name, at.place);
  }

  /** @param {Place} at */
  #opened(at) {
    const { view, board } = this;
    const { words } = view;
    const own = address(at.name, at.place);
    const name = markup("math", view.math.address(at.name, at.place), { alttext: this.#plainName(at), displaystyle: "true" });
    const hidden = view.isHidden(at);
    const head = h("p", { class: "head", "data-at": own }, name, h("span", { class: "equals" }, " = "), h("span", { class: "value" }, view.numberText(at, LONG) || words.say("blank")));
    const parts = [head, h("p", { class: "note" }, h("button", { type: "button", class: "link", "data-line": at.name, "aria-label": `${own}, ${words.say("lines")}`, title: words.say("lines") }, own))];
    const place = board.machine.places.get(at.name);
    const line = place === undefined ? null : board.data.lines[place];
    if (board.number(at) === null) return [...parts, h("p", {}, words.say("not computed"))];
    if (line && hidden) return [...parts, ...guessing(view, at), this.#about(line)];
    if (!line) return [...parts, h("p", {}, this.#origin(at)), this.#editor(at), this.#followers(at)];
    if (line.draw) return [...parts, h("p", {}, words.say("drawn")), this.#about(line)];
    const derivative = board.data.values[at.name].role === "derivative" && at.name !== "dl";
    const form = derivative && board.form === "paths" ? "paths" : "delta";
    return [...parts, derivative ? this.#forms(form) : null, ...this.#derivation(at, form), this.#about(line), this.#followers(at)];
  }

  /** @param {string} form */
  #forms(form) {
    const choice = (/** @type {string} */ value) => h("label", {},
      h("input", {
        type: "radio", name: "form", value, id: `form-${value}`, checked: form === value,
        onchange: () => {
          this.board.form = value;
          this.board.say("open");
        },
      }), ` ${this.view.words.say(value)}`);
    return h("fieldset", { class: "forms" }, h("legend", { class: "offscreen" }, this.view.words.say("form")), choice("delta"), choice("paths"));
  }

  /** @param {Place} at @param {string} form */
  #derivation(at, form) {
    const { view, board } = this;
    const wrong = board.data.mistakes[board.mistake];
    const mistaken = wrong && wrong.output === at.name && wrong.line ? wrong.line : undefined;
    /** @type {Expression} */
    let expression;
    try {
      if (form === "paths") expression = new Paths(board.machine, board.v).expression(at.name, at.place);
      else {
        const opening = new Opener(board.machine, board.v).open(at.name, at.place, mistaken);
        if (!opening) return [];
        expression = opening.expression;
      }
    } catch (error) {
      if (error instanceof TooManyPaths) return [h("p", {}, view.words.say("too many paths"))];
      throw error;
    }
    const rows = [this.#row(expression, false)];
    if (quantities(expression).length || form === "paths") rows.push(this.#row(expression, true));
    rows.push(h("tr", {}, h("td", {}, "="), h("td", { class: "value" }, view.numberText(at, LONG))));
    const copy = view.copier("copy latex", () => {
      const left = view.latex.address(at.name, at.place);
      return `${left} = ${view.latex.inline(expression)} = ${view.latex.inline(expression, true)} = ${view.latex.number(board.number(at) ?? NaN)}`;
    });
    return [h("table", { class: "derivation", role: "presentation" }, h("tbody", {}, ...rows)), this.#factors(at, expression), copy];
  }

  /** @param {Expression} expression @param {boolean} numbers */
  #row(expression, numbers) {
    return h("tr", {}, h("td", {}, "="), h("td", {}, ...this.view.equation(expression, numbers)));
  }

  /** The numbers in it, each to be opened. @param {Place} own the opened one @param {Expression} expression */
  #factors(own, expression) {
    /** @type {Map<string, Place>} */
    const found = new Map();
    const collect = (/** @type {Expression} */ node) => {
      if (node.kind === "quantity") found.set(address(node.name, node.place), { name: node.name, place: node.place });
      if (node.kind === "partial") {
        const name = this.board.machine.derivativeOf.get(node.by.name);
        if (name) found.set(address(name, node.by.place), { name, place: node.by.place });
        else found.set(address(node.by.name, node.by.place), node.by);
      }
      below(node).forEach(collect);
    };
    collect(expression);
    found.delete(address(own.name, own.place)); // a path's last factor is by the element itself
    if (!found.size) return null;
    const items = [...found.values()].map((at) => h("li", {}, this.#link(at)));
    return h("div", {}, h("h3", {}, this.view.words.say("made of")), h("ul", { class: "factors" }, ...items));
  }

  /** @param {Place} at */
  #link(at) {
    const value = this.view.numberText(at, LONG);
    const name = markup("math", this.view.math.address(at.name, at.place), { "aria-hidden": "true" });
    const text = this.#plainName(at);
    return h("span", { class: "factor", "data-at": address(at.name, at.place) }, name,
      h("button", { type: "button", class: "link", "data-at": address(at.name, at.place), "aria-label": `${text} = ${value}` }, `= ${value || this.view.words.say("blank")}`));
  }

  /** @param {import("./types.d.ts").Line} line */
  #about(line) {
    const { words } = this.view;
    return h("p", { class: "note" }, `${line.rule}: ${line.formula || words.say("random")}`, h("br"), line.owner, line.reason ? `. ${line.reason}` : "", line.source ? h("span", {}, h("br"), line.source) : "");
  }

  /** @param {Place} at */
  #origin(at) {
    const role = this.board.data.values[at.name].role;
    return this.view.words.say(role === "parameter" ? "is parameter" : role === "state" ? "is state" : role === "optimizer" && at.name !== "lr" ? "is optimizer" : "is given");
  }

  /** What belongs to it and what takes it. @param {Place} at */
  #followers(at) {
    const { data } = this.board;
    /** @type {Place[]} */
    const own = [];
    for (const [name, value] of Object.entries(data.values)) {
      const same = JSON.stringify(value.shape) === JSON.stringify(data.values[at.name].shape);
      if (same && ((value.of === at.name && value.role === "derivative") || value.updates === at.name)) own.push({ name, place: at.place });
    }
    const users = data.lines.filter((line) => line.inputs.includes(at.name)).map((line) => line.output);
    const list = users.map((name) => h("button", { type: "button", class: "link", "data-line": name }, name));
    return h("div", { class: "followers" },
      own.length ? h("div", {}, h("h3", {}, this.view.words.say("belongs")), h("ul", { class: "factors" }, ...own.map((o) => h("li", {}, this.#link(o))))) : null,
      list.length ? h("p", { class: "note" }, `${this.view.words.say("taken by")} `, ...list.flatMap((b, k) => (k ? [", ", b] : [b]))) : null,
    );
  }

  /** The field in which a number is changed: typed, dragged, by arrow keys. @param {Place} at */
  #editor(at) {
    const { view, board } = this;
    const { words } = view;
    const value = board.number(at) ?? 0;
    const { whole, bound: most } = board.kind(at);
    const current = () => {
      const now = board.number(at) ?? 0;
      return Number.isFinite(now) ? now : 0; // after a training that diverged
    };
    const unit = () => {
      const now = Math.abs(current());
      return whole ? 1 : now === 0 ? 0.01 : 10 ** (Math.floor(Math.log10(now)) - 1);
    };
    const input = h("input", { type: "text", id: "edit", inputmode: "decimal", class: "edit", role: "spinbutton", autocomplete: "off", "aria-label": `${words.say("change")} ${this.#plainName(at)}`, "aria-valuenow": value });
    input.value = words.local(String(value));
    const note = h("p", { class: "note", role: "alert" });
    const put = (/** @type {number} */ to, together = false) => {
      const taken = board.set(at, to, { together });
      note.textContent = taken ? "" : whole && most !== undefined ? words.say("not whole", { most: most - 1 }) : words.say("not taken");
      if (taken) show(to);
    };
    const show = (/** @type {number} */ now) => {
      last = input.value = words.local(String(now));
      input.setAttribute("aria-valuenow", String(now));
    };
    this.field = { follow: () => {
      const now = board.number(at) ?? 0;
      if (input.value === last && last !== words.local(String(now))) show(now);
    } };
    const step = (/** @type {number} */ count, together = false) => {
      const by = unit();
      put(Number((current() + count * by).toPrecision(12)), together);
    };
    let last = input.value;
    const take = () => {
      if (input.value === last) return; // it was taken by Enter, or the field goes away
      last = input.value;
      const found = view.read(input.value);
      if (found === null) note.textContent = words.say("not a number");
      else if (found !== board.number(at)) put(found);
    };
    input.addEventListener("change", take);
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      /** @type {Record<string, number>} */
      const counts = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
      if (event.key === "Escape") input.value = last; // what was typed is given up; the page goes back
      if (event.key === "Enter") take();
      else if (event.key in counts) step(counts[event.key] * (event.shiftKey ? 10 : 1), true);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const handle = h("button", { type: "button", class: "handle", "aria-label": words.say("drag"), title: words.say("drag") }, "\u2194");
    handle.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      handle.setPointerCapture(event.pointerId);
      const start = event.clientX;
      const from = current();
      const by = unit() / (whole ? 24 : 4);
      let together = false;
      input.focus({ preventScroll: true });
      const move = (/** @type {PointerEvent} */ e) => {
        const raw = from + (e.clientX - start) * by;
        put(whole ? Math.round(raw) : Number(raw.toPrecision(6)), together);
        together = true;
      };
      const stop = () => handle.removeEventListener("pointermove", move);
      handle.addEventListener("pointermove", move);
      handle.addEventListener("pointerup", stop, { once: true });
      handle.addEventListener("pointercancel", stop, { once: true });
      event.preventDefault();
    });
    handle.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      step(event.key === "ArrowRight" ? 1 : -1, true);
      event.preventDefault();
      event.stopPropagation();
    });
    return h("div", { class: "editor" }, h("div", { class: "field" }, input, handle), note, this.#told());
  }

  /** What the gradient predicted for the last change, and what came. */
  #told() {
    const { words } = this.view;
    const { change } = this.board;
    const at = this.board.trail[this.board.trail.length - 1];
    const element = h("dl", { class: "told" });
    if (!change || !at || address(change.at.name, change.at.place) !== address(at.name, at.place)) return element;
    const before = this.board.before?.L[0] ?? NaN;
    const rows = [
      [words.say("was"), words.number(change.from, LONG)],
      [words.say("loss before"), words.number(before, LONG)],
      ...(change.predicted === null ? [] : [[words.say("predicted"), words.number(change.predicted, LONG)]]),
      [words.say("came"), words.number(change.came, LONG)],
    ];
    element.append(...rows.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]));
    return element;
  }
}

