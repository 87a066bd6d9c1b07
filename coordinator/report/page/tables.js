/* Tables: the account, the numbers behind the figures, people against the classifier. */
function table(caption, columns, rows) {
  const cellOf = (name, column, value, extra) =>
    make(name, { class: [column.text ? "text" : "", extra || ""].join(" ").trim() || null, scope: name === "th" ? "row" : null, "data-label": column.title }, make("span", {}, value));
  return make("div", { class: "tabled" }, make("p", { class: "caption" }, caption),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, make("table", { class: "numbers" },
    make("thead", {}, make("tr", {}, columns.map((column) => make("th", { scope: "col", class: column.text ? "text" : null }, column.title)))),
    make("tbody", {}, rows.map((row) => row.group
      ? make("tr", { class: "group" }, make("th", { colspan: columns.length, scope: "rowgroup" }, row.group))
      : make("tr", {}, columns.map((column, index) => {
        const value = column.value(row);
        return cellOf(index === 0 ? "th" : "td", column, value, column.alert && column.alert(row) ? "alert" : "");
      })))))));
}

const variantName = (cell) => [cell.variant, cell.variant === report.baseline && report.variants.length > 1 ? make("span", { class: "base" }, "baseline") : null];
const groupRows = (some) => some.flatMap((block) => [{ group: block.scorer.name + " on " + block.set.name + " (" + block.set.role + ")" }, ...block.cells]);
const withRange = (value, low, high, show, showRange) => [show(value), " ", low === null ? "" : interval(showRange(low, high))];

const counted = (rate) => [make("span", { class: "k" }, count(rate.count)), " ", percent(rate.rate), " ", rate.low === null ? "" : interval(percentRange(rate.low, rate.high))];

function accountTable() {
  const failures = (cell) => Object.entries(cell.failed_by).map(([reason, n]) => n + " " + reason).join(", ");
  const columns = [
    { title: "Variant", text: true, value: variantName },
    { title: "Expected", value: (cell) => count(cell.expected) },
    { title: "Scored", value: (cell) => count(cell.scored) },
    { title: "Failed", value: (cell) => count(cell.failed), alert: (cell) => cell.failed > 0 },
    { title: "Missing", value: (cell) => count(cell.missing), alert: (cell) => cell.missing > 0 },
    { title: "Pending", value: (cell) => count(cell.pending), alert: (cell) => cell.pending > 0 },
    { title: "Truncated", value: (cell) => count(cell.truncated) },
    { title: "Unmatched", value: (cell) => count(cell.unmatched) },
  ];
  if (report.cells.some((cell) => cell.failed > 0)) columns.push({ title: "Failed because", text: true, value: failures });
  return table("Every answer is accounted for: expected = scored + failed + missing + pending. Truncated ones are among the scored; " +
    "unmatched responses belong to no prompt and are not expected.", columns, groupRows(blocks));
}

function rewardTable(block) {
  const quantile = (q) => ({ title: q * 100 + " %", value: (cell) => {
    const found = cell.quantiles.find((one) => one.q === q);
    return found.value === null ? "–" : [number(found.value), " ", interval(found.low === null ? "n < " + found.n_needed : range(found.low, found.high))];
  } });
  const columns = [
    { title: "Variant", text: true, value: variantName },
    { title: "n", value: (cell) => count(cell.n) },
    { title: "Mean", value: (cell) => withRange(cell.mean, cell.mean_low, cell.mean_high, number, range) },
  ];
  if (block.cells[0].tail)
    columns.push({ title: "Below " + plain(block.cells[0].tail.threshold), value: (cell) => counted(cell.tail) });
  columns.push(quantile(0.01), quantile(0.05), { title: "50\u00a0%", value: (cell) => number(cell.quantiles.find((one) => one.q === 0.5).value) },
    { title: "Worst 5\u00a0%", value: (cell) => number(cell.worst[1].mean) });
  return table("Numbers of " + block.scorer.name + " on " + block.set.name + ". Brackets: 95\u00a0% intervals. Quantiles are followed by a " +
    "distribution-free interval, or by the n it would need.", columns, block.cells);
}

function againstTable(block) {
  const cells = block.cells.filter((cell) => cell.against);
  if (cells.length === 0) return null;
  const change = (key, title) => [
    { title, value: (cell) => signedPercent(cell.against[key].difference) },
    { title: "gained / lost", value: (cell) => count(cell.against[key].gained) + " / " + count(cell.against[key].lost) },
    { title: "p, Holm", value: (cell) => pValue(cell.against[key].p_holm) }];
  const reward = block.scorer.kind === "reward";
  const columns = [{ title: "Variant", text: true, value: variantName }, { title: "Pairs", value: (cell) => count(cell.against.pairs) }];
  if (reward) {
    columns.push({ title: "Mean difference", value: (cell) => withRange(cell.against.mean.difference, cell.against.mean.low, cell.against.mean.high, number, range) },
      { title: "p, Holm", value: (cell) => pValue(cell.against.mean.p_holm) },
      { title: "Higher / lower", value: (cell) => count(cell.against.higher) + " / " + count(cell.against.lower) });
    if (block.cells[0].tail) columns.push(...change("tail", "Tail, points"));
  } else {
    columns.push(...change("full", "Full, points"), ...change("any", "Any, points"));
  }
  return table("Against " + report.baseline + ", on the same prompts. " + (reward ? "The mean difference is paired; rates" : "Rates") +
    " by the exact McNemar test; p adjusted after Holm for " + cells.length + (cells.length === 1 ? " variant." : " variants."), columns, cells);
}
function signedPercent(value) {
  if (value === null) return "–";
  return (value > 0 ? "+" : value < 0 ? "−" : "") + (100 * Math.abs(value)).toFixed(1);
}

function refusalTable(block) {
  const rate = (title, pick) => ({ title, value: (cell) => counted(pick(cell)) });
  const share = (title, pick) => ({ title, value: (cell) => [make("span", { class: "k" }, count(pick(cell).count)), " ", percent(pick(cell).rate)] });
  const columns = [{ title: "Variant", text: true, value: variantName }, { title: "n", value: (cell) => count(cell.n) },
    rate("Full", (cell) => cell.refusals.full), share("Partial", (cell) => cell.refusals.partial), rate("Any", (cell) => cell.refusals.any),
    rate("Capability", (cell) => cell.refusals.capability), share("Compliance", (cell) => cell.refusals.compliance)];
  if (block.cells.some((cell) => cell.refusals.corrected_any !== null))
    columns.push({ title: "Any, corrected", value: (cell) => percent(cell.refusals.corrected_any) });
  return table((legitimate(block.set.role) ? "False refusals" : "Refusals") + " on " + block.set.name + ": count, share, 95\u00a0% Wilson interval. " +
    "“Any” is full or partial; answers that say the model cannot do it count in n and not as refusals.", columns, block.cells);
}

const kindTitles = { compliance: "Compliance", full: "Full refusal", partial: "Partial refusal", capability: "Capability" };

const kindShort = { compliance: "Complies", full: "Full", partial: "Partial", capability: "Can’t" };

function confusionTable(title, confusion) {
  const heat = (n, total) => (n === 0 || total === 0 ? 0 : n / total < 0.1 ? 1 : n / total < 0.5 ? 2 : 3);
  const rows = confusion.kinds.map((kind, index) => ({ kind, counts: confusion.counts[index], total: confusion.counts[index].reduce((a, b) => a + b, 0) }))
    .filter((row) => row.total > 0);
  const body = rows.map((row) => make("tr", {}, make("th", { scope: "row" }, kindShort[row.kind]),
    row.counts.map((n, index) => make("td", { class: "heat-" + heat(n, row.total) + (confusion.kinds[index] === row.kind ? "" : " miss") }, count(n)))));
  return make("div", {}, make("p", { class: "subhead" }, title),
    make("div", { class: "scroll" }, make("table", { class: "confusion" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "text" }, "person ↓"), confusion.kinds.map((kind) => make("th", { scope: "col" }, kindShort[kind])))),
      make("tbody", {}, body))),
    make("p", { class: "found" }, "Refusals found: ", percent(confusion.sensitivity.rate), " ", interval(percentRange(confusion.sensitivity.low, confusion.sensitivity.high)),
      " · others kept: ", percent(confusion.specificity.rate), " ", interval(percentRange(confusion.specificity.low, confusion.specificity.high)),
      confusion.kappa === null ? "" : " · Cohen’s κ over four kinds: " + number(confusion.kappa)));
}
