// What every widget uses: making elements, the theme, times. Text from outside only ever becomes
// textContent or an attribute.

const SVG = "http://www.w3.org/2000/svg";

// Outlines of 16 by 16, drawn with a stroke unless they end in "fill".
const ICONS = {
  run: "M5 3.2v9.6l7.6-4.8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  step: "M3.5 3.5v9l6.4-4.5zM12.5 3.5v9",
  resume: "M2.8 3.5v9L8 8zM8 3.5v9L13.2 8z",
  cancel: "M4.2 4.2h7.6v7.6H4.2z",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  fit: "M2.8 6V2.8H6M10 2.8h3.2V6M13.2 10v3.2H10M6 13.2H2.8V10",
  close: "M4 4l8 8M12 4l-8 8",
  ask: "M2.5 3h11v8H8l-3 2.7V11H2.5zM5.5 7h.01M8 7h.01M10.5 7h.01", // as on a node that waits
  alert: "M8 2.4l6.2 11H1.8zM8 6.6v3M8 11.6v.1",
  clock: "M8 4.6V8l2.2 1.6M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
};

// make("button", {class: "x", type: "button"}, "text", child) -> element
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null).map(seen));
  return made;
}

// A text with control characters and lone surrogates written as in source code; what turns the
// direction stays, because the style sheet keeps it to the element. Anything else is as it was.
function seen(text) {
  if (typeof text !== "string") return text;
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]|\p{Surrogate}/gu, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
  });
}

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "fluffy-icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// A start for ids that no other widget in the page has, nor another view of this one.
function unique() {
  return `fluffy-${Math.random().toString(36).slice(2, 10)}-`;
}

// Prepare a widget's root; returns what its content goes into, and what undoes it all.
function adopt(el, name) {
  el.classList.add("fluffy", name);
  // JupyterLab's own shortcuts would take Enter, Escape and the arrows from whoever works inside.
  el.dataset.lmSuppressShortcuts = "true";
  // "fluffy-graph" has the diagram's colours.
  const inside = make("div", { class: "fluffy-inside fluffy-graph" });
  el.replaceChildren(inside);
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
    let dark = media.matches;
    if (jpThemeLight !== undefined) dark = jpThemeLight === "false";
    else if (vscodeThemeKind !== undefined) dark = !vscodeThemeKind.includes("light");
    el.dataset.theme = dark ? "dark" : "light";
  };
  paint();
  const observer = new MutationObserver(paint);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"],
  });
  media.addEventListener("change", paint);
  const leave = () => {
    observer.disconnect();
    media.removeEventListener("change", paint);
  };
  return [inside, leave];
}

// Listen to a model until `off` is called.
function listen(model, handlers) {
  for (const [events, handler] of handlers) {
    for (const event of events.split(" ")) model.on(event, handler);
  }
  return () => {
    for (const [events, handler] of handlers) {
      for (const event of events.split(" ")) model.off(event, handler);
    }
  };
}

// Seconds as the diagram says them: 240 ms, 2.1 s, 3 min 05 s, 2 h 10 min
function duration(seconds) {
  if (seconds < 0.9995) return `${Math.round(1000 * Math.max(seconds, 0))} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const two = (number) => String(number).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${two(Math.round(seconds) % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

// A status in words and colour.
function makePill(attributes = {}) {
  const pill = make("span", { class: "fluffy-pill", ...attributes });
  const show = (status) => {
    pill.dataset.status = status;
    pill.textContent = status.charAt(0) + status.slice(1).toLowerCase();
  };
  return [pill, show];
}

function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
