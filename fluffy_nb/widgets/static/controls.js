// Buttons that steer a run; its status, progress, time and notices, and what looks wrong before.

const VERBS = [
  ["run", "Run", "Start a new run"],
  ["pause", "Pause", "Let what runs end, and start nothing new"],
  ["step", "Step", "Let one state run, then pause"],
  ["resume", "Resume", "Go on where the run stopped"],
  ["cancel", "Cancel", "Cancel what runs; the run can be resumed"],
];

const GONE =
  "The kernel of this view is gone. Run the cell again for a new view; " +
  "%fluffy runs lists the runs that are kept.";

const SLOW_VERBS = { pause: "Pausing…", cancel: "Cancelling…" };

function render({ model, el }) {
  const [inside, leave] = adopt(el, "fluffy-controls");
  const name = make("strong", { class: "fluffy-name" });
  const [pill, showStatus] = makePill({ role: "status" });
  const verbs = make("div", { class: "fluffy-verbs", role: "toolbar" });
  const where = make("div", { class: "fluffy-where", role: "status" });
  const fill = make("div", { class: "fluffy-fill" });
  const track = make("div", { class: "fluffy-track", role: "progressbar", "aria-valuemin": "0" }, fill);
  const counts = make("span", { class: "fluffy-counts" });
  const time = make("span", { class: "fluffy-time" });
  const said = make("span");
  const notice = make("div", { class: "fluffy-notice", role: "alert" }, icon("alert"), said);
  const gone = make("div", { class: "fluffy-gone", role: "status" });
  const heading = make("summary");
  const list = make("ul");
  const notes = make("details", { class: "fluffy-notes" }, heading, list);
  const buttons = {};
  for (const [verb, title, tip] of VERBS) {
    const text = make("span", {}, title);
    const button = make("button", { type: "button", "data-verb": verb }, icon(verb), text);
    button.setAttribute("aria-label", title);
    button.title = tip;
    button.addEventListener("click", () => press(verb));
    buttons[verb] = { button, text, title };
    verbs.append(button);
  }
  inside.replaceChildren(
    make("div", { class: "fluffy-bar" }, make("div", { class: "fluffy-who" }, name, pill), verbs, where),
    track,
    make("div", { class: "fluffy-facts" }, counts, time),
    notice,
    gone,
    notes,
  );

  function press(verb) {
    model.send({ kind: "verb", verb });
    // What runs may take a while to end: say that the button was heard.
    if (verb in SLOW_VERBS) {
      buttons[verb].text.textContent = SLOW_VERBS[verb];
      buttons[verb].button.disabled = true;
    }
  }

  function paintStatus() {
    const [status, label] = [model.get("status"), model.get("label")];
    el.dataset.status = status;
    name.textContent = seen(label);
    showStatus(status);
    fill.dataset.status = status;
    verbs.setAttribute("aria-label", `Steer ${label}`);
    for (const [verb, { button, text, title }] of Object.entries(buttons)) {
      const focused = button === document.activeElement;
      text.textContent = title;
      button.disabled = !model.get("allowed").includes(verb);
      if (focused && button.disabled) hand(button);
    }
  }

  // A disabled button loses the keyboard: hand it to the next one that works.
  function hand(button) {
    const next = Object.values(buttons).find((other) => !other.button.disabled);
    button.blur();
    next?.button.focus();
  }

  // A run that another process executes can be looked at, and not steered.
  function paintWhere() {
    verbs.hidden = !model.get("steers");
    where.textContent = seen(model.get("where"));
  }

  function paintCounts() {
    const [done, total] = [model.get("done"), model.get("total")];
    const part = model.get("status") === "COMPLETED" ? 1 : total ? done / total : 0;
    const text = `${done} of ${count(total, "state")}`;
    fill.style.width = `${100 * part}%`;
    track.setAttribute("aria-valuemax", total);
    track.setAttribute("aria-valuenow", done);
    track.setAttribute("aria-valuetext", text);
    track.setAttribute("aria-label", `Progress of ${model.get("label")}`);
    counts.textContent = `${text} · ${count(model.get("executions"), "execution")}`;
  }

  // A kernel that has ended, or was started anew, knows nothing of this view any more.
  function paintGone() {
    const isGone = el.closest(".jupyter-widgets-disconnected") !== null;
    gone.textContent = isGone ? GONE : "";
    for (const { button } of Object.values(buttons)) button.disabled ||= isGone;
    if (isGone) clearInterval(clock);
  }

  function paintTime() {
    const since = model.get("since");
    const seconds = since === null ? model.get("elapsed") : Math.max(0, Date.now() / 1000 - since);
    time.textContent = seconds === null ? "" : duration(seconds);
    if (since === null) {
      clearInterval(clock);
      clock = null;
    } else if (clock === null) {
      clock = setInterval(paintTime, 100);
    }
  }

  function paintNotice() {
    said.textContent = seen(model.get("notice"));
    notice.hidden = !model.get("notice");
    paintStatus(); // a notice also answers a button
  }

  // A few are read at a glance; many would push the graph out of sight.
  function paintNotes() {
    const all = model.get("notes");
    notes.hidden = !all.length;
    notes.open = all.length <= 3;
    notes.dataset.serious = all.some((note) => note.serious);
    heading.replaceChildren(icon("alert"), make("span", {}, count(all.length, "note")));
    list.replaceChildren(...all.map(tellNote));
  }

  function tellNote({ state, text, serious }) {
    const item = make("li", { "data-serious": String(serious) });
    if (state) item.append(make("strong", {}, state), " ");
    item.append(text);
    return item;
  }

  let clock = null;
  const silence = listen(model, [
    ["change:status change:allowed change:label", paintStatus],
    ["change:done change:total change:executions change:status", paintCounts],
    ["change:since change:elapsed", paintTime],
    ["change:notice", paintNotice],
    ["change:notes", paintNotes],
    ["change:where change:steers", paintWhere],
    ["comm_live_update", () => setTimeout(paintGone)], // when the view around has been told, too
  ]);
  paintNotice();
  paintNotes();
  paintWhere();
  paintCounts();
  paintTime();
  return () => {
    clearInterval(clock);
    silence();
    leave();
  };
}

export default { render };
