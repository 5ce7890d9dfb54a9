// Functions that JavaScript lacks, as the lines' functions call them.
// @ts-check

const BIG = (1n << 64n) - 1n;

/**
 * The error function: its series for small arguments (Abramowitz and Stegun, 7.1.6), else 1 - erfc.
 * @param {number} x
 * @returns {number}
 */
export function erf(x) {
  if (x < 0) return -erf(-x);
  if (x !== x) return x;
  if (x > 1.5) return 1 - erfc(x);
  let term = x;
  let sum = x;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/**
 * 1 - erf(x), with all of its digits where it is small: a continued fraction (Abramowitz and Stegun, 7.1.14).
 * @param {number} x
 * @returns {number}
 */
export function erfc(x) {
  if (x < 1.5) return x !== x ? x : 1 - erf(x);
  if (x > 27.3) return 0;
  let tail = x;
  for (let k = 120; k >= 1; k--) tail = x + k / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}

/**
 * The mask of a dropout line: zeros and ones by the counter-based generator Philox (Salmon et al., 2011), the same that
 * every engine draws.
 * @param {Float64Array} out
 * @param {{rate: number, seed: number, layer: number}} draw
 * @param {number} clock the training step, from 1
 */
export function drawMask(out, draw, clock) {
  const least = Math.round(draw.rate * 2 ** 32);
  const counter = [0n, 0n, BigInt(clock), 0n];
  for (let place = 0; place < out.length; ) {
    for (let word = 0; word < 4; word++) {
      counter[word] = (counter[word] + 1n) & BIG;
      if (counter[word]) break;
    }
    for (const number of philox(counter, [BigInt(draw.seed), BigInt(draw.layer)])) {
      for (const half of [number & 0xffffffffn, number >> 32n]) {
        if (place < out.length) out[place++] = Number(half) >= least ? 1 : 0;
      }
    }
  }
}

/**
 * Four random numbers of 64 bits: ten rounds of Philox 4x64.
 * @param {bigint[]} counter
 * @param {bigint[]} key
 */
function philox(counter, key) {
  let [a, b, c, d] = counter;
  let [first, second] = key;
  for (let round = 0; round < 10; round++) {
    const left = 0xd2e7470ee14c6c93n * a;
    const right = 0xca5a826395121157n * c;
    [a, b, c, d] = [(right >> 64n) ^ b ^ first, right & BIG, (left >> 64n) ^ d ^ second, left & BIG];
    first = (first + 0x9e3779b97f4a7c15n) & BIG;
    second = (second + 0xbb67ae8584caa73bn) & BIG;
  }
  return [a, b, c, d];
}
