/* The sections between the conclusions and the answers. */
const keyItem = (css, text) => make("li", {}, make("i", { class: css }), text);

function section(id, title, lead, ...children) {
  return make("section", { id, "aria-labelledby": id + "-title" }, make("h2", { id: id + "-title" }, title), lead ? make("p", { class: "lead" }, lead) : null, children);
}

function methodOf(block) {
  const method = block.cells[0].interval.method;
  if (method === "cluster_category") return "cluster-robust over the " + count(Math.max(...block.cells.map((cell) => cell.interval.clusters))) + " prompt categories";
  return method === "cluster_prompt" ? "cluster-robust over prompts" : "Student’s t";
}

/* Over the variants' number where they have one, else one line per variant. */
function estimates(title, rows, options, caption) {
  const specify = hasX ? lineSpec(rows, options) : intervalSpec(rows, options);
  return figure(title, caption, specify, { key: options.key });
}

function meanFigure(block, axis) {
  const raw = axis === "raw";
  const rows = block.cells.map((cell, index) => {
    const of = raw ? cell.raw : cell;
    const text = number(of.mean) + " " + range(of.mean_low, of.mean_high);
    return { label: cell.variant, x: report.variants[index].x, value: of.mean, low: of.mean_low, high: of.mean_high, text, tip: cell.variant + "\n" + text + ", n = " + count(cell.n) };
  });
  return estimates("Mean " + (raw ? "raw logit" : "score"), rows, { title: raw ? "mean raw logit" : "mean score", format: "~r" }, "95\u00a0% interval, " + methodOf(block) + ".");
}

function tailFigure(block) {
  if (!block.cells[0].tail) return null;
  const rows = block.cells.map((cell, index) => ({ label: cell.variant, x: report.variants[index].x, value: cell.tail.rate, low: cell.tail.low, high: cell.tail.high,
    text: percent(cell.tail.rate) + " " + percentRange(cell.tail.low, cell.tail.high),
    tip: cell.variant + "\n" + count(cell.tail.count) + " of " + count(cell.n) + ": " + percent(cell.tail.rate) + " " + percentRange(cell.tail.low, cell.tail.high), series: "tail" }));
  return estimates("Share in the tail, below " + plain(block.cells[0].tail.threshold), rows,
    { title: "share of answers", format: "~%", zero: true, series: [{ name: "tail", color: "tail" }] }, "95\u00a0% Wilson interval. The threshold is the same for all variants.");
}

function rewardCard(block) {
  const left = make("div", {}), right = make("div", {});
  const histogramKey = () => make("ul", { class: "key" }, block.cells[0].tail ? keyItem("fill-tail", "in the tail") : null, keyItem("fill-body", block.cells[0].tail ? "above the threshold" : "answers"));
  const fill = (axis) => {
    left.replaceChildren(...[meanFigure(block, axis), tailFigure(block)].filter(Boolean));
    right.replaceChildren(figure("Distribution of the scores", "Share of each variant’s answers per bin; the same bins and axes for all.", histogramSpec(block, axis), { key: histogramKey() }));
    for (const entry of figures.filter((one) => one.plot.isConnected)) { entry.near = true; draw(entry, false); }
  };
  const switches = block.scorer.transform === "sigmoid" ? toggle("Axis", [["score", "score"], ["raw", "raw logit"]], "score", fill) : null;
  const card = make("div", { class: "card" }, make("header", {}, make("h3", {}, block.scorer.name + " on " + block.set.name), switches ||
    make("p", {}, "higher is safer")), make("div", { class: "columns" }, left, right));
  left.append(...[meanFigure(block, "score"), tailFigure(block)].filter(Boolean));
  right.append(figure("Distribution of the scores", "Share of each variant’s answers per bin; the same bins and axes for all.", histogramSpec(block, "score"), { key: histogramKey() }));
  card.append(rewardTable(block), againstTable(block) || "");
  return card;
}

function scatterCaption(block, variant) {
  const cell = block.cells[variant], against = cell.against;
  const sampled = page.stride > 1 ? " One prompt in " + page.stride + " is drawn; the counts in this line are of all." : "";
  return count(against.pairs) + " pairs: " + count(against.higher) + " above the line (safer than under the baseline), " + count(against.lower) + " below." + sampled +
    (cell.tail ? " Numbers in the corners: pairs on either side of the two thresholds." : "");
}

/* The variant whose mean is farthest from the baseline's: shown first. */
function mostChanged(block) {
  const size = (cell) => (cell.against ? Math.abs(cell.against.mean.difference ?? 0) : -1);
  return block.cells.reduce((best, cell, index) => (size(cell) > size(block.cells[best]) ? index : best), 0);
}

function scatterCard(block) {
  const choice = { variant: mostChanged(block), axis: "score" };
  const text = make("figcaption", {});
  const element = figure("", "", (width, colors) => scatterSpec(block, choice)(width, colors), { onclick: (pair) => { if (pair.prompt !== undefined) openAnswer(pair.set, pair.prompt, pair.variant, pair.sample); } });
  element.append(text);
  const update = () => { text.textContent = scatterCaption(block, choice.variant); };
  const select = make("select", { "aria-label": "Variant", onchange: (event) => { choice.variant = Number(event.target.value); update(); element.redraw(); } },
    block.cells.map((cell, index) => (cell.against ? make("option", { value: index, selected: index === choice.variant }, cell.variant) : null)));
  update();
  const switches = block.scorer.transform === "sigmoid" ? toggle("Axis", [["score", "score"], ["raw", "raw logit"]], "score", (axis) => { choice.axis = axis; element.redraw(); }) : null;
  return make("div", { class: "card" }, make("header", {}, make("h3", {}, block.scorer.name + " on " + block.set.name), switches), make("p", {}, select), element);
}

const kindsKey = () => make("ul", { class: "key" }, ["full", "partial", "capability", "compliance"].map((kind) => keyItem("fill-" + kind, kindTitles[kind].toLowerCase())));

function refusalCard(block) {
  const kinds = [["any", "body", "any"], ["full", "kind-full", "full"], ["capability", "kind-capability", "capability"]];
  const rows = block.cells.flatMap((cell, index) => kinds.map(([kind]) => {
    const rate = cell.refusals[kind];
    return { label: cell.variant, x: report.variants[index].x, value: rate.rate, low: rate.low, high: rate.high, series: kind, text: "",
      tip: cell.variant + ", " + kind + "\n" + count(rate.count) + " of " + count(rate.n) + ": " + percent(rate.rate) + " " + percentRange(rate.low, rate.high) };
  }));
  const key = make("ul", { class: "key" }, kinds.map(([kind, color, words]) => keyItem("dot fill-" + kind, words)));
  const name = legitimate(block.set.role) ? "False refusals" : "Refusals";
  return make("div", { class: "card" }, make("header", {}, make("h3", {}, name + " on " + block.set.name), make("p", {}, block.set.role + " prompts, by " + block.scorer.name)),
    make("div", { class: "columns even" },
      estimates("How often", rows, { title: "share of answers", format: "~%", zero: true, key, series: kinds.map(([name, color]) => ({ name, color })) }, "95\u00a0% Wilson intervals; any: full or partial."),
      figure("What all answers are", "Numbers in the bars are counts.", kindsSpec(block), { key: kindsKey() })),
    refusalTable(block), againstTable(block) || "");
}

function confusionSection() {
  const parts = [];
  for (const scorer of report.scorers.filter((one) => one.confusion)) {
    const cells = report.cells.filter((cell) => cell.scorer === scorer.name && cell.confusion);
    parts.push(make("div", { class: "card" }, make("header", {}, make("h3", {}, scorer.name)),
      make("div", { class: "columns thirds" }, confusionTable("All labelled answers", scorer.confusion),
        cells.map((cell) => confusionTable(cell.variant + " on " + cell.set, cell.confusion)))));
  }
  if (parts.length === 0) return null;
  return section("labels", "The classifier against people", "Answers that a person has labelled, and what the classifier says of them. Rows are a person’s word, columns the classifier’s. “Refusals found” is its sensitivity, “others kept” its specificity, for full or partial refusals together.", parts);
}
