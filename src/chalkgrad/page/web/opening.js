// Opens one element: its line's formula with numbers for the indices, and the terms that made it.
// @ts-check
import { offset } from "./digits.js";
import { erf, erfc } from "./functions.js";

/** @typedef {import("./types.d.ts").Tree} Tree */
/** @typedef {import("./types.d.ts").Line} Line */
/** @typedef {import("./types.d.ts").Expression} Expression */
/** @typedef {Record<string, number>} At the indices' values by their letters */
/** @typedef {{name: string, place: number[], line: Line, expression: Expression, value: number}} Opening */

/** A window of so many places at most is shown whole where the place of its maximum is asked for. */
const WINDOW = 64;

/** @type {Record<string, (...numbers: number[]) => number>} */
const CALLS = {
  exp: Math.exp, log: Math.log, sqrt: Math.sqrt, tanh: Math.tanh, sin: Math.sin, cos: Math.cos, erf, erfc,
  abs: Math.abs, max: Math.max, min: Math.min, sign: Math.sign,
};

/** @type {Record<string, (a: number, b: number) => number>} */
const SIGNS = {
  "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "^": Math.pow,
  "<=": (a, b) => +(a <= b), ">=": (a, b) => +(a >= b), "<": (a, b) => +(a < b), ">": (a, b) => +(a > b),
  "=": (a, b) => +(a === b),
};

/** @param {number} value @returns {Expression} */
export const numeral = (value) => ({ kind: "number", value });

/** @param {string} sign @param {Expression} left @param {Expression} right @returns {Expression} */
export const binary = (sign, left, right) => ({ kind: "binary", sign, left, right });

/** @param {Expression} node @param {number} value */
const is = (node, value) => node.kind === "number" && node.value === value;

/**
 * `left sign right` without zeros and ones that change nothing.
 * @param {string} sign @param {Expression} left @param {Expression} right
 * @returns {Expression}
 */
function shortened(sign, left, right) {
  if (sign === "*" && (is(left, 0) || is(right, 0))) return numeral(0);
  if (sign === "+" && is(left, 0)) return right;
  if (sign === "*" && is(right, 1)) return left;
  if (sign === "*" && is(left, 1)) return right;
  if ((sign === "+" || sign === "-") && is(right, 0)) return left;
  return binary(sign, left, right);
}

/**
 * The expressions directly below.
 * @param {Expression} node
 * @returns {Expression[]}
 */
export function below(node) {
  switch (node.kind) {
    case "minus": return [node.body];
    case "binary": case "holds": return [node.left, node.right];
    case "call": return node.arguments;
    case "terms": return node.terms;
    case "extreme": return node.entries;
    default: return [];
  }
}

/**
 * Every named number of an expression, from left to right.
 * @param {Expression} node
 * @returns {Extract<Expression, {kind: "quantity"}>[]}
 */
export function quantities(node) {
  return node.kind === "quantity" ? [node] : below(node).flatMap(quantities);
}

/**
 * The number of an expression.
 * @param {Expression} node
 * @returns {number}
 */
export function total(node) {
  switch (node.kind) {
    case "minus": return -total(node.body);
    case "binary": case "holds": return SIGNS[node.sign](total(node.left), total(node.right));
    case "call": return CALLS[node.name](...node.arguments.map(total));
    case "terms": return node.terms.reduce((sum, term) => sum + total(term), node.rest);
    default: return node.value;
  }
}

export class Opener {
  /**
   * @param {import("./machine.js").Machine} machine
   * @param {import("./types.d.ts").Arrays} v the values of a pass
   * @param {number} [most] the most terms of a sum that are shown; of longer ones the largest
   */
  constructor(machine, v, most = 6) {
    this.machine = machine;
    this.v = v;
    this.most = most;
    this.samples = machine.data.samples;
  }

  /**
   * The opening of an element; null where its value comes from outside or is drawn at random.
   * @param {string} name @param {number[]} place
   * @param {Line} [other] another line for the value: a mistake
   * @returns {Opening | null}
   */
  open(name, place, other) {
    const at = this.machine.places.get(name);
    const line = other ?? (at === undefined ? undefined : this.machine.data.lines[at]);
    if (!line || line.draw) return null;
    const work = new Work(this, line);
    /** @type {Expression[]} */
    const nodes = [];
    /** @type {number[]} */
    const values = [];
    for (const setting of work.settings(place)) {
      const value = work.value(line.body, setting);
      if (value === null) continue;
      values.push(value);
      nodes.push(/** @type {Expression} */ (work.ground(line.body, setting)));
    }
    if (!line.adds && nodes.length === 1) return { name, place, line, expression: nodes[0], value: values[0] };
    const value = values.reduce((sum, one) => sum + one, 0);
    return { name, place, line, expression: work.chosen(nodes, values), value };
  }

  /**
   * An element's number by another line than its own.
   * @param {string} name @param {number[]} place @param {Line} line
   */
  value(name, place, line) {
    const work = new Work(this, line);
    return work.settings(place).reduce((sum, setting) => sum + (work.value(line.body, setting) ?? 0), 0);
  }
}

/** The work on one line. */
class Work {
  /** @param {Opener} opener @param {Line} line */
  constructor(opener, line) {
    this.opener = opener;
    this.line = line;
    this.v = opener.v;
    this.machine = opener.machine;
  }

  /** @param {string} letter */
  size(letter) {
    const size = this.line.sizes[letter];
    return size === "N" ? this.opener.samples : size;
  }

  /** Every setting of the indices on the left that falls on the place. @param {number[]} place @returns {At[]} */
  settings(place) {
    /** @type {At} */
    const fixed = {};
    /** @type {[Tree, number][]} */
    const others = [];
    this.line.place.forEach((tree, axis) => {
      if (typeof tree === "string" && tree in this.line.sizes && !(tree in fixed)) fixed[tree] = place[axis];
      else others.push([tree, place[axis]]);
    });
    let found = [fixed];
    for (const [tree, target] of others) {
      const letters = lettersOf(tree).filter((letter) => letter in this.line.sizes && !(letter in fixed));
      found = found.flatMap((setting) =>
        this.#combinations(letters.filter((l) => !(l in setting)))
          .map((more) => ({ ...setting, ...more }))
          .filter((all) => this.value(tree, all) === target),
      );
    }
    const free = this.#free().filter((letter) => !(letter in (found[0] ?? {})));
    return free.length ? found.flatMap((s) => this.#combinations(free).map((more) => ({ ...s, ...more }))) : found;
  }

  /** The indices that stand on the right only, and are not summed by a word: those of a line that adds. */
  #free() {
    if (!this.line.adds) return [];
    const bound = new Set();
    const names = new Set();
    (function look(/** @type {Tree} */ tree) {
      if (typeof tree === "string") names.add(tree);
      if (!Array.isArray(tree)) return;
      if (["sum", "mean", "max", "argmax"].includes(tree[0])) {
        for (const letter of tree[1]) bound.add(letter);
        look(tree[2]);
      } else tree.slice(tree[0] === "at" || tree[0] === "call" || tree[0] === "holds" ? 2 : 1).forEach(look);
    })(this.line.body);
    return [...names].filter((name) => name in this.line.sizes && !bound.has(name));
  }

  /** @param {string[]} letters @returns {At[]} */
  #combinations(letters) {
    /** @type {At[]} */
    let all = [{}];
    for (const letter of letters) {
      all = all.flatMap((one) => Array.from({ length: this.size(letter) }, (_, k) => ({ ...one, [letter]: k })));
    }
    return all;
  }

  /** A symbol's number: an index, the number of samples, or a value that is one number. @param {string} name @param {At} at */
  #symbol(name, at) {
    if (name in at) return at[name];
    return name === "N" && !(name in this.v) ? this.opener.samples : this.v[name][0];
  }

  /**
   * The place of an element; null where it is outside its array.
   * @param {Tree[]} indices @param {string} name @param {At} at
   */
  #place(indices, name, at) {
    const shape = this.machine.shape(name);
    const place = indices.map((index) => Math.round(this.value(index, at) ?? -1));
    return place.every((p, axis) => p >= 0 && p < shape[axis]) ? { place, at: offset(place, shape) } : null;
  }

  /**
   * A tree's number; null where it lies outside its array and no sum takes it as 0.
   * @param {Tree} tree @param {At} at
   * @returns {number | null}
   */
  value(tree, at) {
    if (typeof tree === "number") return tree;
    if (typeof tree === "string") return this.#symbol(tree, at);
    const [head, ...rest] = tree;
    switch (head) {
      case "infinite": return Number(rest[0]);
      case "at": {
        const found = this.#place(rest.slice(1), rest[0], at);
        return found && this.v[rest[0]][found.at];
      }
      case "minus": return negated(this.value(rest[0], at));
      case "+": case "-": {
        const [a, b] = [this.value(rest[0], at), this.value(rest[1], at)];
        return a === null && b === null ? null : SIGNS[head](a ?? 0, b ?? 0);
      }
      case "holds": return both(rest[0], this.value(rest[1], at), this.value(rest[2], at));
      case "call": {
        const values = rest.slice(1).map((/** @type {Tree} */ a) => this.value(a, at));
        return values.includes(null) ? null : CALLS[rest[0]](.../** @type {number[]} */ (values));
      }
      case "sum": case "mean": case "max": case "argmax": return this.#reduced(head, rest[0], rest[1], at);
      default: return both(head, this.value(rest[0], at), this.value(rest[1], at));
    }
  }

  /** @param {string} kind @param {string[]} letters @param {Tree} body @param {At} at */
  #reduced(kind, letters, body, at) {
    const adds = kind === "sum" || kind === "mean";
    let sum = 0;
    let best = -Infinity;
    let chosen = 0;
    let k = 0;
    this.#each(letters, at, (inner) => {
      const value = this.value(body, inner) ?? (adds ? 0 : -Infinity);
      sum += value;
      if (value > best) [best, chosen] = [value, k];
      k++;
    });
    return kind === "sum" ? sum : kind === "mean" ? sum / k : kind === "max" ? best : chosen;
  }

  /**
   * Calls for every combination of the letters' values; the last letter runs fastest.
   * @param {string[]} letters @param {At} at @param {(at: At) => void} each
   */
  #each(letters, at, each) {
    const inner = { ...at };
    const walk = (/** @type {number} */ depth) => {
      if (depth === letters.length) return each(inner);
      const size = this.size(letters[depth]);
      for (let k = 0; k < size; k++) {
        inner[letters[depth]] = k;
        walk(depth + 1);
      }
    };
    walk(0);
  }

  /**
   * A tree with its numbers; null where it lies outside its arrays.
   * @param {Tree} tree @param {At} at
   * @returns {Expression | null}
   */
  ground(tree, at) {
    if (typeof tree === "number") return numeral(tree);
    if (typeof tree === "string") {
      const known = tree in at || (tree === "N" && !(tree in this.v));
      const value = this.#symbol(tree, at);
      return known ? numeral(value) : { kind: "quantity", name: tree, place: [], value };
    }
    const [head, ...rest] = tree;
    switch (head) {
      case "infinite": return numeral(Number(rest[0]));
      case "at": {
        const found = this.#place(rest.slice(1), rest[0], at);
        return found && { kind: "quantity", name: rest[0], place: found.place, value: this.v[rest[0]][found.at] };
      }
      case "minus": {
        const body = this.ground(rest[0], at);
        return body && { kind: "minus", body };
      }
      case "+": case "-": {
        const [left, right] = [this.ground(rest[0], at), this.ground(rest[1], at)];
        if (left && right) return shortened(head, left, right);
        return right ? (head === "+" ? right : { kind: "minus", body: right }) : left;
      }
      case "holds": {
        const [left, right] = [this.ground(rest[1], at), this.ground(rest[2], at)];
        return left && right && { kind: "holds", sign: rest[0], left: folded(left), right: folded(right) };
      }
      case "call": {
        const found = rest.slice(1).map((/** @type {Tree} */ a) => this.ground(a, at));
        if (found.includes(null)) return null;
        return { kind: "call", name: rest[0], arguments: /** @type {Expression[]} */ (found) };
      }
      case "sum": case "mean": case "max": case "argmax": return this.#terms(head, rest[0], rest[1], at);
      default: {
        const [left, right] = [this.ground(rest[0], at), this.ground(rest[1], at)];
        return left && right && shortened(head, left, right);
      }
    }
  }

  /** @param {string} kind @param {string[]} letters @param {Tree} body @param {At} at @returns {Expression} */
  #terms(kind, letters, body, at) {
    /** @type {At[]} */
    const settings = [];
    /** @type {(number | null)[]} */
    const values = [];
    this.#each(letters, at, (inner) => {
      settings.push({ ...inner });
      values.push(this.value(body, inner));
    });
    const adds = kind === "sum" || kind === "mean";
    const choosing = kind === "argmax" && values.length <= WINDOW;
    const inside = settings.map((_, k) => k).filter((k) => choosing || values[k] !== null);
    const size = (/** @type {number} */ k) => values[k] ?? (adds ? 0 : -Infinity);
    const shown = largest(inside, size, choosing ? values.length : this.opener.most, adds);
    const terms = shown.map((k) => this.ground(body, settings[k]) ?? numeral(-Infinity));
    const omitted = inside.length - shown.length;
    if (!adds) {
      const value = /** @type {number} */ (this.#reduced(kind, letters, body, at));
      return { kind: "extreme", which: kind, entries: terms, omitted, value };
    }
    const others = inside.filter((k) => !shown.includes(k));
    const rest = others.reduce((sum, k) => sum + size(k), 0);
    const sum = simple(terms, omitted, rest, omitted > 0 && !others.some((k) => size(k)));
    return kind === "sum" ? sum : binary("/", sum, numeral(values.length));
  }

  /**
   * A sum of terms that are open already, with its largest.
   * @param {Expression[]} nodes @param {number[]} values
   */
  chosen(nodes, values) {
    /** @type {Expression[]} */
    const flat = [];
    /** @type {number[]} */
    const sizes = [];
    let omitted = 0;
    let rest = 0;
    nodes.forEach((node, k) => {
      if (node.kind !== "terms") {
        flat.push(node);
        sizes.push(values[k]);
        return;
      }
      flat.push(...node.terms);
      sizes.push(...node.terms.map(total));
      omitted += node.omitted;
      rest += node.rest;
    });
    const all = flat.map((_, k) => k);
    const shown = largest(all, (k) => sizes[k], this.opener.most, true);
    const others = all.filter((k) => !shown.includes(k));
    const zeros = others.length + omitted > 0 && !others.some((k) => sizes[k]) && rest === 0 && !omitted;
    const more = others.reduce((sum, k) => sum + sizes[k], rest);
    return simple(shown.map((k) => flat[k]), omitted + others.length, more, zeros);
  }
}

/** @param {Tree} tree @returns {string[]} */
function lettersOf(tree) {
  if (typeof tree === "string") return [tree];
  return Array.isArray(tree) ? [...new Set(tree.slice(tree[0] === "at" ? 2 : 1).flatMap(lettersOf))] : [];
}

/** @param {number | null} value */
const negated = (value) => (value === null ? null : -value);

/** @param {string} sign @param {number | null} a @param {number | null} b */
const both = (sign, a, b) => (a === null || b === null ? null : SIGNS[sign](a, b));

/** Arithmetic on indices alone as its number. @param {Expression} node */
const folded = (node) => (node.kind === "number" || quantities(node).length ? node : numeral(total(node)));

/**
 * Which terms are shown: all if they are few, else the largest first, of a sum those that are not 0.
 * @param {number[]} all @param {(k: number) => number} size @param {number} most @param {boolean} adds
 */
function largest(all, size, most, adds) {
  if (all.length <= most) return all;
  const weight = adds ? (/** @type {number} */ k) => -Math.abs(size(k)) : (/** @type {number} */ k) => -size(k);
  const order = [...all].sort((a, b) => weight(a) - weight(b) || a - b).slice(0, most);
  return adds ? order.filter((k) => size(k) !== 0) : order;
}

/**
 * A sum of one term as that term, and of none as 0.
 * @param {Expression[]} terms @param {number} omitted @param {number} rest @param {boolean} zeros
 * @returns {Expression}
 */
function simple(terms, omitted, rest, zeros) {
  if (omitted || terms.length > 1) return { kind: "terms", terms, omitted, rest, zeros };
  return terms[0] ?? numeral(0);
}

