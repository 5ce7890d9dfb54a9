// Runs the lines: forward, loss, backward, update, on the arrays by name.
// @ts-check
import { count } from "./digits.js";
import { drawMask, erf, erfc } from "./functions.js";

/** @typedef {import("./types.d.ts").Data} Data */
/** @typedef {import("./types.d.ts").Arrays} Arrays */
/** @typedef {import("./types.d.ts").Functions} Functions */

const OWN = { erf, erfc };

/**
 * The values that a page begins with, as arrays.
 * @param {Data} data
 * @returns {Arrays}
 */
export function firstNumbers(data) {
  /** @type {Arrays} */
  const arrays = {};
  for (const [name, stored] of Object.entries(data.numbers)) arrays[name] = decoded(stored);
  return arrays;
}

/**
 * Numbers as they are stored: a list, or {f32 | f64: base64}.
 * @param {any} stored
 * @returns {Float64Array}
 */
export function decoded(stored) {
  if (Array.isArray(stored)) return Float64Array.from(stored, (n) => (typeof n === "string" ? Number(n) : n));
  const [kind, text] = Object.entries(stored)[0];
  const bytes = Uint8Array.from(atob(/** @type {string} */ (text)), (c) => c.charCodeAt(0));
  if (kind === "u8") return Float64Array.from(bytes, (n) => n);
  return kind === "f32" ? Float64Array.from(new Float32Array(bytes.buffer)) : new Float64Array(bytes.buffer);
}

export class Machine {
  /**
   * @param {Data} data
   * @param {Functions} functions the lines' functions by the values that they set
   */
  constructor(data, functions) {
    this.data = data;
    this.functions = functions;
    this.places = new Map(data.lines.map((line, place) => [line.output, place]));
    /** The values that an update moves, each with the name of its new value. @type {[string, string][]} */
    this.updates = Object.entries(data.values)
      .filter(([, value]) => value.updates)
      .map(([name, value]) => [/** @type {string} */ (value.updates), name]);
    /** Of each value that has one the name of its derivative. @type {Map<string, string>} */
    this.derivativeOf = new Map();
    for (const [name, value] of Object.entries(data.values)) {
      if (value.role === "derivative" && value.of) this.derivativeOf.set(value.of, name);
    }
    /** What a training step starts from: everything that is not computed. */
    this.given = Object.keys(data.values).filter((name) => !this.places.has(name));
  }

  /**
   * The shape of a value for so many samples.
   * @param {string} name
   * @param {number} [samples]
   * @returns {number[]}
   */
  shape(name, samples = this.data.samples) {
    return this.data.values[name].shape.map((size) => (size === "N" ? samples : size));
  }

  /**
   * Computes the values of all lines, or of the named ones only.
   * @param {Arrays} given the values from outside; they stay as they are
   * @param {{samples?: number, only?: Set<string>, instead?: Functions}} [settings] `instead` has other functions for
   *   some of the lines: a mistake
   * @returns {Arrays}
   */
  run(given, { samples = this.data.samples, only, instead = {} } = {}) {
    /** @type {Arrays} */
    const v = { ...given };
    for (const segment of this.data.segments) {
      const loop = typeof segment === "number" ? null : segment;
      const lines = (loop ? loop.lines : [/** @type {number} */ (segment)])
        .map((place) => this.data.lines[place])
        .filter((line) => !only || only.has(line.output));
      for (const line of lines) v[line.output] = new Float64Array(count(this.shape(line.output, samples)));
      if (!loop) {
        for (const line of lines) this.#line(line, v, samples, instead);
        continue;
      }
      for (let step = 0; step < loop.times; step++) {
        const at = loop.backward ? loop.times - 1 - step : step;
        for (const line of lines) this.#functionOf(line, instead)(v, samples, OWN, at);
      }
    }
    return v;
  }

  /**
   * @param {import("./types.d.ts").Line} line
   * @param {Arrays} v
   * @param {number} samples
   * @param {Functions} instead
   */
  #line(line, v, samples, instead) {
    if (line.draw) drawMask(v[line.output], line.draw, v.clock[0]);
    else this.#functionOf(line, instead)(v, samples, OWN);
  }

  /** @param {import("./types.d.ts").Line} line @param {Functions} instead @returns {import("./types.d.ts").LineFunction} */
  #functionOf(line, instead) {
    return (Object.hasOwn(instead, line.output) ? instead : this.functions)[line.output]; // a value may be called toString
  }

  /**
   * What the next step starts from: updated values in their places, clocks one further.
   * @param {Arrays} v all values of this step
   * @returns {Arrays}
   */
  next(v) {
    /** @type {Arrays} */
    const given = {};
    for (const name of this.given) given[name] = v[name];
    for (const [name, updated] of this.updates) given[name] = v[updated];
    for (const name of this.data.clocks) given[name] = Float64Array.of(v[name][0] + 1);
    return given;
  }
}
