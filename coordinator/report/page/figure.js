/* One theme for all figures, and the only place that touches Vega. Expressions are interpreted, never
 * compiled, so the page needs no 'unsafe-eval'. A figure is redrawn when its width or the colour
 * scheme changes, and in light colours for print. */
Object.assign(ltModules["vega-dataflow"].transforms, ltModules["vega-transforms"],
  ltModules["vega-view-transforms"], ltModules["vega-encode"]);

const fontSans = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', Roboto, Arial, sans-serif";

/* Okabe and Ito's colours, in an order that keeps neighbours apart; brighter ones for the dark scheme. */
const palette = {
  light: ["#0b5fa5", "#d0611b", "#0a8a68", "#a3478b", "#b98900", "#3f9fd0", "#6b6b6b", "#7a4b1f"],
  dark: ["#6db3f2", "#f0905a", "#45c19c", "#d889c1", "#e0b33f", "#8fd0f2", "#b3b3b3", "#c89a6b"],
};
let printing = false;
const isDark = () => !printing && matchMedia("(prefers-color-scheme: dark)").matches;

function theme() {
  const style = getComputedStyle(document.documentElement);
  const light = { ink: "#1d2127", soft: "#5a6270", faint: "#8a919d", line: "#e3e1dc", rule: "#cfccc5", card: "#ffffff",
    tail: "#c8501e", body: "#7c93ab", "kind-full": "#b3471b", "kind-partial": "#e3a04b", "kind-capability": "#8b7fb8",
    "kind-compliance": "#9db4c9" };
  const colors = {};
  for (const name of Object.keys(light))
    colors[name] = printing ? light[name] : style.getPropertyValue("--" + name).trim() || light[name];
  const variants = variantNames.map((_, index) => palette[isDark() ? "dark" : "light"][index % 8]);
  return { ...colors, variants };
}

function vegaConfig(colors) {
  const axis = { labelFont: fontSans, titleFont: fontSans, labelFontSize: 11.5, titleFontSize: 12, titleFontWeight: 500,
    labelColor: colors.soft, titleColor: colors.soft, gridColor: colors.line, domainColor: colors.rule,
    tickColor: colors.rule, tickSize: 4, labelPadding: 4, titlePadding: 8, labelLimit: 260 };
  return { background: null, axis, text: { font: fontSans, fontSize: 11.5 }, title: { font: fontSans, color: colors.ink } };
}

const ruler = document.createElement("canvas").getContext("2d");
function textWidth(text, size = 11.5) {
  ruler.font = size + "px " + fontSans;
  return Math.ceil(ruler.measureText(text).width);
}

/* ---- the tooltip ---- */

const tip = document.getElementById("tip");
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
  tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18) + "px";
}
function onTip(handler, event, item, value) {
  if (value === null || value === undefined || value === "") tip.hidden = true;
  else showTip(String(value), event.clientX, event.clientY);
}

/* ---- figures ---- */

const figures = [];

/* A figure element. `specify(width, colors)` gives a Vega specification of that width; `caption` says n and
 * method; `options.onclick` gets the datum of a clicked mark. Drawn when it comes near the screen. */
function figure(title, caption, specify, options = {}) {
  const plot = make("div", { class: "plot", role: "img", "aria-label": title || caption });
  const element = make("figure", {}, title ? make("h4", {}, title) : null, options.key || null, plot,
    caption ? make("figcaption", {}, caption) : null);
  const entry = { plot, specify, options, view: null, width: 0, near: false };
  element.redraw = () => draw(entry, true);
  figures.push(entry);
  return element;
}

function draw(entry, force) {
  const width = Math.floor(entry.plot.clientWidth);
  if (width < 40 || (!force && width === entry.width)) return;
  entry.width = width;
  if (entry.view) entry.view.finalize();
  const colors = theme();
  const spec = entry.specify(width, colors);
  const runtime = ltModules["vega-parser"].parse(spec, vegaConfig(colors), { ast: true });
  entry.view = new ltModules["vega-view"].View(runtime, {
    expr: ltModules["vega-interpreter"].expressionInterpreter,
    renderer: spec.usermeta?.canvas ? "canvas" : "svg", logLevel: 1, tooltip: onTip,
  });
  entry.plot.style.height = spec.height + spec.padding.top + spec.padding.bottom + "px";
  entry.view.initialize(entry.plot);
  if (entry.options.onclick)
    entry.view.addEventListener("click", (event, item) => { if (item?.datum) entry.options.onclick(item.datum); });
  entry.view.run();
}

function drawAll(force) {
  for (const entry of figures) if (entry.near) draw(entry, force);
}

function watchFigures() {
  const near = new IntersectionObserver((changes) => {
    for (const change of changes) {
      if (!change.isIntersecting) continue;
      const entry = figures.find((one) => one.plot === change.target);
      entry.near = true;
      draw(entry, false);
      near.unobserve(change.target);
    }
  }, { rootMargin: "800px" });
  for (const entry of figures) near.observe(entry.plot);
  let waiting = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => drawAll(false));
  }).observe(document.getElementById("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(true));
  addEventListener("beforeprint", () => { printing = true; for (const entry of figures) { entry.near = true; draw(entry, true); } });
  addEventListener("afterprint", () => { printing = false; drawAll(true); });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
}

/* ---- pieces of specifications ---- */

const frame = (width, height, padding) => ({
  width: Math.max(40, width - padding.left - padding.right), height, padding, autosize: "none",
  data: [], scales: [], axes: [], marks: [],
});
const field = (name) => ({ field: name });
const scaled = (scale, name, more) => ({ scale, field: name, ...more });
const fixed = (value) => ({ value });
