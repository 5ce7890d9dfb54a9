// The types of the page's data, as `page/data.py` writes it.

export type Tree = number | string | [string, ...any[]];
export type Size = number | "N";

export interface Line {
  output: string;
  inputs: string[];
  part: "forward" | "loss" | "backward" | "update";
  owner: string;
  kind: string;
  rule: string;
  text: string;
  formula: string;
  source: string;
  reason: string;
  place: Tree[];
  body: Tree;
  sizes: Record<string, Size>;
  adds: boolean;
  draw?: { rate: number; seed: number; layer: number };
}

export interface Glyph {
  base: string;
  hat: boolean;
  level: string;
  below: string;
  marks: string[];
  primes: number;
}

export interface Value {
  shape: Size[];
  role: "given" | "parameter" | "state" | "optimizer" | "forward" | "loss" | "derivative" | "share" | "help" | "updated";
  of: string | null;
  through: string | null;
  updates: string | null;
  whole: boolean;
  glyph: Glyph;
}

export interface Loop {
  lines: number[];
  times: number;
  backward: boolean;
}

export interface MistakeRecord {
  output: string;
  words: string;
  line: Line;
  factor?: number | string;
}

export interface Unit {
  kind: "input" | "neurons" | "loss";
  box: [number, number, number, number];
  stages: string[];
  bias: string | null;
  target: string | null;
}

export interface Edge {
  points: [number, number][];
  weight: string | null;
  at: [number, number];
}

export interface LayerNode {
  words: string;
  shape: string;
  values: string[];
  parameters: string[];
  takes: number[];
}

export type Drawing =
  | { kind: "neurons"; units: Unit[]; edges: Edge[]; headings: { x: number; above: number | null; words: string[] }[] }
  | { kind: "layers"; nodes: LayerNode[] };

export interface Data {
  title: string;
  text: string;
  samples: number;
  values: Record<string, Value>;
  lines: Line[];
  segments: (number | Loop)[];
  aliases: Record<string, string>;
  labels: Record<string, string>;
  labelGlyphs: Record<string, Glyph | null>;
  numbers: Record<string, any>;
  clocks: string[];
  drawing: Drawing;
  mistakes: MistakeRecord[];
  bounds: Record<string, number>;
  /** Where several inputs stand in the rows of x: of those of whole numbers the first place, the place after the last, and what they lie below. */
  parts: [number, number, number][];
  classes: string[];
  image: [number, number] | null;
  region: boolean;
  prediction: string[];
  pictures: { name: string; time: boolean }[];
  words: Record<string, string>;
  lang: string;
  slides: boolean;
  dtype: string;
  description: { top: string; tables: string } | null;
  script: (string | { array: string; name: string; dtype: string })[] | null;
}

export interface Own {
  erf(x: number): number;
  erfc(x: number): number;
}

export type Arrays = Record<string, Float64Array>;
export type LineFunction = (v: Arrays, N: number, own: Own, at?: number) => void;
export type Functions = Record<string, LineFunction>;

/** A number's place: the value's name and the indices. */
export interface Place {
  name: string;
  place: number[];
}

export type Expression =
  | { kind: "number"; value: number }
  | { kind: "quantity"; name: string; place: number[]; value: number }
  | { kind: "partial"; of: Place; by: Place; value: number }
  | { kind: "minus"; body: Expression }
  | { kind: "binary"; sign: string; left: Expression; right: Expression }
  | { kind: "call"; name: string; arguments: Expression[] }
  | { kind: "holds"; sign: string; left: Expression; right: Expression }
  | { kind: "terms"; terms: Expression[]; omitted: number; rest: number; zeros: boolean }
  | { kind: "extreme"; which: string; entries: Expression[]; omitted: number; value: number };
