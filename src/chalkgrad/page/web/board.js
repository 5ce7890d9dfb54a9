// The state of the page: the numbers, the steps of training, what is open, and the way back.
// @ts-check
import { address, offset } from "./digits.js";
import { Interpreter } from "./interpreter.js";
import { Machine, firstNumbers } from "./machine.js";

/** @typedef {import("./types.d.ts").Arrays} Arrays */
/** @typedef {import("./types.d.ts").Data} Data */
/** @typedef {import("./types.d.ts").Functions} Functions */
/** @typedef {import("./types.d.ts").Place} Place */

/**
 * One step of the training: what it starts from, unless it was let go; the mistake with which the step before was
 * trained, -1 for none; whether somebody changed numbers in it, so that training does not lead to it again.
 * @typedef {{given: Arrays | null, loss: number, by: number, changed?: boolean}} Kept
 */

/** @typedef {{step: number, at: string, value: number | null}} Edit a change of a number, or (null) of a whole value, at a step */
/** @typedef {{steps: Kept[], now: number, given: Arrays, edits: Edit[], words: string}} Moment what undo goes back to */

/** So many steps keep their numbers, and so many numbers; of more every second step is computed again when it is looked at. */
const [KEPT, KEPT_NUMBERS] = [400, 12_000_000];
const UNDO = 200;

export class Board extends EventTarget {
  /**
   * @param {Data} data
   * @param {Functions} functions
   */
  constructor(data, functions) {
    super();
    for (const key of /** @type {const} */ (["values", "labels", "labelGlyphs", "bounds", "aliases"])) {
      Object.setPrototypeOf(data[key], null); // a layer, a label or a link may be called "constructor"
    }
    this.data = data;
    this.machine = new Machine(data, functions);
    /** @type {Arrays} */
    this.given = firstNumbers(data);
    /** All values of the current step. @type {Arrays} */
    this.v = this.machine.run(this.given);
    /** What the values were before the last change; null where nothing was changed. @type {Arrays | null} */
    this.before = null;
    /** The last change: its address, and the loss that the gradient predicted. */
    /** @type {{at: Place, from: number, to: number, predicted: number | null, came: number} | null} */
    this.change = null;
    /** @type {Kept[]} */
    this.steps = [{ given: this.given, loss: this.loss, by: -1 }];
    this.now = 0;
    /** How many lines are computed; the others are blank. */
    this.cursor = data.lines.length;
    this.sample = 0;
    /** The changes since the page was opened. @type {Edit[]} */
    this.edits = [];
    /** @type {Moment[]} */
    this.undone = [];
    /** @type {Moment[]} */
    this.redone = [];
    /** The numbers that are open, each in the one before. @type {Place[]} */
    this.trail = [];
    this.form = "delta";
    /** The number of the mistake that the lines are computed with; -1 for none. */
    this.mistake = -1;
    /** The values without the mistake. @type {Arrays | null} */
    this.right = null;
    this.guessing = false;
  }

  /** The loss of the current step. */
  get loss() {
    return this.v.L[0];
  }

  /** Whether a line is computed at the cursor. @param {string} name */
  isComputed(name) {
    const place = this.machine.places.get(name);
    return place === undefined || place < this.cursor;
  }

  /** An element's number; null where it is still blank. @param {Place} at @returns {number | null} */
  number(at) {
    return this.isComputed(at.name) ? this.v[at.name][offset(at.place, this.machine.shape(at.name))] : null;
  }

  /** An element's number before the last change; null where it is the same. @param {Place} at @returns {number | null} */
  earlier(at) {
    const other = this.right ?? this.before;
    if (!other || !other[at.name] || !this.isComputed(at.name)) return null;
    const place = offset(at.place, this.machine.shape(at.name));
    const [was, is] = [other[at.name][place], this.v[at.name][place]];
    return Object.is(was, is) || was === is ? null : was;
  }

  /** Whether somebody may change the value. @param {string} name */
  isChangeable(name) {
    return !this.machine.places.has(name) && !this.data.clocks.includes(name);
  }

  /** Says that something is different. @param {string} [what] */
  say(what = "numbers") {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }

  // -- numbers ------------------------------------------------------------------------------------------------

  /**
   * Whether an element is a whole number, and which number it must be below.
   * @param {Place} at
   * @returns {{whole: boolean, bound: number | undefined}}
   */
  kind(at) {
    const { parts, values, bounds } = this.data;
    if (at.name !== "x" || !parts.length) return { whole: values[at.name].whole, bound: bounds[at.name] };
    const part = parts.find(([begin, end]) => begin <= at.place[1] && at.place[1] < end);
    return { whole: part !== undefined, bound: part?.[2] };
  }

  /**
   * Changes a number from outside; keeps what the values were before.
   * @param {Place} at
   * @param {number} value
   * @param {{together?: boolean}} [settings] together: it goes on with the last change, as in a drag
   * @returns {boolean} whether it is a number that this element may have
   */
  set(at, value, { together = false } = {}) {
    if (!this.isChangeable(at.name) || !Number.isFinite(value)) return false;
    const { whole, bound } = this.kind(at);
    if (whole && (!Number.isInteger(value) || value < 0 || (bound !== undefined && value >= bound))) return false;
    const place = offset(at.place, this.machine.shape(at.name));
    const goesOn = together && this.change !== null && address(this.change.at.name, this.change.at.place) === address(at.name, at.place);
    const start = goesOn && this.before ? this.before : this.v;
    const from = start[at.name][place];
    if (!goesOn) this.#remember(address(at.name, at.place));
    const array = Float64Array.from(this.given[at.name]);
    array[place] = value;
    this.given = { ...this.given, [at.name]: array };
    this.before = start;
    this.#compute();
    const slope = this.#slope(at.name, start)?.[place];
    const predicted = slope === undefined ? null : start.L[0] + slope * (value - from);
    this.change = { at, from, to: value, predicted, came: this.loss };
    this.#changed();
    const own = address(at.name, at.place);
    this.edits = [...this.edits.filter((edit) => edit.step !== this.now || edit.at !== own), { step: this.now, at: own, value }];
    this.say();
    return true;
  }

  /** The derivative of the loss by a value, where the lines compute it. @param {string} name @param {Arrays} v */
  #slope(name, v) {
    const found = this.machine.derivativeOf.get(name);
    return found === undefined ? undefined : v[found];
  }

  /**
   * Puts other arrays in the place of given ones, as one change.
   * @param {Arrays} arrays
   * @param {string} words
   * @param {{together?: boolean}} [settings] together: it goes on with the last change, as in a stroke of the pen
   */
  setArrays(arrays, words, { together = false } = {}) {
    if (!together || !this.before) {
      this.#remember(words);
      this.before = this.v;
    }
    this.change = null;
    this.given = { ...this.given, ...arrays };
    this.#compute();
    this.#changed();
    const whole = Object.keys(arrays).map((name) => ({ step: this.now, at: name, value: null }));
    this.edits = [...this.edits.filter((edit) => !whole.some((one) => one.step === edit.step && one.at === edit.at)), ...whole];
    this.say();
  }

  /** The current step has other numbers than training gives; the later ones are cut off. */
  #changed() {
    this.steps[this.now] = { given: this.given, loss: this.loss, by: this.steps[this.now].by, changed: true };
    this.#cut();
  }

  #compute() {
    this.right = this.mistake < 0 ? null : this.machine.run(this.given);
    this.v = this.right ? this.#run(this.given, this.mistake) : this.machine.run(this.given);
  }

  /** All values, computed with a mistake or (-1) without. @param {Arrays} given @param {number} mistake */
  #run(given, mistake) {
    const record = this.data.mistakes[mistake];
    return this.machine.run(given, record ? { instead: { [record.output]: new Interpreter(this.machine).functionOf(record) } } : {});
  }

  /** Computes with one of the usual mistakes, or without. @param {number} mistake its number, -1 for none */
  choose(mistake) {
    this.mistake = mistake;
    this.before = null;
    this.change = null;
    this.#compute();
    this.say();
  }

  // -- steps of training -----------------------------------------------------------------------------------------

  /** Trains so many steps on from here; later steps are cut off. @param {number} [count] */
  train(count = 1) {
    if (!this.machine.updates.length) return;
    if (!this.playing || this.now < this.steps.length - 1) this.#remember("training");
    this.#cut();
    for (let k = 0; k < count; k++) {
      this.given = this.machine.next(this.v);
      this.#compute();
      this.steps.push({ given: this.given, loss: this.loss, by: this.mistake });
      this.now++;
      this.#thin();
    }
    this.before = null;
    this.change = null;
    this.cursor = this.data.lines.length;
    this.say("step");
  }

  playing = false;

  /** Goes to a step of the training. @param {number} step */
  go(step) {
    const to = Math.max(0, Math.min(step, this.steps.length - 1));
    let from = to;
    while (!this.steps[from].given) from--;
    this.given = /** @type {Arrays} */ (this.steps[from].given);
    while (from < to) this.given = this.machine.next(this.#run(this.given, this.steps[++from].by));
    this.#compute();
    this.now = to;
    this.before = null;
    this.change = null;
    this.say("step");
  }

  #cut() {
    if (this.now < this.steps.length - 1) this.steps = this.steps.slice(0, this.now + 1);
    this.edits = this.edits.filter((edit) => edit.step <= this.now);
  }

  #thin() {
    const numbers = this.machine.updates.reduce((sum, [name]) => sum + this.given[name].length, 1);
    const most = Math.max(8, Math.min(KEPT, Math.floor(KEPT_NUMBERS / numbers)));
    if (this.steps.filter((step) => step.given && !step.changed).length <= most) return;
    let kept = 0;
    this.steps = this.steps.map((step, place) =>
      step.given && !step.changed && place && place < this.steps.length - 1 && kept++ % 2 ? { ...step, given: null } : step,
    );
  }

  /** Moves the cursor over the lines. @param {number} cursor */
  setCursor(cursor) {
    this.cursor = Math.max(0, Math.min(cursor, this.data.lines.length));
    this.say("cursor");
  }

  // -- the way back ------------------------------------------------------------------------------------------------

  /** @param {string} words */
  #moment(words) {
    return { steps: [...this.steps], now: this.now, given: this.given, edits: this.edits, words };
  }

  /** @param {string} words */
  #remember(words) {
    this.undone.push(this.#moment(words));
    if (this.undone.length > UNDO) this.undone.shift();
    this.redone = [];
  }

  undo() {
    this.#return(this.undone, this.redone);
  }

  redo() {
    this.#return(this.redone, this.undone);
  }

  /** @param {Moment[]} from @param {Moment[]} to */
  #return(from, to) {
    const moment = from.pop();
    if (!moment) return;
    to.push(this.#moment(moment.words));
    [this.steps, this.now, this.given, this.edits] = [moment.steps, moment.now, moment.given, moment.edits];
    this.before = this.v;
    this.change = null;
    this.#compute();
    this.say("step");
  }

  // -- what is open ------------------------------------------------------------------------------------------------

  /** Opens a number; `inside`: in the one that is open. @param {Place} at @param {boolean} [inside] */
  open(at, inside = false) {
    const own = address(at.name, at.place);
    const there = this.trail.findIndex((one) => address(one.name, one.place) === own);
    this.trail = !inside ? [at] : there < 0 ? [...this.trail, at] : this.trail.slice(0, there + 1); // no way in circles
    this.say("open");
  }

  /** Goes back to an earlier number of the trail. @param {number} [depth] */
  back(depth = this.trail.length - 2) {
    this.trail = this.trail.slice(0, depth + 1);
    this.say("open");
  }
}
