import js from "@eslint/js";

const browser = ["document", "window", "navigator", "location", "history", "Element", "HTMLElement", "SVGElement", "Blob",
  "HTMLInputElement", "HTMLSelectElement", "HTMLTextAreaElement", "CustomEvent", "EventTarget", "KeyboardEvent", "CSS",
  "URL", "URLSearchParams", "setTimeout", "atob", "ImageData"];

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, globals: Object.fromEntries(browser.map((name) => [name, "readonly"])) },
    rules: { "no-unused-vars": ["error", { argsIgnorePattern: "^_" }], "prefer-const": "error", eqeqeq: "error", "no-self-compare": "off", "no-implied-eval": "error" },
  },
];
