// The paths form: every way from an element to the loss as a product of local derivatives, read off the backward lines.
// @ts-check
import { address } from "./digits.js";
import { binary, numeral, Opener, total } from "./opening.js";

/** @typedef {import("./types.d.ts").Expression} Expression */
/** @typedef {import("./types.d.ts").Place} Place */
/** @typedef {Extract<Expression, {kind: "partial"}>} Partial */
/** @typedef {{beside: Map<string, {at: Place, node: Expression}>, alone: Expression | null}} Linear */
/** @typedef {{first: Partial, rest: Path} | null} Path */
/** @typedef {{count: number, sum: number, longest: number, best: [number, Path][]}} Ways */

const LARGEST = 20000;
const LONGEST = 100;
const LOSS = "L";

export class TooManyPaths extends Error {}

export class Paths {
  /**
   * @param {import("./machine.js").Machine} machine
   * @param {import("./types.d.ts").Arrays} v
   * @param {number} [most] the most paths that are shown; of more the largest
   */
  constructor(machine, v, most = 6) {
    this.machine = machine;
    this.values = machine.data.values;
    this.opener = new Opener(machine, v, LARGEST);
    this.most = most;
    /** @type {Map<string, Partial[]>} */
    this.edges = new Map();
    /** @type {Map<string, Linear>} */
    this.helpers = new Map();
    /** @type {Map<string, Ways>} */
    this.known = new Map();
    /** @type {Map<string, Expression>} */
    this.made = new Map();
    this.size = 0;
  }

  /** The value whose derivative of the loss it is; null where it is none. @param {string} name */
  forward(name) {
    const value = this.values[name];
    return value && value.role === "derivative" ? value.of : null;
  }

  /**
   * The derivative of an element as a sum over paths: nested where they are few, else the largest.
   * @param {string} derivative @param {number[]} place
   * @returns {Expression}
   */
  expression(derivative, place) {
    const start = { name: this.forward(derivative) ?? "", place };
    const ways = this.#ways(start);
    if (!ways.count) return numeral(0);
    if (ways.longest > LONGEST) throw new TooManyPaths();
    if (ways.count <= 2 * this.most) return this.#nested(start);
    const terms = ways.best.map(([, path]) => product(path));
    const shown = terms.reduce((sum, term) => sum + total(term), 0);
    return { kind: "terms", terms, omitted: ways.count - terms.length, rest: ways.sum - shown, zeros: false };
  }

  /** The expression of a local derivative. @param {Partial} edge */
  local(edge) {
    return this.made.get(`${key(edge.of)}|${key(edge.by)}`) ?? numeral(edge.value);
  }

  /** The local derivatives out of a forward element. @param {Place} at @returns {Partial[]} */
  #out(at) {
    const own = key(at);
    let found = this.edges.get(own);
    if (found) return found;
    const linear = this.#linear(this.machine.derivativeOf.get(at.name) ?? "", at.place);
    found = [];
    const add = (/** @type {Place} */ of, /** @type {Expression} */ node) => {
      /** @type {Partial} */
      const edge = { kind: "partial", of, by: at, value: total(node) };
      /** @type {Partial[]} */ (found).push(edge);
      this.made.set(`${key(of)}|${own}`, node);
    };
    for (const { at: target, node } of linear.beside.values()) {
      add({ name: this.forward(target.name) ?? "", place: target.place }, node);
    }
    if (linear.alone) add({ name: LOSS, place: [] }, linear.alone);
    this.edges.set(own, found);
    this.size += found.length;
    if (this.size > LARGEST) throw new TooManyPaths();
    return found;
  }

  /** @param {string} name @param {number[]} place @returns {Linear} */
  #linear(name, place) {
    const opening = this.opener.open(name, place);
    return opening ? this.#split(opening.expression) : { beside: new Map(), alone: null };
  }

  /** An expression as what stands beside each derivative, and what stands alone. @param {Expression} node @returns {Linear} */
  #split(node) {
    switch (node.kind) {
      case "quantity": {
        const at = this.machine.places.get(node.name);
        if (at === undefined || this.machine.data.lines[at].part !== "backward") return { beside: new Map(), alone: node };
        const own = key(node);
        if (this.forward(node.name) !== null && node.name !== "dl") {
          return { beside: new Map([[own, { at: { name: node.name, place: node.place }, node: numeral(1) }]]), alone: null };
        }
        if (!this.helpers.has(own)) this.helpers.set(own, this.#linear(node.name, node.place));
        return /** @type {Linear} */ (this.helpers.get(own));
      }
      case "minus": return scaled(this.#split(node.body), minus);
      case "terms": return summed(node.terms.map((term) => this.#split(term)));
      case "binary": {
        if (node.sign === "+" || node.sign === "-") {
          const right = this.#split(node.right);
          return summed([this.#split(node.left), node.sign === "+" ? right : scaled(right, minus)]);
        }
        if (node.sign === "/") return scaled(this.#split(node.left), (n) => (one(node.right) ? n : binary("/", n, node.right)));
        if (node.sign !== "*") return { beside: new Map(), alone: node };
        const [first, second] = [this.#split(node.left), this.#split(node.right)];
        if (!second.beside.size) return scaled(first, (n) => times(n, second.alone));
        return scaled(second, (n) => times(first.alone, n));
      }
      default: return { beside: new Map(), alone: node };
    }
  }

  /** What is known of the paths from an element, found from the loss on. @param {Place} start @returns {Ways} */
  #ways(start) {
    const waiting = [start];
    while (waiting.length) {
      const at = waiting[waiting.length - 1];
      const edges = this.#out(at).filter((edge) => edge.value !== 0);
      const missing = edges.map((edge) => edge.of).filter((of) => of.name !== LOSS && !this.known.has(key(of)));
      if (missing.length) {
        waiting.push(...missing);
        continue;
      }
      waiting.pop();
      if (!this.known.has(key(at))) this.known.set(key(at), this.#combined(edges));
    }
    return /** @type {Ways} */ (this.known.get(key(start)));
  }

  /** @param {Partial[]} edges @returns {Ways} */
  #combined(edges) {
    /** @type {Ways} */
    const end = { count: 1, sum: 1, longest: 0, best: [[1, null]] };
    const each = edges.map((edge) => {
      const ways = edge.of.name === LOSS ? end : /** @type {Ways} */ (this.known.get(key(edge.of)));
      return { edge, ways };
    });
    /** @type {[number, Path][]} */
    const best = each.flatMap(({ edge, ways }) =>
      ways.best.map(([value, path]) => /** @type {[number, Path]} */ ([value * edge.value, { first: edge, rest: path }])),
    );
    best.sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]));
    return {
      count: each.reduce((sum, { ways }) => sum + ways.count, 0),
      sum: each.reduce((sum, { edge, ways }) => sum + edge.value * ways.sum, 0),
      longest: 1 + Math.max(0, ...each.map(({ ways }) => ways.longest)),
      best: best.slice(0, this.most),
    };
  }

  /** @param {Place} start @returns {Expression} */
  #nested(start) {
    const terms = this.#out(start)
      .filter((edge) => edge.value !== 0 && (edge.of.name === LOSS || this.#ways(edge.of).count))
      .map((edge) => (edge.of.name === LOSS ? edge : binary("*", this.#nested(edge.of), edge)));
    return terms.length === 1 ? terms[0] : { kind: "terms", terms, omitted: 0, rest: 0, zeros: false };
  }
}

/** @param {Place} at */
const key = (at) => address(at.name, at.place);

/** @param {Expression} node */
const one = (node) => node.kind === "number" && node.value === 1;

/** @param {Expression} node @returns {Expression} */
function minus(node) {
  if (node.kind === "minus") return node.body;
  return node.kind === "number" ? numeral(-node.value) : { kind: "minus", body: node };
}

/** @param {Expression | null} left @param {Expression | null} right @returns {Expression} */
function times(left, right) {
  if (!left || !right) throw new TooManyPaths();
  if (one(left)) return right;
  if (one(right)) return left;
  return left.kind === "number" && left.value === -1 ? minus(right) : binary("*", left, right);
}

/** @param {Linear} linear @param {(node: Expression) => Expression} by @returns {Linear} */
function scaled(linear, by) {
  const beside = new Map([...linear.beside].map(([own, { at, node }]) => [own, { at, node: by(node) }]));
  return { beside, alone: linear.alone && by(linear.alone) };
}

/** @param {Linear[]} summands @returns {Linear} */
function summed(summands) {
  /** @type {Linear} */
  const all = { beside: new Map(), alone: null };
  for (const summand of summands) {
    for (const [own, { at, node }] of summand.beside) {
      all.beside.set(own, { at, node: plus(all.beside.get(own)?.node ?? null, node) });
    }
    if (summand.alone) all.alone = plus(all.alone, summand.alone);
  }
  return all;
}

/** @param {Expression | null} sum @param {Expression} node @returns {Expression} */
function plus(sum, node) {
  if (!sum) return node;
  const terms = sum.kind === "terms" ? sum.terms : [sum];
  return { kind: "terms", terms: [...terms, node], omitted: 0, rest: 0, zeros: false };
}

/** The product of a path's local derivatives, that of the loss first. @param {Path} path @returns {Expression} */
function product(path) {
  /** @type {Expression[]} */
  const factors = [];
  for (let at = path; at; at = at.rest) factors.push(at.first);
  return factors.reverse().reduce((left, right) => binary("*", left, right));
}
