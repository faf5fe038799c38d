// A box that shows a drawing: zoomed by buttons or Ctrl + wheel, moved by dragging or scrolling.

const MOST_HEIGHT = 540; // px; a taller drawing is made smaller, or scrolled
const READABLE = 0.4; // what would have to be smaller than this begins larger, and scrolls
const LARGER = 0.8;
const ZOOM_STEP = 1.25;
const MOVED = 4; // px until a press is a drag and no longer a click

// onScale is told the scale, 1 being the drawing's own size.
function makeViewport(box, onScale) {
  let svg = null;
  let width = 1; // the drawing's own size in px
  let height = 1;
  let scale = 1;
  let mode = "auto"; // "auto" and "fit" follow the width of the box; "free" was zoomed by somebody
  let room = 0; // the width of the box

  function show(drawing) {
    svg = drawing;
    const { width: w, height: h } = svg.viewBox.baseVal;
    // Graphviz counts in points: the drawing says of itself how large they are.
    const told = svg.hasAttribute("width") && !svg.getAttribute("width").endsWith("%");
    width = (told && svg.width.baseVal.value) || w || 1;
    height = (width * (h || 1)) / (w || 1);
    box.replaceChildren(svg);
    if (mode === "free") resize(scale);
    else settle();
  }

  function fitting() {
    return Math.min(1, room / width, MOST_HEIGHT / height);
  }

  // Choose a scale for the drawing as a whole, and a height for the box.
  function settle() {
    if (!svg || !room) return;
    const fit = fitting();
    const whole = mode === "fit" || fit >= READABLE;
    resize(whole ? fit : LARGER);
    setHeight(0);
    if (!whole) centre(svg.querySelector("[data-start]"));
  }

  function setHeight(least) {
    const next = Math.max(least, Math.min(MOST_HEIGHT, Math.ceil(height * scale)));
    box.style.height = `${next}px`;
    const bar = box.offsetHeight - box.clientHeight; // of a scrollbar below
    if (bar) box.style.height = `${next + bar}px`;
  }

  function centre(element) {
    if (!element) return;
    const [inner, outer] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
    box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
    box.scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
  }

  function resize(next) {
    if (!svg) return;
    scale = next;
    svg.setAttribute("width", Math.floor(width * scale));
    svg.setAttribute("height", Math.floor(height * scale));
    const movable = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    box.classList.toggle("fluffy-movable", movable);
    onScale(scale);
  }

  // Zoom so that what is at px, py of the box stays there.
  function zoom(factor, px = box.clientWidth / 2, py = box.clientHeight / 2) {
    const next = Math.max(Math.min(fitting(), 1) / 2, Math.min(4, scale * factor));
    const [x, y] = [(box.scrollLeft + px) / scale, (box.scrollTop + py) / scale];
    mode = "free";
    resize(next);
    setHeight(box.clientHeight); // it grows with the drawing, but does not jump back
    box.scrollLeft = x * scale - px;
    box.scrollTop = y * scale - py;
  }

  function fit() {
    mode = "fit";
    settle();
  }

  box.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // scrolls
      event.preventDefault();
      const { left, top } = box.getBoundingClientRect();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      const factor = Math.exp(-Math.max(-60, Math.min(60, pixels)) / 200);
      zoom(factor, event.clientX - left, event.clientY - top);
    },
    { passive: false },
  );

  let drag = null;
  const swallow = (event) => event.stopPropagation();
  const release = () => {
    box.classList.remove("fluffy-moving");
    if (drag?.moved) {
      // The click that ends a drag opens nothing.
      box.addEventListener("click", swallow, true);
      setTimeout(() => box.removeEventListener("click", swallow, true));
    }
    drag = null;
  };
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return; // a finger scrolls by itself
    drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  box.addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (!(event.buttons & 1)) {
      drag = null; // released elsewhere
      return;
    }
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < MOVED) return;
    if (!drag.moved) box.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, y: event.clientY, moved: true };
    box.classList.add("fluffy-moving");
    box.scrollLeft -= dx;
    box.scrollTop -= dy;
  });
  box.addEventListener("pointerup", release);
  box.addEventListener("pointercancel", release);

  const sizes = new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.borderBoxSize[0].inlineSize);
    if (!next || next === room) return;
    room = next;
    if (mode === "free") resize(scale);
    else settle();
  });
  sizes.observe(box);

  return {
    show,
    zoom,
    fit,
    oneToOne: () => zoom(1 / scale),
    width: () => width,
    close: () => sizes.disconnect(),
  };
}
