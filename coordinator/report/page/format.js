/* Numbers as people read them, and elements. Text only ever goes in as text. */
const thousands = new Intl.NumberFormat("en", { useGrouping: true });
const count = (n) => thousands.format(n);

function percent(rate) {
  if (rate === null) return "–";
  const value = 100 * rate;
  if (value === 0 || value >= 99.95) return value.toFixed(value === 0 ? 0 : 1) + "\u00a0%";
  return value.toFixed(value < 1 ? 2 : 1) + "\u00a0%";
}
function percentRange(low, high) {
  if (low === null) return "";
  const digits = 100 * high < 1 ? 2 : 1;
  return "[" + (100 * low).toFixed(digits) + ", " + (100 * high).toFixed(digits) + "]";
}
const number = (value) => (value === null ? "–" : value.toFixed(Math.abs(value) >= 100 ? 1 : 3).replace("-", "−"));
const plain = (value) => String(Number(value.toPrecision(4))).replace("-", "−");
const range = (low, high) => (low === null ? "" : "[" + number(low) + ", " + number(high) + "]");
function pValue(p) {
  if (p === null) return "–";
  return p < 0.001 ? "p\u00a0<\u00a00.001" : "p\u00a0=\u00a0" + p.toFixed(p < 0.1 ? 3 : 2);
}
const shorten = (text, length) => (text.length > length ? text.slice(0, length - 1).trimEnd() + "…" : text);

/* make("p", {class: "x"}, "text", child, ...) */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
const interval = (text) => make("span", { class: "ci" }, text);

function toggle(label, options, chosen, change) {
  const group = make("div", { class: "toggle", role: "group", "aria-label": label });
  for (const [value, text] of options)
    group.append(make("button", { type: "button", "aria-pressed": String(value === chosen), onclick: (event) => {
      for (const button of group.children) button.setAttribute("aria-pressed", String(button === event.target));
      change(value);
    } }, text));
  return group;
}
