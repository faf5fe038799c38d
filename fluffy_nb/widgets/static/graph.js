// The drawing of a graph: parsed once per change of the graph, patched in place in between.

const AGAIN = 300; // ms: how often open details are asked for again while their state changes
const MOST_STOPS = 40; // with more nodes than this only one is a Tab stop; arrows lead to the rest
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Once per model, before any view: keep the model's state as the patches say, for views that are
// made later, and ask for all of it when a patch was missed.
function initialize({ model }) {
  let asked = false;
  const take = (message) => {
    if (message.kind !== "patch") return;
    const present = model.get("present");
    Object.assign(present.nodes, message.nodes);
    Object.assign(present.edges, message.edges);
    if (message.all || message.revision <= present.revision + 1) {
      present.revision = message.revision;
      asked = false;
    } else if (!asked) {
      asked = true;
      model.send({ kind: "sync", revision: present.revision });
    }
  };
  return listen(model, [["msg:custom", take]]);
}

function render({ model, el }) {
  const [inside, leave] = adopt(el, "fluffy-graph-widget");
  const prefix = unique(); // two views of one agent have drawings with the same ids
  const nodes = new Map(); // id -> <g>
  const edges = new Map(); // "id id" -> <g>
  let opened = null; // the state whose details are shown
  let stop = null; // the node that Tab comes to, where there are many
  let again = null;

  const box = make("div", { class: "fluffy-box" });
  const percent = make("span", { class: "fluffy-scale", title: "Ctrl + wheel zooms" });
  const tools = make("div", { class: "fluffy-tools", role: "toolbar", "aria-label": "Zoom" });
  const panel = makePanel(() => closeDetails());
  const view = makeViewport(box, (scale) => {
    percent.textContent = `${Math.round(100 * scale)} %`;
  });
  tools.append(
    tool("Zoom out (−)", icon("minus"), () => view.zoom(1 / ZOOM_STEP)),
    percent,
    tool("Zoom in (+)", icon("plus"), () => view.zoom(ZOOM_STEP)),
    tool("Original size (1)", "1:1", () => view.oneToOne()),
    tool("Show all (0)", icon("fit"), () => view.fit()),
  );
  const canvas = make("div", { class: "fluffy-canvas" }, box, tools);
  inside.replaceChildren(make("div", { class: "fluffy-split" }, canvas, panel.el));

  function tool(title, content, action) {
    const button = make("button", { type: "button", class: "fluffy-quiet", title }, content);
    button.setAttribute("aria-label", title.replace(/ \(.*/, ""));
    button.addEventListener("click", action);
    return button;
  }

  // ---------------------------------------------------------------- drawing

  function draw() {
    const focused = box.contains(document.activeElement) && stateOf(document.activeElement);
    nodes.clear();
    edges.clear();
    const text = model.get("svg");
    const parsed = text && new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    box.hidden = tools.hidden = !parsed || parsed.localName !== "svg";
    if (box.hidden) return;
    const svg = document.importNode(parsed, true);
    // The page has the stylesheet already, for all drawings; nothing in a drawing is to run.
    for (const unwanted of svg.querySelectorAll("style, script")) unwanted.remove();
    for (const g of svg.querySelectorAll(".fluffy-node")) nodes.set(g.id, g);
    for (const g of svg.querySelectorAll(".fluffy-edge")) {
      edges.set(`${g.dataset.from} ${g.dataset.to}`, g);
    }
    for (const named of svg.querySelectorAll("[id]")) named.id = prefix + named.id;
    paint(model.get("present"));
    view.show(svg);
    setStops();
    if (focused) nodeOf(focused)?.focus({ preventScroll: true });
  }

  function paint(changes) {
    for (const [id, node] of Object.entries(changes.nodes)) paintNode(nodes.get(id), node);
    for (const [key, taken] of Object.entries(changes.edges)) {
      const g = edges.get(key);
      if (g && taken) g.dataset.taken = taken;
      else if (g) delete g.dataset.taken;
    }
  }

  function paintNode(g, { status, icon: outline, detail, title }) {
    if (!g) return;
    g.dataset.status = status;
    setText(g.querySelector("title"), title);
    setText(g.querySelector(".detail"), detail);
    const mark = g.querySelector(".icon");
    if (mark?.localName === "path") mark.setAttribute("d", outline);
    else setText(mark, outline);
    g.setAttribute("aria-label", title.replace(/\n+/g, ", "));
    if (stateOf(g) === opened) {
      panel.setStatus(status);
      again ??= setTimeout(askDetails, AGAIN);
    }
  }

  function setText(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  const stateOf = (element) => element.closest(".fluffy-node")?.dataset.state ?? null;
  const nodeOf = (state) => [...nodes.values()].find((g) => g.dataset.state === state);

  // ---------------------------------------------------------------- details

  function openDetails(state) {
    nodeOf(opened)?.classList.remove("fluffy-selected");
    opened = state;
    nodeOf(state)?.classList.add("fluffy-selected");
    panel.begin(state);
    el.classList.toggle("fluffy-beside", el.clientWidth > 860 && view.width() < 0.5 * el.clientWidth);
    askDetails();
  }

  function askDetails() {
    clearTimeout(again);
    again = null;
    if (opened !== null) model.send({ kind: "details", state: opened });
  }

  function closeDetails() {
    const node = nodeOf(opened);
    opened = null;
    node?.classList.remove("fluffy-selected");
    el.classList.remove("fluffy-beside");
    panel.end();
    node?.focus({ preventScroll: true });
  }

  // ---------------------------------------------------------------- mouse and keyboard

  box.addEventListener("click", (event) => {
    const state = stateOf(event.target);
    if (state !== null) openDetails(state);
  });

  box.addEventListener("focusin", (event) => {
    const node = event.target.closest(".fluffy-node");
    if (!node || !stop || stop === node) return;
    stop.setAttribute("tabindex", "-1");
    stop = node;
    stop.setAttribute("tabindex", "0");
  });

  el.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && opened !== null) closeDetails();
    else if (box.contains(event.target) && press(event)) event.preventDefault();
  });

  function press({ key, target }) {
    const state = stateOf(target);
    if ((key === "Enter" || key === " ") && state !== null) openDetails(state);
    else if (key in ARROWS) neighbour(target, ...ARROWS[key])?.focus();
    else if (key === "+" || key === "=") view.zoom(ZOOM_STEP);
    else if (key === "-") view.zoom(1 / ZOOM_STEP);
    else if (key === "0") view.fit();
    else if (key === "1") view.oneToOne();
    else return false;
    return true;
  }

  // The nearest node in a direction; one that lies aside counts as farther away.
  function neighbour(from, dx, dy) {
    const middle = (g) => {
      const { left, top, width, height } = g.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    };
    const [x, y] = middle(from);
    let best = null;
    let least = Infinity;
    for (const g of nodes.values()) {
      const [gx, gy] = middle(g);
      const ahead = (gx - x) * dx + (gy - y) * dy;
      const aside = Math.abs((gx - x) * dy) + Math.abs((gy - y) * dx);
      if (ahead > 1 && ahead + 2 * aside < least) [best, least] = [g, ahead + 2 * aside];
    }
    return best;
  }

  function setStops() {
    stop = null;
    if (nodes.size <= MOST_STOPS) return;
    for (const g of nodes.values()) g.setAttribute("tabindex", "-1");
    stop = nodes.values().next().value;
    stop.setAttribute("tabindex", "0");
  }

  // ---------------------------------------------------------------- messages

  function receive(message) {
    if (message.kind === "patch") paint(message);
    else if (message.kind === "details" && message.state === opened) panel.show(message);
  }

  const silence = listen(model, [
    ["change:present", draw], // comes with every new drawing
    ["msg:custom", receive],
  ]);
  draw();
  model.send({ kind: "sync", revision: model.get("present").revision });
  return () => {
    clearTimeout(again);
    panel.end();
    view.close();
    silence();
    leave();
  };
}

export default { initialize, render };
