// What the page shows, and what its controls do. The worker decodes.

import { showAttention } from "./heatmap.js";

const element = (id) => document.getElementById(id);
const [form, text, beam, button] = ["form", "text", "beam", "translate"].map(element);
const given = new URLSearchParams(location.search);
let target = ""; // language of the outputs
let busy = false;
let asked = {}; // what is decoded. The controls may change meanwhile

element("unopened").remove();
element("loading").hidden = false;
text.value = given.get("text") ?? text.value;
const worker = new Worker("worker.js", { type: "module" });

/** The language of a column that is named by its code, as English has it. */
function languageOf(column) {
  try {
    return /^[a-z]{2,3}$/.test(column) ? new Intl.DisplayNames("en", { type: "language" }).of(column) : column;
  } catch {
    return column;
  }
}

function translate() {
  if (busy || button.disabled || !form.reportValidity()) return;
  busy = true;
  element("error").hidden = true;
  element("status").textContent = "Translating …";
  element("best").textContent = "";
  asked = { text: text.value, beam: beam.value };
  worker.postMessage({ text: asked.text, beamSize: beam.valueAsNumber });
}

function showError(message) {
  busy = false;
  element("loading").hidden = true;
  element("status").textContent = "";
  element("error").textContent = message;
  element("error").hidden = false;
}

/** A line of the list. Its button shows the attention. */
function line(hypothesis, place, source) {
  const [row, label, radio] = ["li", "label", "input"].map((name) => document.createElement(name));
  Object.assign(radio, { type: "radio", name: "hypothesis", checked: place === 0 });
  radio.addEventListener("change", () => showAttention(element("attention"), source, hypothesis));
  const parts = { text: hypothesis.text || "(no text)", score: hypothesis.score.toFixed(4).replace("-", "\u2212") };
  const shown = Object.entries(parts).map(([name, value]) => {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = value;
    return part;
  });
  if (hypothesis.text) shown[0].lang = target;
  if (hypothesis.atLimit) shown[0].append(" (cut off: it is as long as an output may be)");
  label.append(radio, ...shown);
  row.append(label);
  return row;
}

const actions = {
  progress({ loaded, total }) {
    const bar = element("progress");
    bar.max = total;
    bar.value = Math.min(loaded, total);
  },
  ready({ columns, beamSize }) {
    const [from, to] = columns;
    text.lang = from;
    target = to;
    element("languages").textContent = `${languageOf(from)} to ${languageOf(to)}`;
    beam.value = given.get("beam") ?? Math.min(beamSize, beam.max);
    element("loading").hidden = true;
    element("status").textContent = "The model is ready.";
    button.disabled = false;
    if (given.has("text")) translate();
  },
  result({ pieces, hypotheses, seconds }) {
    busy = false;
    const count = hypotheses.length === 1 ? "1 output" : `${hypotheses.length} outputs`;
    element("status").textContent = `${count} in ${seconds.toFixed(2)} s.`;
    element("best").textContent = hypotheses[0].text;
    element("hypotheses").replaceChildren(...hypotheses.map((own, place) => line(own, place, pieces)));
    showAttention(element("attention"), pieces, hypotheses[0]);
    element("link").href = `?${new URLSearchParams(asked)}`;
    element("result").hidden = false;
  },
  error: ({ message }) => showError(message),
};

worker.addEventListener("message", ({ data: { kind, ...rest } }) => actions[kind](rest));
worker.addEventListener("error", (event) => {
  showError(`The program of this page cannot start: ${event.message ?? "a file of it is missing"}.`);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  translate();
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) translate();
});
