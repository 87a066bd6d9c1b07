/* The figures of the report as Vega specifications: data in, specification out. */

/* Estimates with their intervals, one line per variant: rows [{label, value, low, high, text, tip, series}]. */
function intervalSpec(rows, options) {
  return (width, colors) => {
    const series = options.series || [{ name: "", color: "body" }];
    const shift = series.length > 1 ? 11 : 0;
    const step = 22 + shift * series.length;
    const labels = [...new Set(rows.map((row) => row.label))];
    const wide = width > 430 && series.length === 1;
    const left = Math.min(150, Math.max(...labels.map((label) => textWidth(label))) + 18);
    const right = wide ? Math.max(...rows.map((row) => textWidth(row.text))) + 18 : 22;
    const spec = frame(width, step * labels.length, { left, right, top: 4, bottom: 42 });
    const known = rows.filter((row) => row.value !== null);
    spec.data = [{ name: "rows", values: known.map((row) => ({ ...row,
      low: row.low ?? row.value, high: row.high ?? row.value,
      shift: (series.findIndex((one) => one.name === (row.series || "")) - (series.length - 1) / 2) * shift })) }];
    spec.scales = [
      { name: "x", type: "linear", range: "width", domain: options.domain || { data: "rows", fields: ["low", "high"] },
        nice: !options.domain, zero: options.zero || false, clamp: true },
      { name: "y", type: "band", range: "height", domain: labels },
      { name: "color", type: "ordinal", domain: series.map((one) => one.name), range: series.map((one) => colors[one.color]) },
    ];
    spec.axes = [
      { scale: "x", orient: "bottom", grid: true, format: options.format, tickCount: Math.max(3, Math.min(10, Math.floor(spec.width / 52))), title: options.title },
      { scale: "y", orient: "left", domain: false, ticks: false, labelColor: colors.ink, labelLimit: left - 14, labelPadding: 12 },
    ];
    const middle = { scale: "y", field: "label", band: 0.5, offset: { field: "shift" } };
    const color = scaled("color", "series");
    spec.marks = [
      { type: "rule", from: { data: "rows" }, encode: { update: { x: scaled("x", "low"), x2: scaled("x", "high"), y: middle,
        stroke: color, strokeWidth: fixed(2.5), strokeOpacity: fixed(0.55), strokeCap: fixed("round"), tooltip: field("tip") } } },
      { type: "symbol", from: { data: "rows" }, encode: { update: { x: scaled("x", "value"), y: middle, size: fixed(58),
        fill: color, stroke: fixed(colors.card), strokeWidth: fixed(1.2), tooltip: field("tip") } } },
    ];
    if (wide) spec.marks.push({ type: "text", from: { data: "rows" }, encode: { update: { x: { signal: "width", offset: 12 }, y: middle,
      text: field("text"), baseline: fixed("middle"), fill: fixed(colors.soft) } } });
    for (const row of spec.data[0].values) row.series = row.series || "";
    return spec;
  };
}

/* The same over the variants' number: rows with x; one line per series. */
function lineSpec(rows, options) {
  return (width, colors) => {
    const series = options.series || [{ name: "", color: "body" }];
    const spec = frame(width, 210, { left: 64, right: 18, top: 8, bottom: 44 });
    spec.data = [{ name: "rows", values: rows.filter((row) => row.value !== null).map((row) => ({ ...row, series: row.series || "",
      low: row.low ?? row.value, high: row.high ?? row.value })) }];
    spec.scales = [
      { name: "x", type: "linear", range: "width", domain: { data: "rows", field: "x" }, nice: true, zero: false, padding: 8 },
      { name: "y", type: "linear", range: "height", domain: { data: "rows", fields: ["low", "high"] }, nice: true, zero: options.zero || false },
      { name: "color", type: "ordinal", domain: series.map((one) => one.name), range: series.map((one) => colors[one.color]) },
    ];
    spec.axes = [
      { scale: "x", orient: "bottom", title: report.x_axis, tickCount: Math.max(2, Math.floor(spec.width / 70)) },
      { scale: "y", orient: "left", grid: true, format: options.format, tickCount: 5, title: options.title },
    ];
    const color = scaled("color", "series"), x = scaled("x", "x");
    const lines = (marks) => ({ type: "group", from: { facet: { name: "line", data: "rows", groupby: "series" } }, marks });
    spec.marks = [
      lines([{ type: "area", from: { data: "line" }, encode: { update: { x, y: scaled("y", "low"), y2: scaled("y", "high"), fill: color, fillOpacity: fixed(0.16) } } },
        { type: "line", from: { data: "line" }, encode: { update: { x, y: scaled("y", "value"), stroke: color, strokeWidth: fixed(2) } } }]),
      { type: "rule", from: { data: "rows" }, encode: { update: { x, y: scaled("y", "low"), y2: scaled("y", "high"), stroke: color, strokeOpacity: fixed(0.55), strokeWidth: fixed(1.6), tooltip: field("tip") } } },
      { type: "symbol", from: { data: "rows" }, encode: { update: { x, y: scaled("y", "value"), size: fixed(56), fill: color, stroke: fixed(colors.card), tooltip: field("tip") } } },
    ];
    return spec;
  };
}

/* What stands right above a panel: as much as there is room for. */
function panelNote(cell, room) {
  const n = "n = " + count(cell.n);
  const notes = cell.tail ? [n + ", " + count(cell.tail.count) + " in the tail (" + percent(cell.tail.rate) + ")", count(cell.tail.count) + " of " + count(cell.n) + " in the tail", count(cell.tail.count) + " of " + count(cell.n)] : [n];
  return notes.find((note) => textWidth(note) < room) || "";
}

/* One histogram per variant over the same bins and the same axes, the tail marked. */
function histogramSpec(block, axis) {
  return (width, colors) => {
    const key = axis === "raw" ? "raw_histogram" : "histogram";
    const cells = block.cells.filter((cell) => cell[key] && cell.n > 0);
    if (cells.length === 0) return frame(width, 20, { left: 0, right: 0, top: 0, bottom: 0 });
    const { first, step } = cells[0][key], bins = cells[0][key].counts.length;
    const panel = 58, gap = 26;
    const spec = frame(width, cells.length * (panel + gap), { left: 44, right: 10, top: 0, bottom: 44 });
    const rows = [], labels = [];
    let most = 0;
    cells.forEach((cell, index) => {
      const { counts, tail } = cell[key];
      const top = index * (panel + gap) + gap;
      counts.forEach((all, bin) => {
        if (all === 0) return;
        most = Math.max(most, all / cell.n);
        const from = first + bin * step, where = number(from) + " to " + number(from + step);
        const words = cell.variant + "\n" + where + ": " + count(all) + " of " + count(cell.n) + (tail[bin] ? "\n" + count(tail[bin]) + " in the tail" : "");
        if (tail[bin]) rows.push({ top, from, to: from + step, y: 0, y2: tail[bin] / cell.n, part: "tail", words });
        if (all > tail[bin]) rows.push({ top, from, to: from + step, y: tail[bin] / cell.n, y2: all / cell.n, part: "body", words });
      });
      labels.push({ top, name: cell.variant, n: panelNote(cell, spec.width - Math.min(textWidth(cell.variant, 12.5), spec.width * 0.42) - 12) });
    });
    spec.data = [{ name: "bars", values: rows }, { name: "panels", values: labels }];
    spec.scales = [
      { name: "x", type: "linear", range: "width", domain: [first, first + bins * step], nice: false, zero: false },
      { name: "y", type: "linear", range: [panel, 0], domain: [0, most * 1.04] },
      { name: "color", type: "ordinal", domain: ["tail", "body"], range: [colors.tail, colors.body] },
    ];
    const sign = block.scorer.higher_is === "riskier" ? "−logit" : "logit";
    spec.axes = [{ scale: "x", orient: "bottom", tickCount: Math.max(3, Math.floor(spec.width / 60)),
      title: axis === "raw" || block.scorer.transform === "none" ? "raw " + sign : "score (sigmoid of the " + sign + ")" }];
    spec.marks = [
      { type: "group", from: { data: "panels" }, encode: { update: { y: field("top"), width: { signal: "width" }, height: fixed(panel) } },
        signals: [{ name: "height", value: panel }], axes: [{ scale: "y", orient: "left", tickCount: 2, format: "%", grid: true, domain: false, ticks: false }] },
      { type: "rect", from: { data: "bars" }, encode: { update: { x: scaled("x", "from", { offset: 0.5 }), x2: scaled("x", "to", { offset: -0.5 }),
        y: { scale: "y", field: "y", offset: field("top") }, y2: { scale: "y", field: "y2", offset: field("top") }, fill: scaled("color", "part"), tooltip: field("words") } } },
      { type: "rule", from: { data: "panels" }, encode: { update: { x: fixed(0), x2: { signal: "width" }, y: { field: "top", offset: panel }, stroke: fixed(colors.rule) } } },
      { type: "text", from: { data: "panels" }, encode: { update: { x: fixed(0), y: { field: "top", offset: -7 }, text: field("name"), fontWeight: fixed(600), fill: fixed(colors.ink), limit: { signal: "width * 0.42" } } } },
      { type: "text", from: { data: "panels" }, encode: { update: { x: { signal: "width" }, y: { field: "top", offset: -7 }, align: fixed("right"), text: field("n"), fill: fixed(colors.soft) } } },
    ];
    addThreshold(spec, block, axis, panel, colors);
    return spec;
  };
}

/* Where the tail begins, on the axis shown. */
function thresholdOn(block, axis) {
  const tail = block.cells[0].tail;
  if (!tail) return null;
  if (axis !== "raw" || block.scorer.transform !== "sigmoid") return tail.threshold;
  return tail.threshold > 0 && tail.threshold < 1 ? Math.log(tail.threshold / (1 - tail.threshold)) : null;
}

function addThreshold(spec, block, axis, panel, colors) {
  const at = thresholdOn(block, axis), [low, high] = spec.scales[0].domain;
  if (at === null || at < low || at > high) return;
  spec.marks.push({ type: "rule", from: { data: "panels" }, encode: { update: { x: { scale: "x", value: at }, y: field("top"), y2: { field: "top", offset: panel },
    stroke: fixed(colors.tail), strokeDash: fixed([4, 3]), strokeOpacity: fixed(0.8) } } });
}

/* Score under the baseline (x) and under a variant (y), per prompt and sample. */
function pairsOf(block, variant, axis) {
  const base = page.scores[block.cells[baselineIndex].index], other = page.scores[block.cells[variant].index];
  const convert = axis === "raw" ? rawOf : scoreOf;
  const set = report.sets.indexOf(block.set), pairs = [];
  base.forEach((logit, index) => {
    if (logit === null || other[index] === null) return;
    const slot = index * page.stride;
    pairs.push({ x: convert(block.scorer, logit), y: convert(block.scorer, other[index]), set,
      prompt: Math.floor(slot / block.set.samples), sample: slot % block.set.samples, variant });
  });
  return pairs;
}

function marginal(pairs, key, low, high) {
  const bins = 36, counts = new Array(bins).fill(0);
  for (const pair of pairs) counts[Math.min(bins - 1, Math.max(0, Math.floor((pair[key] - low) / (high - low) * bins)))]++;
  const most = Math.max(...counts, 1);
  return counts.map((n, bin) => ({ from: low + (high - low) * bin / bins, to: low + (high - low) * (bin + 1) / bins, share: n / most }));
}

function pairTip(block, pair) {
  const prompt = promptAt.get(pair.set + ":" + pair.prompt);
  const words = prompt ? shorten(prompt.text, 160) : "prompt " + (pair.prompt + 1);
  return words + "\n" + report.baseline + ": " + number(pair.x) + "   " + variantNames[pair.variant] + ": " + number(pair.y);
}

function scatterSpec(block, choice) {
  return (width, colors) => {
    const pairs = pairsOf(block, choice.variant, choice.axis);
    const side = 46, outer = { left: 58, right: 8, top: 4, bottom: 46 };
    const size = Math.max(120, Math.min(width - outer.left - outer.right - side, 440));
    const spec = frame(size + side + outer.left + outer.right, size + side, outer);
    const values = pairs.flatMap((pair) => [pair.x, pair.y]);
    const sigmoid = choice.axis !== "raw" && block.scorer.transform === "sigmoid";
    const least = values.reduce((a, b) => Math.min(a, b), Infinity), most = values.reduce((a, b) => Math.max(a, b), -Infinity);
    if (pairs.length === 0 || (!sigmoid && least >= most)) return spec;
    const low = sigmoid ? 0 : least - 0.03 * (most - least), high = sigmoid ? 1 : most + 0.03 * (most - least);
    const at = thresholdOn(block, choice.axis);
    const shownAt = at !== null && at > low && at < high ? at : null;
    spec.usermeta = { canvas: pairs.length > 2500 };
    spec.data = [{ name: "pairs", values: pairs.map((pair) => ({ ...pair, words: pairTip(block, pair), low: at !== null && pair.y < at })) },
      { name: "top", values: marginal(pairs, "x", low, high) }, { name: "right", values: marginal(pairs, "y", low, high) }];
    spec.scales = [
      { name: "x", type: "linear", range: [0, size], domain: [low, high], zero: false },
      { name: "y", type: "linear", range: [size, 0], domain: [low, high], zero: false },
    ];
    const ticks = Math.max(3, Math.floor(size / 70));
    const axes = [
      { scale: "x", orient: "bottom", grid: true, tickCount: ticks, title: shorten(report.baseline, 40) + " (baseline)" },
      { scale: "y", orient: "left", grid: true, tickCount: ticks, title: shorten(variantNames[choice.variant], 40) },
    ];
    const radius = pairs.length > 4000 ? 9 : pairs.length > 800 ? 16 : 30;
    const body = { fill: fixed(colors.body), fillOpacity: fixed(0.75) };
    spec.marks = [
      { type: "rect", from: { data: "top" }, encode: { update: { x: scaled("x", "from", { offset: 0.5 }), x2: scaled("x", "to", { offset: -0.5 }),
        y2: fixed(side - 6), y: { signal: (side - 6) + " - datum.share * " + (side - 10) }, ...body } } },
      { type: "rect", from: { data: "right" }, encode: { update: { y: scaled("y", "to", { offset: side + 0.5 }), y2: scaled("y", "from", { offset: side - 0.5 }),
        x: fixed(size + 6), x2: { signal: (size + 6) + " + datum.share * " + (side - 10) }, ...body } } },
      { type: "group", signals: [{ name: "width", value: size }, { name: "height", value: size }],
        encode: { update: { y: fixed(side), width: fixed(size), height: fixed(size) } }, axes,
        marks: [...diagonal(low, high, shownAt, size, colors), points(radius, colors), ...(shownAt === null ? [] : corners(pairs, at, size, colors))] },
    ];
    return spec;
  };
}

function diagonal(low, high, at, size, colors) {
  const x = (value) => ({ scale: "x", value }), y = (value) => ({ scale: "y", value });
  const line = { stroke: fixed(colors.tail), strokeDash: fixed([4, 3]), strokeOpacity: fixed(0.8) };
  const marks = [{ type: "rule", encode: { update: { x: x(low), x2: x(high), y: y(low), y2: y(high), stroke: fixed(colors.faint), strokeWidth: fixed(1.2) } } }];
  if (at !== null) marks.push({ type: "rule", encode: { update: { x: x(at), y: fixed(0), y2: fixed(size), ...line } } },
    { type: "rule", encode: { update: { y: y(at), x: fixed(0), x2: fixed(size), ...line } } });
  return marks;
}

const points = (radius, colors) => ({ type: "symbol", from: { data: "pairs" }, encode: {
  update: { x: scaled("x", "x"), y: scaled("y", "y"), size: fixed(radius), fillOpacity: fixed(0.5), cursor: fixed("pointer"),
    fill: [{ test: "datum.low", value: colors.tail }, { value: colors.variants[0] }], tooltip: field("words") } } });

/* How many pairs lie in each corner that the threshold cuts off. */
function corners(pairs, at, size, colors) {
  const inside = (a, b) => pairs.filter((pair) => (pair.x < at) === a && (pair.y < at) === b).length;
  const places = [[inside(false, false), size - 7, 16, "right"], [inside(true, false), 7, 16, "left"],
    [inside(true, true), 7, size - 8, "left"], [inside(false, true), size - 7, size - 8, "right"]];
  const text = ([n, x, y, align], more) => ({ type: "text", interactive: false, encode: { update: { x: fixed(x), y: fixed(y), align: fixed(align), text: fixed(count(n)),
    fontWeight: fixed(700), fontSize: fixed(13), ...more } } });
  return places.flatMap((place) => [text(place, { stroke: fixed(colors.card), strokeWidth: fixed(4), strokeJoin: fixed("round") }), text(place, { fill: fixed(colors.ink) })]);
}

/* The kinds of all answers of each variant, as one bar of 100 %. */
function kindsSpec(block) {
  const kinds = ["full", "partial", "capability", "compliance"];
  return (width, colors) => {
    const cells = block.cells.filter((cell) => cell.n > 0), step = 55;
    const left = Math.min(150, Math.max(40, ...cells.map((cell) => textWidth(cell.variant))) + 18);
    const spec = frame(width, step * Math.max(1, cells.length), { left, right: 22, top: 4, bottom: 42 });
    const rows = cells.flatMap((cell) => {
      let from = 0;
      return kinds.map((kind) => {
        const rate = cell.refusals[kind], row = { label: cell.variant, kind, from, to: from += rate.rate, words: cell.variant + ", " + kindTitles[kind].toLowerCase() + "\n" + count(rate.count) + " of " + count(rate.n) + ": " + percent(rate.rate),
          text: rate.rate * spec.width > textWidth(count(rate.count)) + 10 ? count(rate.count) : "" };
        return row;
      });
    }).filter((row) => row.to > row.from);
    spec.data = [{ name: "rows", values: rows }];
    spec.scales = [
      { name: "x", type: "linear", range: "width", domain: [0, 1] },
      { name: "y", type: "band", range: "height", domain: cells.map((cell) => cell.variant), paddingInner: 0.5, paddingOuter: 0.25 },
      { name: "color", type: "ordinal", domain: kinds, range: kinds.map((kind) => colors["kind-" + kind]) },
    ];
    spec.axes = [{ scale: "x", orient: "bottom", format: "~%", tickCount: Math.max(3, Math.min(10, Math.floor(spec.width / 60))), title: "share of answers" },
      { scale: "y", orient: "left", domain: false, ticks: false, labelColor: colors.ink, labelLimit: left - 14, labelPadding: 12 }];
    spec.marks = [
      { type: "rect", from: { data: "rows" }, encode: { update: { x: scaled("x", "from"), x2: scaled("x", "to"), y: scaled("y", "label"), height: { scale: "y", band: 1 },
        fill: scaled("color", "kind"), stroke: fixed(colors.card), strokeWidth: fixed(1), tooltip: field("words") } } },
      { type: "text", interactive: false, from: { data: "rows" }, encode: { update: { x: { signal: "scale('x', (datum.from + datum.to) / 2)" }, y: scaled("y", "label", { band: 0.5 }),
        align: fixed("center"), baseline: fixed("middle"), text: field("text"), fill: [{ test: "datum.kind === 'full' && " + !isDark(), value: "#ffffff" }, { value: isDark() && !printing ? "#14171b" : "#1d2127" }] } } },
    ];
    return spec;
  };
}
