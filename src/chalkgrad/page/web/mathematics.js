// Prints expressions as text, MathML and LaTeX, in symbols or with their numbers.
// @ts-check
import { address, significant } from "./digits.js";

/** @typedef {import("./types.d.ts").Expression} Expression */
/** @typedef {import("./types.d.ts").Glyph} Glyph */
/** @typedef {import("./types.d.ts").Place} Place */

/** How tightly a piece holds together; one that is looser than its surroundings need gets brackets. */
const SUM = 1;
const PRODUCT = 2;
const POWER = 3;
const ATOM = 4;

/** @type {Record<string, string>} */
const GREEK = {
  gamma: "γ", beta: "β", mu: "μ", alpha: "α", eps: "ε", eta: "η", delta: "δ", sigma: "σ", rho: "ρ", theta: "θ",
};

/** @param {string} text */
export function escaped(text) {
  return text.replace(/[&<>"']/g, (c) => `&${{ "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#x27" }[c]};`);
}

/** The walk over an expression that all printers share. */
class Printer {
  /**
   * @param {import("./types.d.ts").Data} data
   * @param {number} [digits]
   * @param {(text: string) => string} [words] turns a number's text into the reader's language: a decimal comma
   */
  constructor(data, digits = 6, words = (text) => text) {
    this.data = data;
    this.precision = digits;
    this.words = words;
    this.fractions = false;
    this.times = " * ";
    this.brackets = ["(", ")"];
    this.minus = "-";
  }

  /** An expression in one line. @param {Expression} node @param {boolean} [numbers] */
  inline(node, numbers = false) {
    return this.piece(node, numbers)[0];
  }

  /** An expression in pieces between which a line may end: a sum's terms with their signs, the factors after a sum. @param {Expression} node @param {boolean} [numbers] @returns {string[]} */
  broken(node, numbers = false) {
    if (node.kind === "binary" && node.sign === "*") {
      const pieces = this.broken(node.left, numbers);
      if (pieces.length === 1) return [this.inline(node, numbers)];
      const whole = node.left.kind === "binary" && node.left.sign === "*"; // its sum stands in brackets already
      const [before, after] = whole ? ["", ""] : this.brackets;
      pieces[0] = before + pieces[0];
      pieces[pieces.length - 1] += after;
      return [...pieces, this.continued(this.fractions ? "\u00b7" : "*", this.held(node.right, numbers, POWER))];
    }
    const [first, ...others] = this.summands(node, numbers);
    if (!others.length) return [this.inline(node, numbers)];
    return [this.joined([first]), ...others.map(([sign, piece]) => this.continued(sign, piece))];
  }

  /** The summands of an expression with their signs; one where it is no sum. @param {Expression} node @param {boolean} numbers @returns {[string, string][]} */
  summands(node, numbers) {
    if (node.kind === "terms" && node.terms.length > 1) return this.signed(node, numbers);
    if (node.kind !== "binary" || (node.sign !== "+" && node.sign !== "-")) return [["", this.held(node, numbers, SUM, true)]];
    return [...this.summands(node.left, numbers), [node.sign, this.held(node.right, numbers, node.sign === "+" ? SUM : PRODUCT)]];
  }

  // What each printer says in its own way.
  /** @param {string} words @returns {string} */ text(words) { return words; }
  /** @param {string} text @returns {string} */ digits(text) { return this.words(text); }
  /** @param {string} inner @returns {string} */ bracketed(inner) { return `(${inner})`; }
  /** @param {string} name @param {string[]} place @returns {string} */ name(name, place) { return place.length ? `${name}[${place.join(", ")}]` : name; }
  /** @param {string} label @param {string} mark @returns {string} */ label(label, mark) { return mark ? `${label}_${mark}` : label; }
  /** @param {string} of @param {string} by @returns {string} */ derivative(of, by) { return `∂${of}/∂${by}`; }
  /** @param {string} derivative @param {string} value @returns {string} */ share(derivative, value) { return `${derivative}|${value}`; }
  /** @param {string} above @param {string} under @returns {string} */ fraction(above, under) { return `${above} / ${under}`; }
  /** @param {string} base @param {string} exponent @returns {string} */ power(base, exponent) { return `${base}^${exponent}`; }
  /** @param {string} name @param {string[]} inner @returns {string} */ call(name, inner) { return `${name}(${inner.join(", ")})`; }
  /** @param {string} left @param {string} sign @param {string} right @returns {string} */ holds(left, sign, right) { return `[${left} ${sign} ${right}]`; }
  /** @param {[string, string][]} pieces @returns {string} */
  joined(pieces) {
    if (!pieces.length) return "0";
    return pieces.map(([sign, piece], k) => (k ? ` ${sign} ${piece}` : `${sign}${piece}`)).join("");
  }
  /** @param {string} sign @param {string} piece @returns {string} */ continued(sign, piece) { return this.joined([[sign, piece]]); }
  /** @param {string} left @param {string} right @returns {string} */ multiplied(left, right) { return `${left}${this.times}${right}`; }

  /** @param {number} value */
  number(value) {
    return this.digits(significant(value, this.precision));
  }

  /** An element's name: its label, its derivative's fraction, or its value's name with indices. @param {string} name @param {number[]} place @returns {string} */
  address(name, place) {
    const { labels, values } = this.data;
    const own = labels[address(name, place)];
    if (own !== undefined) return this.label(own, "");
    const value = values[name];
    const base = value && value.updates ? labels[address(value.updates, place)] : undefined;
    if (base !== undefined) return this.label(base, "new");
    if (value && value.of) return this.ofLoss(name, value.of, place);
    return this.name(name, place.map(String));
  }

  /** A derivative of the loss. @param {string} name @param {string} of @param {number[]} place @returns {string} */
  ofLoss(name, of, place) {
    const whole = this.derivative(this.address("L", []), this.address(of, place));
    const through = this.data.values[name].through;
    return through ? this.share(whole, this.name(through, [])) : whole;
  }

  /** A piece, in brackets where it is looser than it may be. @param {Expression} node @param {boolean} numbers @param {number} least @param {boolean} [first] */
  held(node, numbers, least, first = false) {
    const [piece, tightness] = this.piece(node, numbers);
    const negative = (numbers || node.kind === "number") && !first && tightness === ATOM && piece.startsWith(this.minus);
    return tightness < least || negative ? this.bracketed(piece) : piece;
  }

  /** @param {Expression} node @param {boolean} numbers @returns {[string, number]} */
  piece(node, numbers) {
    switch (node.kind) {
      case "number": return [this.number(node.value), ATOM];
      case "quantity": return [numbers ? this.number(node.value) : this.marked(this.address(node.name, node.place), node), ATOM];
      case "partial":
        if (numbers) return [this.number(node.value), ATOM];
        return [this.derivative(this.address(node.of.name, node.of.place), this.address(node.by.name, node.by.place)), ATOM];
      case "minus": return [this.joined([["-", this.held(node.body, numbers, PRODUCT)]]), SUM];
      case "call": return [this.call(node.name, node.arguments.map((a) => this.inline(a, numbers))), ATOM];
      case "holds":
        return [this.holds(this.held(node.left, numbers, SUM, true), node.sign, this.held(node.right, numbers, SUM, true)), ATOM];
      case "extreme": {
        const shown = node.entries.map((entry) => this.inline(entry, numbers));
        if (node.omitted) shown.push(this.text(`... ${node.omitted} more`));
        return [this.call(node.which, shown), ATOM];
      }
      case "terms": {
        const pieces = this.signed(node, numbers);
        return [this.joined(pieces), pieces.length > 1 || (pieces.length && pieces[0][0]) ? SUM : PRODUCT];
      }
      default: return this.binary(node, numbers);
    }
  }

  /** A named number, so that it can be pointed at. @param {string} text @param {Extract<Expression, {kind: "quantity"}>} _node @returns {string} */
  marked(text, _node) {
    return text;
  }

  /** A sum's terms with their signs. @param {Extract<Expression, {kind: "terms"}>} node @param {boolean} numbers @returns {[string, string][]} */
  signed(node, numbers) {
    /** @type {[string, string][]} */
    const pieces = node.terms.map((term, k) => {
      const negative = term.kind === "minus";
      const body = negative ? term.body : term;
      return [negative ? "-" : k ? "+" : "", this.held(body, numbers, PRODUCT, !k)];
    });
    if (node.omitted) {
      const how = node.zeros ? "each" : "together";
      pieces.push([pieces.length ? "+" : "", this.text(`... ${node.omitted} more, ${how} `) + this.number(node.rest)]);
    }
    return pieces;
  }

  /** @param {Extract<Expression, {kind: "binary"}>} node @param {boolean} numbers @returns {[string, number]} */
  binary(node, numbers) {
    const { sign, left, right } = node;
    if (sign === "+" || sign === "-") {
      const least = sign === "+" ? SUM : PRODUCT;
      return [this.joined([["", this.held(left, numbers, SUM, true)], [sign, this.held(right, numbers, least)]]), SUM];
    }
    if (sign === "*") {
      return [this.multiplied(this.held(left, numbers, PRODUCT), this.held(right, numbers, POWER)), PRODUCT];
    }
    if (sign === "/") {
      if (this.fractions && left.kind === "terms" && left.terms.length > 2) {
        const over = this.fraction(this.digits("1"), this.inline(right, numbers));
        return [this.multiplied(over, this.bracketed(this.inline(left, numbers))), PRODUCT];
      }
      if (this.fractions) return [this.fraction(this.inline(left, numbers), this.inline(right, numbers)), POWER];
      return [this.fraction(this.held(left, numbers, PRODUCT), this.held(right, numbers, POWER)), PRODUCT];
    }
    return [this.power(this.held(left, numbers, ATOM), this.held(right, numbers, ATOM, this.fractions)), POWER];
  }

  /** The parts of a value's printed name. @param {string} name @returns {Glyph} */
  glyph(name) {
    return this.data.values[name]?.glyph ?? { base: name, hat: false, level: "", below: "", marks: [], primes: 0 };
  }
}

/** Mathematics as text: names and addresses as they are in a program. */
export class Text extends Printer {
  /** @param {string} name @param {string} of @param {number[]} place */
  ofLoss(name, of, place) {
    const { labels } = this.data;
    if (!(address(of, place) in labels) && !("L" in labels)) return address(name, place);
    return this.derivative(this.address("L", []), this.address(of, place));
  }
}

const row = (/** @type {string[]} */ ...pieces) => `<mrow>${pieces.join("")}</mrow>`;
const operator = (/** @type {string} */ text) => `<mo>${escaped(text)}</mo>`;

/** Mathematics as MathML Core. */
export class MathML extends Printer {
  /** @param {ConstructorParameters<typeof Printer>} settings */
  constructor(...settings) {
    super(...settings);
    this.fractions = true;
    this.times = operator("·");
    this.brackets = [operator("("), operator(")")];
    this.minus = "<mrow><mo>−";
  }
  /** @param {string} words */
  text(words) {
    return `<mtext>${escaped(words.trimEnd())}${words.endsWith(" ") ? "\u00a0" : ""}</mtext>`;
  }
  /** @param {string} text */
  digits(text) {
    const [mantissa, exponent] = text.split("e");
    const unsigned = mantissa.replace(/^-/, "");
    let result = unsigned === "infinity" ? "<mi>∞</mi>" : `<mn>${this.words(unsigned)}</mn>`;
    if (exponent) {
      const ten = `<msup><mn>10</mn><mn>${exponent.replace("-", "−")}</mn></msup>`;
      result = unsigned === "1" ? ten : row(result, operator("·"), ten);
    }
    return mantissa === unsigned ? result : row(operator("−"), result);
  }
  /** @param {string} inner */
  bracketed(inner) { return row(operator("("), inner, operator(")")); }
  /** @param {string} name @param {string[]} place */
  name(name, place) { return this.#set(this.glyph(name), place); }
  /** @param {string} label @param {string} mark */
  label(label, mark) {
    const glyph = this.data.labelGlyphs[label];
    if (!glyph) return `<mtext>${escaped(`${label} ${mark}`.trim())}</mtext>`;
    return this.#set({ ...glyph, marks: mark ? [mark] : glyph.marks }, []);
  }
  /** @param {Glyph} glyph @param {string[]} place */
  #set(glyph, place) {
    let base = `<mi>${escaped(Object.hasOwn(GREEK, glyph.base) ? GREEK[glyph.base] : glyph.base)}${"′".repeat(glyph.primes)}</mi>`;
    if (glyph.hat) base = `<mover>${base}<mo>^</mo></mover>`;
    const above = glyph.level ? [`<mtext>(${escaped(glyph.level)})</mtext>`] : [];
    for (const mark of glyph.marks) above.push(`<mtext>${above.length ? " " : ""}${escaped(mark)}</mtext>`);
    const under = glyph.below ? [`<mi>${escaped(glyph.below)}</mi>`] : [];
    for (const index of place) under.push(...(under.length ? [operator(",")] : []), `<mn>${index}</mn>`);
    const [up, down] = [row(...above), row(...under)];
    if (above.length && under.length) return `<msubsup>${base}${down}${up}</msubsup>`;
    return above.length ? `<msup>${base}${up}</msup>` : under.length ? `<msub>${base}${down}</msub>` : base;
  }
  /** @param {string} of @param {string} by */
  derivative(of, by) { return `<mfrac>${row(operator("∂"), of)}${row(operator("∂"), by)}</mfrac>`; }
  /** @param {string} derivative @param {string} value */
  share(derivative, value) { return `<msub>${row(derivative, operator("|"))}${row(value)}</msub>`; }
  /** @param {string} above @param {string} under */
  fraction(above, under) { return `<mfrac>${row(above)}${row(under)}</mfrac>`; }
  /** @param {string} base @param {string} exponent */
  power(base, exponent) {
    const plain = !base.startsWith("<mrow><mo>(");
    const body = plain && /<msup|<msubsup|<mfrac/.test(base) ? this.bracketed(base) : row(base);
    return `<msup>${body}${row(exponent)}</msup>`;
  }
  /** @param {string} name @param {string[]} inner */
  call(name, inner) {
    if (name === "sqrt") return `<msqrt>${inner[0]}</msqrt>`;
    if (name === "abs") return row(operator("|"), inner[0], operator("|"));
    return row(`<mi>${escaped(name)}</mi>`, operator("("), inner.join(operator(",")), operator(")"));
  }
  /** @param {string} left @param {string} sign @param {string} right */
  holds(left, sign, right) {
    const shown = { "<=": "≤", ">=": "≥" }[sign] ?? sign;
    return row(operator("["), left, operator(shown), right, operator("]"));
  }
  /** @param {[string, string][]} pieces */
  joined(pieces) {
    if (!pieces.length) return "<mn>0</mn>";
    return row(...pieces.map(([sign, piece]) => (sign ? operator(sign === "-" ? "−" : sign) : "") + piece));
  }
  /** @param {string} sign @param {string} piece */
  continued(sign, piece) {
    return row(`<mo form="infix">${sign === "-" ? "−" : sign}</mo>`, piece);
  }
  /** @param {string} text @param {Extract<Expression, {kind: "quantity"}>} node */
  marked(text, node) {
    return `<mrow data-at="${escaped(address(node.name, node.place))}">${text}</mrow>`;
  }
}

/** Mathematics as LaTeX, for amsmath. */
export class Latex extends Printer {
  /** @param {ConstructorParameters<typeof Printer>} settings */
  constructor(...settings) {
    super(...settings);
    this.fractions = true;
    this.times = " \\cdot ";
  }
  /** @param {string} words */
  text(words) {
    const dots = words.startsWith("... ") ? "\\ldots\\ " : "";
    return `${dots}\\text{${latexWord(words.replace(/^\.\.\. /, "").trimEnd())}}${words.endsWith(" ") ? "\\ " : ""}`;
  }
  /** @param {string} text */
  digits(text) {
    const [mantissa, exponent] = text.split("e");
    const plain = mantissa.replace("infinity", "\\infty").replace("NaN", "\\text{NaN}");
    if (!exponent) return plain;
    return /^-?1$/.test(plain) ? `${plain.replace("1", "")}10^{${exponent}}` : `${plain} \\cdot 10^{${exponent}}`;
  }
  /** @param {string} inner */
  bracketed(inner) { return inner.includes("\\frac") && inner.length < 90 ? `\\left(${inner}\\right)` : `(${inner})`; }
  /** @param {string} name @param {string[]} place */
  name(name, place) { return this.#set(this.glyph(name), place); }
  /** @param {string} label @param {string} mark */
  label(label, mark) {
    const glyph = this.data.labelGlyphs[label];
    return glyph ? this.#set({ ...glyph, marks: mark ? [mark] : glyph.marks }, []) : this.text(`${label} ${mark}`.trim());
  }
  /** @param {Glyph} glyph @param {string[]} place */
  #set(glyph, place) {
    let base = glyph.base.length > 1 ? `\\mathit{${latexWord(glyph.base)}}` : glyph.base;
    if (Object.hasOwn(GREEK, glyph.base)) base = glyph.base === "eps" ? "\\varepsilon" : `\\${glyph.base}`;
    if (glyph.hat) base = `\\hat{${base}}`;
    const above = glyph.level ? [/^[\d.]+$/.test(glyph.level) ? `(${glyph.level})` : `(\\text{${latexWord(glyph.level)}})`] : [];
    above.push(...glyph.marks.map((mark) => `\\text{${latexWord(mark)}}`));
    const under = [...(glyph.below ? [/^\d+$/.test(glyph.below) ? glyph.below : `\\mathit{${latexWord(glyph.below)}}`] : []), ...place];
    const up = above.length ? `^{${above.join("\\,")}}` : "";
    return `${base}${"'".repeat(glyph.primes)}${up}${under.length ? `_{${under.join(",")}}` : ""}`;
  }
  /** @param {string} of @param {string} by */
  derivative(of, by) { return `\\frac{\\partial ${of}}{\\partial ${by}}`; }
  /** @param {string} derivative @param {string} value */
  share(derivative, value) { return `\\left.${derivative}\\right|_{${value}}`; }
  /** @param {string} above @param {string} under */
  fraction(above, under) { return `\\frac{${above}}{${under}}`; }
  /** @param {string} base @param {string} exponent */
  power(base, exponent) {
    const tall = /\^|\\frac/.test(base) && !/^(\(|\\left\()/.test(base);
    return `${tall ? `\\left(${base}\\right)` : base}^{${exponent}}`;
  }
  /** @param {string} name @param {string[]} inner */
  call(name, inner) {
    if (name === "sqrt") return `\\sqrt{${inner[0]}}`;
    if (name === "abs") return `\\left|${inner[0]}\\right|`;
    const known = ["exp", "log", "tanh", "sin", "cos", "max", "min"].includes(name);
    return `${known ? `\\${name}` : `\\operatorname{${latexWord(name)}}`}${this.bracketed(inner.join(", "))}`;
  }
  /** @param {string} left @param {string} sign @param {string} right */
  holds(left, sign, right) { return `[${left} ${{ "<=": "\\le", ">=": "\\ge" }[sign] ?? sign} ${right}]`; }
  /** @param {[string, string][]} pieces */
  joined(pieces) { return pieces.map(([sign, piece]) => `${sign} ${piece}`.trim()).join(" ") || "0"; }
}

/** @param {string} text */
function latexWord(text) {
  return text.replace(/[\\{}#$%&_~^]/g, (c) => (c === "\\" ? "\\textbackslash{}" : c === "~" ? "\\textasciitilde{}" : c === "^" ? "\\textasciicircum{}" : `\\${c}`));
}
