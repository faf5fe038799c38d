// What is to be reviewed: a mime bundle as an element. Texts stay texts. HTML, which objects make of
// themselves, is built anew from what is known to be harmless, apart from the page, and loads nothing.

const HARMLESS = new Set(
  ("a abbr b bdi blockquote br caption center code col colgroup dd del details div dl dt em figcaption " +
    "figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong style " +
    "sub summary sup table tbody td tfoot th thead time tr u ul var wbr").split(" "),
);
const LEFT_OUT = new Set(
  ("applet audio base button canvas embed form frame frameset head iframe input link map math meta " +
    "noscript object option picture script select slot svg template textarea title video").split(" "),
);
const ATTRIBUTES = new Set(
  ("align alt class colspan dir height href id lang open rowspan scope span src start style title " +
    "valign width").split(" "),
);

// The look of tables, inside the shadow root.
const SHOWN_STYLE = `
  :host { display: block; color: var(--ui-ink); font: 12px/1.5 var(--ui-font); }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  caption { padding-bottom: 4px; text-align: left; }
  th, td { padding: 4px 10px; text-align: right; vertical-align: top; white-space: pre-wrap; }
  thead th { border-bottom: 1px solid var(--ui-line); vertical-align: bottom; }
  tbody tr:nth-child(odd) { background: var(--ui-raised); }
  img { max-width: 100%; height: auto; }
  a { color: var(--jp-content-link-color, var(--ui-accent)); }
`;

// The best form of a bundle that there is, or null.
function makeShown(bundle) {
  const html = bundle["text/html"] ? shownHtml(bundle["text/html"]) : null;
  if (html) return html;
  const alt = bundle["text/plain"] ?? "";
  if (bundle["image/png"]) return shownImage(`data:image/png;base64,${bundle["image/png"]}`, alt);
  const svg = bundle["image/svg+xml"]; // as an image it can run nothing
  if (svg) return shownImage(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`, alt);
  if (bundle["text/markdown"]) return make("div", { class: "fluffy-prose" }, bundle["text/markdown"]);
  return make("div", { class: "fluffy-plain" }, alt);
}

function shownImage(src, alt) {
  return make("img", { src, alt: alt.slice(0, 200), class: "fluffy-picture" });
}

function shownHtml(text) {
  const { head, body } = new DOMParser().parseFromString(text, "text/html"); // runs, loads nothing
  const nodes = [...head.childNodes, ...body.childNodes]; // styles that come first are in the head
  const made = nodes.flatMap(harmless);
  const holder = make("div");
  const root = holder.attachShadow({ mode: "open" }); // its styles stay inside
  root.append(make("style", {}, SHOWN_STYLE), make("div", {}, ...made));
  const words = made.some((node) => node.localName !== "style" && node.textContent.trim());
  return words || root.querySelector("img[src]") ? holder : null;
}

// A node built anew, as a list: what is unknown gives way to what it holds.
function harmless(node) {
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
  if (node.nodeType !== Node.ELEMENT_NODE || LEFT_OUT.has(node.localName)) return [];
  const inside = [...node.childNodes].flatMap(harmless);
  if (!HARMLESS.has(node.localName)) return inside;
  if (node.localName === "style" && !staysHere(node.textContent)) return [];
  const made = make(node.localName);
  for (const { name, value } of node.attributes) {
    if (ATTRIBUTES.has(name) && isHarmless(name, value)) made.setAttribute(name, value);
  }
  if (made.hasAttribute("href")) {
    made.setAttribute("target", "_blank");
    made.setAttribute("rel", "noopener noreferrer");
  }
  made.append(...inside);
  return [made];
}

function isHarmless(name, value) {
  if (name === "src") return /^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i.test(value);
  if (name === "href") return /^https?:\/\//i.test(value);
  return name !== "style" || staysHere(value);
}

// Whether a style names nothing to be loaded; escapes could hide that.
function staysHere(style) {
  return !/url|@import|image|src|expression|\\/i.test(style);
}
