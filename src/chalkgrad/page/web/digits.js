// Numbers as text, and elements' addresses.
// @ts-check

/**
 * A number in so many significant digits, as chalkgrad prints it everywhere: 0.0001 stays 0.0001, however few.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
export function significant(value, digits = 6) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return value !== value ? "NaN" : value > 0 ? "infinity" : "-infinity";
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || (exponent >= digits && exponent >= 7)) return `${withoutZeros(mantissa)}e${exponent}`;
  if (exponent >= digits) return Number(`${mantissa}e${power}`).toFixed(0);
  return withoutZeros(value.toFixed(digits - 1 - exponent));
}

/** @param {string} text */
function withoutZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/**
 * The number that somebody typed: decimal points or commas, a minus of any kind; null where it is none.
 * @param {string} text
 * @returns {number | null}
 */
export function typed(text) {
  const plain = text.trim().replace(/[\u2212\u2013]/g, "-").replace(",", ".");
  if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(plain)) return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value : null;
}

/**
 * How many significant digits a typed number has; zeros at its end count after a decimal point only.
 * @param {string} text
 */
export function digitsOf(text) {
  const mantissa = text.trim().replace(",", ".").replace(/^[-+\u2212\u2013]/, "").split(/[eE]/)[0];
  const plain = mantissa.replace(".", "").replace(/^0+/, "");
  return Math.max(1, mantissa.includes(".") ? plain.length : plain.replace(/0+$/, "").length);
}

/**
 * An element's address: "dW1[0, 2]"; a value that is one number has its name.
 * @param {string} name
 * @param {number[]} place
 */
export function address(name, place) {
  return place.length ? `${name}[${place.join(", ")}]` : name;
}

/**
 * The name and the place of an address; null where it is none.
 * @param {string} text
 * @returns {{name: string, place: number[]} | null}
 */
export function parsed(text) {
  const match = /^([A-Za-z_][\w.]*)(?:\[([\d,\s]*)\])?$/.exec(text.trim());
  return match ? { name: match[1], place: match[2] ? match[2].split(",").map(Number) : [] } : null;
}

/**
 * Where an element lies in an array that is stored row by row.
 * @param {number[]} place
 * @param {number[]} shape
 */
export function offset(place, shape) {
  return place.reduce((sum, index, axis) => sum * shape[axis] + index, 0);
}

/**
 * The place of the element at an offset.
 * @param {number} at
 * @param {number[]} shape
 * @returns {number[]}
 */
export function placeOf(at, shape) {
  const place = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = at % shape[axis];
    at = Math.floor(at / shape[axis]);
  }
  return place;
}

/** @param {number[]} shape */
export function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
