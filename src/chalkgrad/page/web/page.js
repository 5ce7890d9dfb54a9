// The page: puts its parts together and listens.
// @ts-check
import { Board } from "./board.js";
import { h } from "./dom.js";
import { DrawingView } from "./drawing-view.js";
import { help, moved } from "./keys.js";
import { LinesView } from "./lines-view.js";
import { MistakesView } from "./mistakes-view.js";
import { OpenedView } from "./opened-view.js";
import { PicturesView } from "./pictures-view.js";
import { restore, shareMenu, stateText } from "./share.js";
import { Slides } from "./slides.js";
import { TablesView } from "./tables-view.js";
import { TrainingView } from "./training-view.js";
import { View } from "./view.js";

/**
 * Builds the page in an element.
 * @param {HTMLElement} root
 * @param {import("./types.d.ts").Data} data
 * @param {import("./types.d.ts").Functions} functions
 * @param {{own?: boolean}} [settings] own: whether the document is the page's, so that its keys and address are
 * @returns {Board}
 */
export function mount(root, data, functions, { own = false } = {}) {
  const board = new Board(data, functions);
  const view = new View(board, root);
  const { words } = view;
  root.classList.add("chalkgrad-page");
  root.lang = data.lang;
  const drawing = new DrawingView(view);
  const lines = new LinesView(view);
  const opened = new OpenedView(view);
  const training = new TrainingView(view);
  const mistakes = new MistakesView(view);
  const pictures = new PicturesView(view);
  const tables = new TablesView(view);
  const slides = new Slides(view);
  const keys = help(words);
  const parts = [drawing, lines, opened, training, mistakes, pictures, tables];

  /** @type {Record<string, HTMLButtonElement>} */
  const toggles = {};
  const toggle = (/** @type {string} */ key, /** @type {(on: boolean) => void} */ act) => {
    /** @type {HTMLButtonElement} */
    const button = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      act(on);
    } }, words.say(key));
    toggles[key] = button;
    return button;
  };
  const menu = h("div", { class: "menu", role: "toolbar", "aria-label": words.say("menu") },
    toggle("guess first", (on) => {
      board.guessing = on;
      view.known.clear();
      board.say("open");
    }),
    data.mistakes.length ? toggle("see a mistake", (on) => {
      mistakes.element.hidden = !on;
      if (!on && board.mistake >= 0) board.choose(-1);
      mistakes.refresh();
    }) : null,
    toggle("tables", (on) => {
      tables.element.hidden = !on;
      tables.refresh();
    }),
    h("button", { type: "button", onclick: () => slides.open() }, words.say("slides")),
    h("button", { type: "button", onclick: () => keys.showModal() }, `? ${words.say("keys")}`),
    shareMenu(view, own));
  const heading = own ? "h1" : "h2";
  root.append(
    h("header", {}, h(heading, {}, data.title), data.text ? h("p", {}, data.text) : null, menu),
    h("div", { class: "body" }, h("div", { class: "columns" },
      h("div", { class: "left" }, ...(data.image ? [pictures.element, drawing.element] : [drawing.element, pictures.element])),
      h("div", { class: "middle" }, lines.element),
      h("div", { class: "right" }, opened.element, mistakes.element)),
    h("footer", {}, training.element, tables.element, h("p", { class: "note" }, words.say("made by", { dtype: data.dtype })))),
    slides.element, keys, view.said);

  let waiting = 0;
  board.addEventListener("change", (event) => {
    const what = /** @type {CustomEvent} */ (event).detail;
    if (board.mistake >= 0 && mistakes.element.hidden) { // it came from the address: nobody computes with a mistake unawares
      mistakes.element.hidden = false;
      toggles["see a mistake"].setAttribute("aria-pressed", "true");
    }
    for (const part of parts) part.refresh();
    if (what === "open") {
      const at = board.trail[board.trail.length - 1];
      if (at) {
        const wide = window.innerWidth > 900;
        lines.reveal(at, own && wide);
        if (own && !wide) opened.element.scrollIntoView({ block: "start" });
        view.announce(`${view.text.address(at.name, at.place)} = ${view.numberText(at, 6) || words.say("blank")}`);
      }
    } else if (what === "cursor") view.announce(training.line.textContent ?? "");
    else if (what === "step" && !board.playing) view.announce(training.reading.textContent ?? "");
    else if (what === "numbers" && board.change) {
      const { predicted, came } = board.change;
      const told = [["predicted", predicted], ["came", came]].filter(([, loss]) => loss !== null);
      if (!board.guessing) view.announce(told.map(([key, loss]) => `${words.say(String(key))}: ${words.number(Number(loss), 6)}`).join("; "));
    }
    if (own && !waiting) waiting = window.setTimeout(() => {
      waiting = 0;
      try {
        history.replaceState(null, "", `#${stateText(board)}`);
      } catch {
        // a page inside another one has no address of its own
      }
    }, 300);
  });

  const act = (/** @type {Element} */ target) => {
    const line = target.closest("[data-line]");
    if (line && line.tagName.toLowerCase() !== "summary") {
      const name = /** @type {string} */ (line.getAttribute("data-line"));
      lines.expand(name, true);
      const entry = lines.entries.get(name);
      entry?.element.scrollIntoView({ block: "center" });
      const open = board.trail[board.trail.length - 1];
      const first = (open?.name === name ? lines.button(open) : null) ?? entry?.element.querySelector("button.number");
      if (first instanceof HTMLElement) first.focus({ preventScroll: true });
      return true;
    }
    const at = view.placeAt(target);
    if (!at) return false;
    const inside = target.closest("#opened") !== null && board.trail.length > 0;
    board.open(at, inside);
    return true;
  };
  root.addEventListener("click", (event) => {
    if (event.target instanceof Element && !event.target.closest("input, select, .head")) act(event.target);
  });
  root.addEventListener("pointerover", (event) => {
    const at = event.target instanceof Element ? event.target.closest("[data-at]") : null;
    view.point(at ? at.getAttribute("data-at") : null);
  });
  root.addEventListener("focusin", (event) => {
    const at = event.target instanceof Element ? event.target.closest("[data-at]") : null;
    view.point(at ? at.getAttribute("data-at") : null);
  });
  root.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (slides.isOpen) {
      if (!event.ctrlKey && !event.metaKey && slides.key(event)) event.preventDefault();
      return;
    }
    if (keys.open) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !(target instanceof HTMLInputElement)) {
      if (event.shiftKey) board.redo();
      else board.undo();
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!own) event.stopPropagation(); // a notebook has keys of its own
    if (event.key === "Escape") {
      const [first] = board.trail;
      if (board.trail.length > 1) return board.back();
      board.back(-1);
      if (first && document.activeElement === opened.element) lines.button(first)?.focus();
      return;
    }
    const typed = target instanceof HTMLInputElement && !["range", "radio"].includes(target.type);
    if (typed || target instanceof HTMLSelectElement) return;
    if (moved(event)) return event.preventDefault();
    const number = target.closest("button.number, .n");
    if (event.key === "Enter" && number && number instanceof SVGElement) act(number);
    else if (event.key === "[") board.setCursor(board.cursor - 1);
    else if (event.key === "]") board.setCursor(board.cursor + 1);
    else if (event.key === " " && (number || target === root || target === document.body)) training.toggle();
    else if (event.key === "n") board.train(1);
    else if (event.key === "u") board.undo();
    else if (event.key === "?") keys.showModal();
    else if (/^[\d.-]$/.test(event.key) && number) {
      const place = view.placeAt(number);
      if (!place) return;
      act(number);
      const field = /** @type {HTMLInputElement | null} */ (root.querySelector("#edit, #guess"));
      if (!field) return;
      field.focus();
      field.value = event.key;
    } else return;
    event.preventDefault();
  });
  if (own) {
    document.addEventListener("keydown", (event) => {
      if (event.target === document.body && !root.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
    });
    window.addEventListener("hashchange", () => location.reload()); // somebody put another state into the address
    restore(board, location.hash);
  } else board.say("restored");
  if (data.slides) slides.open();
  Object.assign(root, { board }); // for scripts of somebody's own
  return board;
}

