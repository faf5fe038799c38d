// What is wrong with the texts under an element: each problem as a sentence, from the boxes in the page.
(root) => {
  const SLACK = 1; // px
  const LINE_SLACK = 0.15; // of a line's height: fonts keep room above and below their letters
  const CLIPS = ["hidden", "clip"];

  // One entry per text node that shows: the boxes of its lines.
  const texts = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const holder = node.parentElement;
    const text = node.textContent.trim();
    if (!text || holder.closest("title, style, script")) continue;
    if (!holder.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > SLACK && box.height > SLACK);
    const label = JSON.stringify(text.length > 50 ? text.slice(0, 47) + "..." : text);
    if (boxes.length && !readAloudOnly(holder)) texts.push({ holder, boxes, label });
  }

  // The usual trick for words that only screen readers are to find: a box of one pixel.
  function readAloudOnly(holder) {
    for (let element = holder; element && element !== root; element = element.parentElement) {
      const box = element.getBoundingClientRect();
      const clips = CLIPS.includes(getComputedStyle(element).overflowX);
      if (clips && box.width <= SLACK + 0.5 && box.height <= SLACK + 0.5) return true;
    }
    return false;
  }

  const problems = new Set();
  const shown = (box) => `(${[box.left, box.top, box.right, box.bottom].map(Math.round).join(" ")})`;

  function overlap(a, b) {
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    return width > SLACK && height > Math.max(SLACK, LINE_SLACK * Math.min(a.height, b.height));
  }

  function sticksOut(box, frame) {
    const vertical = Math.max(SLACK, LINE_SLACK * box.height);
    return (
      box.left < frame.left - SLACK ||
      box.right > frame.right + SLACK ||
      box.top < frame.top - vertical ||
      box.bottom > frame.bottom + vertical
    );
  }

  texts.forEach((one, i) => {
    for (const other of texts.slice(i + 1)) {
      for (const a of one.boxes) {
        for (const b of other.boxes) {
          if (overlap(a, b)) {
            problems.add(`${one.label} ${shown(a)} and ${other.label} ${shown(b)} overlap`);
          }
        }
      }
    }
  });

  for (const { holder, boxes, label } of texts) {
    for (let element = holder; element; element = element.parentElement) {
      const style = getComputedStyle(element);
      const clips = CLIPS.includes(style.overflowX) || CLIPS.includes(style.overflowY);
      if (clips && element.clientWidth) {
        const outer = element.getBoundingClientRect();
        const left = outer.left + element.clientLeft;
        const top = outer.top + element.clientTop;
        const frame = { left, top, right: left + element.clientWidth, bottom: top + element.clientHeight };
        const name = element.className?.baseVal ?? element.className;
        for (const box of boxes) {
          if (sticksOut(box, frame)) problems.add(`${label} ${shown(box)} is cut by <${element.localName} class="${name}"> ${shown(frame)}`);
        }
      }
      if (style.textOverflow === "ellipsis" && element.scrollWidth > element.clientWidth + SLACK) {
        problems.add(`${label} is shortened by an ellipsis`);
      }
      if (element === root) break;
    }

    const shape = holder.closest(".fluffy-node")?.querySelector(".box")?.getBoundingClientRect();
    for (const box of shape ? boxes : []) {
      if (sticksOut(box, shape)) problems.add(`${label} ${shown(box)} sticks out of its node ${shown(shape)}`);
    }

    // What lies over its middle, where that is on the screen?
    for (const box of boxes) {
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      const top = document.elementFromPoint(x, y);
      if (!top || !root.contains(top)) continue;
      const related = top.contains(holder) || holder.contains(top);
      const node = holder.closest(".fluffy-node");
      if (!related && !(node && node.contains(top))) {
        const name = top.className?.baseVal ?? top.className;
        problems.add(`${label} ${shown(box)} is covered by <${top.localName} class="${name}">`);
      }
    }
  }
  return [...problems];
}
