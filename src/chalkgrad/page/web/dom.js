// Small helpers for the page's elements, its words and its numbers.
// @ts-check
import { significant } from "./digits.js";

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

/**
 * An element with its attributes and children. Text is never read as markup.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `on...` are listeners; null and false are left out
 * @param {...(Node | string | null | false | undefined)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const space = tag === "math" ? MATHML : tag.startsWith("svg:") ? SVG : null;
  const element = space ? document.createElementNS(space, tag.replace("svg:", "")) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

/** Puts other children in the place of an element's. @param {Element} element @param {...(Node | string | null | false)} children */
export function fill(element, ...children) {
  element.replaceChildren(.../** @type {(Node | string)[]} */ (children.filter((c) => c !== null && c !== false)));
}

/** An element made of markup of our own, in which all text is escaped. @param {string} tag @param {string} markup @param {Record<string, any>} [attributes] */
export function markup(tag, markup, attributes = {}) {
  const element = h(tag, attributes);
  element.innerHTML = markup;
  return element;
}

export class Words {
  /** @param {import("./types.d.ts").Data} data */
  constructor(data) {
    this.table = data.words;
    this.comma = this.table.decimal === ",";
  }

  /**
   * A sentence of the page in its language, with what stands in braces put in.
   * @param {string} key
   * @param {Record<string, any>} [parts]
   * @returns {string}
   */
  say(key, parts = {}) {
    const text = this.table[key];
    if (text === undefined) throw new Error(`the page has no words for ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => String(parts[name] ?? ""));
  }

  /** A number for the eye. @param {number} value @param {number} [digits] */
  number(value, digits = 4) {
    return this.local(significant(value, digits)).replace(/-/g, "\u2212");
  }

  /** The text of a number with the language's decimal sign. @param {string} text */
  local(text) {
    return this.comma ? text.replace(".", ",") : text;
  }

  /** An element's name as it is read aloud. @param {string} name @param {number[]} place @param {string} [label] */
  spoken(name, place, label) {
    const axes = place.length === 1 ? ["index"] : place.length === 2 ? ["row", "column"] : place.map(() => "index");
    const where = place.map((index, axis) => `${this.say(axes[axis])} ${index}`);
    return [...(label ? [label] : []), name, ...where].join(", ");
  }
}

/** The addresses of values of samples in another sample. @param {import("./types.d.ts").Data} data @param {string} name @param {number[]} place @param {number} sample */
export function ofSample(data, name, place, sample) {
  return data.values[name]?.shape[0] === "N" && place.length ? [sample, ...place.slice(1)] : place;
}

/** Copies a text; says whether it worked. @param {string} text */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = h("textarea", { readonly: true, class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return done;
  }
}

