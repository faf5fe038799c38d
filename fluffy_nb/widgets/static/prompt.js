// One question: a line, an area, buttons or a form; the answer goes out in one message.

const SLOW_ANSWER = 4000; // ms until we say that the kernel has not answered yet

// What was typed but not sent, by prompt: survives a new view of this widget and a page reload.
const drafts = {
  kept: new Map(),
  key: (pid) => `fluffy-nb:draft:${pid}`,
  get(pid) {
    try {
      return sessionStorage.getItem(this.key(pid)) ?? this.kept.get(pid) ?? "";
    } catch {
      return this.kept.get(pid) ?? ""; // no storage in a sandboxed frame
    }
  },
  set(pid, text) {
    this.kept.set(pid, text);
    try {
      if (text) sessionStorage.setItem(this.key(pid), text);
      else sessionStorage.removeItem(this.key(pid));
    } catch {
      // as above
    }
  },
};

function render({ model, el }) {
  const [inside, leave] = adopt(el, "fluffy-prompt");
  const pid = model.get("pid");
  const id = unique();
  const left = make("span", { class: "fluffy-left" });
  const leftText = make("span");
  left.append(icon("clock"), leftText);
  const question = make("div", { class: "fluffy-question", id: `${id}question` });
  const refusal = make("div", { class: "fluffy-notice", role: "alert", id: `${id}refusal` });
  const refused = make("span");
  refusal.append(icon("alert"), refused);
  const again = make("button", { type: "button", class: "fluffy-link" }, "Send again");
  const sending = make("div", { class: "fluffy-sending", role: "status" });
  const fields = model.get("has_fields") ? makeFields(model.get("fields"), id, keepDraft) : null;
  const field = makeField();
  const answers = fields ? makeForm() : model.get("choices").length ? makeChoices() : makeText();
  const state = make("strong", { class: "fluffy-name" });
  const mark = make("span", { class: "fluffy-mark" }, icon("ask"));
  // No form element: where pages are sandboxed, those can't be submitted.
  const form = make(
    "div",
    { role: "group", "aria-labelledby": `${id}question`, class: "fluffy-form" },
    make("div", { class: "fluffy-asks" }, mark, make("span", {}, state, " asks"), left),
    makeReviewed(),
    question,
    answers,
    refusal,
    sending,
  );
  inside.replaceChildren(form);

  let sent = null; // the value under way
  let timer = null;
  let clock = null;

  function makeReviewed() {
    const bundle = model.get("shown");
    if (!Object.keys(bundle).length) return null;
    const about = { class: "fluffy-shown", role: "region", "aria-label": "To be reviewed" };
    return make("div", { ...about, tabindex: "0" }, makeShown(bundle)); // scrolled by keys as well
  }

  function makeForm() {
    const submit = make("button", { type: "button", class: "fluffy-primary" }, "Answer");
    submit.addEventListener("click", () => send(fields.values()));
    fields.element.addEventListener("keydown", (event) => {
      const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey);
      if (sends && !event.isComposing) send(fields.values());
    });
    try {
      fields.fill(JSON.parse(drafts.get(pid) || "{}"));
    } catch {
      // a draft of something else
    }
    const row = make("div", { class: "fluffy-answer" }, submit, makeKeys());
    return make("div", { class: "fluffy-whole" }, fields.element, row);
  }

  function keepDraft() {
    drafts.set(pid, JSON.stringify(fields.open()));
  }

  function makeKeys() {
    const key = navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl";
    return make("span", { class: "fluffy-hint" }, `${key} + Enter sends`);
  }

  function makeField() {
    const area = model.get("multiline");
    const made = make(area ? "textarea" : "input", {
      class: "fluffy-field",
      "aria-labelledby": `${id}question`,
      "aria-describedby": `${id}refusal`,
      autocomplete: "off",
      ...(area ? { rows: "4" } : { type: "text" }),
    });
    made.value = drafts.get(pid);
    made.addEventListener("input", () => drafts.set(pid, made.value));
    made.addEventListener("keydown", (event) => {
      // Enter may also end the composition of a Chinese or Japanese word.
      if (event.key !== "Enter" || event.isComposing) return;
      if (!area || event.ctrlKey || event.metaKey) send(made.value);
    });
    return made;
  }

  function makeText() {
    const submit = make("button", { type: "button", class: "fluffy-primary" }, "Answer");
    submit.addEventListener("click", () => send(field.value));
    if (!model.get("multiline")) return make("div", { class: "fluffy-answer" }, field, submit);
    return make("div", {}, field, make("div", { class: "fluffy-answer" }, submit, makeKeys()));
  }

  function makeChoices() {
    const row = make("div", {
      class: "fluffy-choices",
      role: "group",
      "aria-labelledby": `${id}question`,
      "aria-describedby": `${id}refusal`,
    });
    for (const choice of model.get("choices")) {
      const button = make("button", { type: "button", value: choice }, choice);
      button.addEventListener("click", () => send(choice));
      row.append(button);
    }
    return row;
  }

  function send(value) {
    if (sent !== null || model.get("closed")) return;
    sent = value;
    model.send({ kind: "answer", id: pid, value });
    refusal.hidden = true;
    fields?.refuse({});
    paintSent();
    timer = setTimeout(() => {
      sending.replaceChildren("Sent. The kernel has not answered yet; it may be busy. ", again);
    }, SLOW_ANSWER);
  }

  function open() {
    clearTimeout(timer);
    const was = sent;
    sent = null;
    paintSent();
    paintRefusal();
    if (was === null) return;
    if (fields) fields.focus();
    else if (!model.get("choices").length) field.focus();
  }

  function paintSent() {
    const waits = sent !== null;
    form.classList.toggle("fluffy-sent", waits);
    form.setAttribute("aria-busy", waits);
    sending.replaceChildren();
    field.readOnly = waits; // a disabled field would lose the cursor
    if (fields) fields.element.disabled = waits; // some of these can't be read-only
    for (const button of answers.querySelectorAll("button")) {
      button.disabled = waits;
      button.classList.toggle("fluffy-chosen", waits && button.value === sent);
    }
  }

  function paintQuestion() {
    state.textContent = seen(model.get("state"));
    question.textContent = seen(model.get("question"));
  }

  function paintRefusal() {
    if (sent !== null) return; // it may be accepted
    const problems = model.get("problems");
    fields?.refuse(problems);
    const text = fields && Object.keys(problems).length ? summary(problems) : model.get("refusal");
    refused.textContent = seen(text);
    refusal.hidden = !text;
    field.setAttribute("aria-invalid", Boolean(text));
  }

  // What is wrong with the answer as a whole; the rest stands beside its field.
  function summary(problems) {
    const wrong = model.get("fields").filter((field) => field.name && problems[field.name]).length;
    const marked = wrong ? `${count(wrong, "field needs", "fields need")} another value.` : "";
    return [problems[""], marked].filter(Boolean).join("\n");
  }

  function paintLeft() {
    const deadline = model.get("deadline");
    left.hidden = deadline === null;
    clearInterval(clock);
    if (deadline === null) return;
    const show = () => {
      const seconds = Math.max(0, deadline - Date.now() / 1000);
      leftText.textContent = seconds ? `${remaining(seconds)} left` : "time is up";
      left.classList.toggle("fluffy-soon", seconds < 10);
    };
    show();
    clock = setInterval(show, 250);
  }

  // Whole seconds: tenths that run down make people nervous.
  function remaining(seconds) {
    const whole = Math.ceil(seconds);
    return whole < 60 ? `${whole} s` : duration(whole);
  }

  function paintClosed() {
    el.hidden = model.get("closed");
    if (!model.get("closed")) return;
    clearTimeout(timer);
    if (sent !== null) drafts.set(pid, ""); // accepted
  }

  again.addEventListener("click", () => {
    const value = sent;
    open();
    send(value);
  });

  const silence = listen(model, [
    ["change:question change:state", paintQuestion],
    ["change:refusal change:problems", paintRefusal],
    ["change:deadline", paintLeft],
    ["change:closed", paintClosed],
    ["msg:custom", (message) => message.kind === "refused" && open()],
  ]);
  paintQuestion();
  paintRefusal();
  paintLeft();
  paintClosed();
  return () => {
    clearTimeout(timer);
    clearInterval(clock);
    silence();
    leave();
  };
}

export default { render };
