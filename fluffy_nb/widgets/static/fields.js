// The fields of a form. The page knows texts only: what they mean is decided in Python.

const FEW = 4; // so many choices are seen at once
const FITS = 14; // so many letters of theirs fit beside another field
const SHORT = ["integer", "number", "date", "time", "datetime", "choice", "check"]; // side by side

// Makes the fields: `element`, `values()`, `fill(texts)`, `refuse(problems)`, `focus()`.
function makeFields(fields, prefix, changed) {
  const parts = fields.map((field, index) => makePart(field, `${prefix}field${index}`));
  const element = make("fieldset", { class: "fluffy-fields" }, ...parts.map((part) => part.row));
  element.addEventListener("input", changed);
  return {
    element,
    values: () => Object.fromEntries(parts.map((part) => [part.field.name, part.read()])),
    // For drafts, which are stored: a password is typed anew.
    open: () =>
      Object.fromEntries(
        parts.filter((p) => p.field.kind !== "password").map((p) => [p.field.name, p.read()]),
      ),
    fill: (texts) => {
      for (const part of parts) {
        if (typeof texts[part.field.name] === "string") part.write(texts[part.field.name]);
      }
    },
    refuse: (problems) => {
      for (const part of parts) part.refuse(problems[part.field.name] ?? "");
    },
    focus: () => (parts.find((part) => part.isRefused()) ?? parts[0])?.focus(),
  };
}

function makePart(field, id) {
  const describes = make("div", { class: "fluffy-describes", id: `${id}describes` }, field.description);
  const hint = make("div", { class: "fluffy-hint", id: `${id}hint` }, shownHint(field));
  const told = make("span");
  const problem = make("div", { class: "fluffy-problem", role: "alert", id: `${id}problem` });
  problem.append(icon("alert"), told);
  describes.hidden = !describes.textContent;
  hint.hidden = !hint.textContent;
  problem.hidden = true;
  const aria = { "aria-describedby": `${id}describes ${id}hint ${id}problem` };
  if (field.required && field.kind !== "check") aria["aria-required"] = "true";
  const control = makeControl(field, id, aria);
  const long = control.group && field.choices.join("").length > FITS;
  const short = SHORT.includes(field.kind) && !long ? " fluffy-short" : "";
  const row = make("div", { class: `fluffy-row fluffy-kind-${field.kind}${short}` });
  row.append(...(control.labels ? [control.element] : [makeLabel(field, id, control), control.element]));
  row.querySelector(".fluffy-label").after(describes);
  row.append(hint, problem);
  control.write(field.text);
  return {
    field,
    row,
    read: control.read,
    write: control.write,
    focus: () => control.inputs[0].focus(),
    isRefused: () => !problem.hidden,
    refuse: (text) => {
      told.textContent = seen(text);
      problem.hidden = !text;
      for (const input of control.inputs) input.setAttribute("aria-invalid", Boolean(text));
    },
  };
}

function shownHint(field) {
  if (["date", "time", "datetime"].includes(field.kind)) return ""; // the page has a calendar
  return field.hint;
}

function makeLabel(field, id, control) {
  const optional = (field.nullable || !field.required) && !field.text;
  return make(
    control.group ? "div" : "label",
    control.group ? { class: "fluffy-label", id: `${id}label` } : { class: "fluffy-label", for: id },
    make("span", {}, field.label),
    optional ? make("span", { class: "fluffy-optional" }, " optional") : null,
  );
}

function makeControl(field, id, aria) {
  if (field.kind === "check") return makeCheck(field, id, aria);
  if (field.kind === "choice") {
    const several = field.nullable || field.choices.length > FEW;
    return several ? makeSelect(field, id, aria) : makeRadios(field, id, aria);
  }
  if (["area", "lines", "json", "any"].includes(field.kind)) return makeArea(field, id, aria);
  return makeInput(field, id, aria);
}

function makeInput(field, id, aria) {
  const types = { password: "password", date: "date", time: "time", datetime: "datetime-local" };
  // No number fields: those turn under the mouse wheel, and hide what can't be read as a number.
  const modes = { integer: "numeric", number: "decimal" };
  const element = make("input", {
    class: "fluffy-field",
    id,
    type: types[field.kind] ?? "text",
    inputmode: modes[field.kind] ?? null,
    autocomplete: field.kind === "password" ? "new-password" : "off",
    step: field.kind === "time" || field.kind === "datetime" ? "any" : null,
    ...aria,
  });
  return {
    element,
    inputs: [element],
    read: () => {
      if (element.validity.badInput) return "(incomplete)"; // half a date
      return field.zoned && element.value ? withZone(element.value) : element.value;
    },
    write: (text) => {
      element.value = field.kind === "datetime" ? localTime(text, field.zoned) : text;
    },
  };
}

function makeArea(field, id, aria) {
  const code = field.kind === "json" || field.kind === "any" ? " fluffy-code" : "";
  const element = make("textarea", {
    class: `fluffy-field${code}`,
    id,
    rows: field.kind === "any" ? "1" : "3",
    spellcheck: code ? "false" : null,
    autocomplete: "off",
    ...aria,
  });
  return {
    element,
    inputs: [element],
    read: () => element.value,
    write: (text) => {
      element.value = text;
    },
  };
}

function makeSelect(field, id, aria) {
  const element = make("select", { class: "fluffy-field", id, ...aria });
  element.append(make("option", { value: "" }, field.nullable ? "none" : "choose ..."));
  for (const choice of field.choices) element.append(make("option", { value: choice }, choice));
  return {
    element,
    inputs: [element],
    read: () => element.value,
    write: (text) => {
      element.value = text;
    },
  };
}

function makeRadios(field, id, aria) {
  const element = make("div", {
    class: "fluffy-radios",
    role: "radiogroup",
    "aria-labelledby": `${id}label`,
    ...aria,
  });
  const inputs = field.choices.map((choice) => {
    const input = make("input", { type: "radio", name: id, value: choice });
    element.append(make("label", {}, input, make("span", {}, choice)));
    return input;
  });
  return {
    element,
    inputs,
    group: true,
    read: () => inputs.find((input) => input.checked)?.value ?? "",
    write: (text) => {
      for (const input of inputs) input.checked = input.value === text;
    },
  };
}

function makeCheck(field, id, aria) {
  const input = make("input", { type: "checkbox", id, ...aria });
  const label = make("label", { class: "fluffy-label", for: id }, input, make("span", {}, field.label));
  return {
    element: label,
    inputs: [input],
    labels: true,
    read: () => (input.checked ? "yes" : "no"),
    write: (text) => {
      input.checked = text === "yes";
    },
  };
}

// A date and time as the page's field wants it: without a zone, in the reader's own where it has one.
function localTime(text, zoned) {
  if (!zoned || !text) return text.replace(" ", "T").slice(0, 23);
  const date = new Date(text);
  return new Date(date.getTime() - 60_000 * date.getTimezoneOffset()).toISOString().slice(0, 23);
}

function withZone(text) {
  const minutes = -new Date(text).getTimezoneOffset();
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const away = Math.abs(minutes);
  return `${text}${minutes < 0 ? "-" : "+"}${two(away / 60)}:${two(away % 60)}`;
}
