// The panel that tells what is known of one state.

function makePanel(onClose) {
  const name = make("strong", { class: "fluffy-name" });
  const [pill, setStatus] = makePill();
  const close = make("button", { type: "button", class: "fluffy-quiet", title: "Close (Esc)" });
  close.setAttribute("aria-label", "Close the details");
  close.append(icon("close"));
  close.addEventListener("click", onClose);
  const facts = make("dl", { class: "fluffy-list" });
  const code = make("pre", { class: "fluffy-code", tabindex: "0", "aria-label": "Source code" });
  const el = make(
    "section",
    { class: "fluffy-panel", hidden: true, tabindex: "-1" },
    make("header", {}, name, pill, close),
    facts,
    code,
  );
  let clock = null;

  function begin(state) {
    el.setAttribute("aria-label", `Details of ${state}`);
    name.textContent = seen(state);
    pill.hidden = true;
    facts.replaceChildren();
    code.hidden = true;
    el.hidden = false;
  }

  function show(told) {
    clearInterval(clock);
    pill.hidden = !told.defined;
    code.hidden = !told.source;
    facts.replaceChildren();
    if (!told.defined) {
      fact("Undefined", "No state has this name, and a run that comes here fails.");
      return;
    }
    setStatus(told.status);
    if (told.executions) fact("Executed", runs(told));
    if (told.seconds !== null) time(told);
    if (told.fraction !== null) progress(told);
    if (told.waits) fact("Waits", told.waits.replace(/^waits /, ""));
    if (told.error) fact("Error", told.error).classList.add("fluffy-error");
    if (!told.executions && !told.waits) fact("Executed", "not yet");
    const source = seen(told.source);
    if (code.textContent !== source) code.textContent = source;
  }

  function runs({ executions, attempts }) {
    const times = executions === 1 ? "once" : `${executions} times`;
    return attempts > 1 ? `${times}, now in attempt ${attempts}` : times;
  }

  function time({ seconds, ticking }) {
    const told = performance.now();
    const value = fact("Time", duration(seconds));
    if (!ticking) return;
    clock = setInterval(() => {
      value.textContent = duration(seconds + (performance.now() - told) / 1000);
    }, 100);
  }

  function progress({ fraction, message }) {
    const percent = `${Math.round(100 * fraction)} %`;
    fact("Progress", message ? `${percent}, ${message}` : percent);
  }

  function fact(title, text) {
    const value = make("dd", {}, text);
    facts.append(make("dt", {}, title), value);
    return value;
  }

  function end() {
    clearInterval(clock);
    el.hidden = true;
  }

  return { el, begin, show, setStatus, end };
}
