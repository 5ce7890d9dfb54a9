// Computes a line from its tree, element by element: for lines that the page has no function of, the mistaken ones.
// @ts-check
import { count, placeOf } from "./digits.js";
import { Opener } from "./opening.js";

export class Interpreter {
  /** @param {import("./machine.js").Machine} machine */
  constructor(machine) {
    this.machine = machine;
  }

  /**
   * The function of a value's line with a mistake.
   * @param {import("./types.d.ts").MistakeRecord} record
   * @returns {import("./types.d.ts").LineFunction}
   */
  functionOf(record) {
    return (v, samples, own, at) => {
      const out = v[record.output];
      const shape = this.machine.shape(record.output, samples);
      if (record.factor !== undefined) {
        this.machine.functions[record.output](v, samples, own, at);
        const factor = typeof record.factor === "string" ? v[record.factor][0] : record.factor;
        for (let k = 0; k < out.length; k++) {
          if (at === undefined || placeOf(k, shape)[1] === at) out[k] *= factor;
        }
        return;
      }
      const opener = new Opener(this.machine, v, 0);
      for (let k = 0; k < count(shape); k++) {
        const place = placeOf(k, shape);
        if (at === undefined || place[1] === at) out[k] = opener.value(record.output, place, record.line);
      }
    };
  }
}
