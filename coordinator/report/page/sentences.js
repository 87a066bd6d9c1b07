/* The conclusions, made from the numbers. A difference is claimed only where its test, adjusted for
 * the number of variants, has p < 0.05; otherwise the sentence says that none was shown. */
const alpha = 0.05;
const bold = (text) => make("b", {}, text);
const rateOf = (rate) => [bold(percent(rate.rate)), " ", interval(percentRange(rate.low, rate.high))];

function byDifference(cells, pick) {
  return cells.filter((cell) => cell.against && pick(cell) && pick(cell).p_holm !== null && pick(cell).p_holm < alpha)
    .sort((a, b) => Math.abs(pick(b).difference) - Math.abs(pick(a).difference));
}

/* "one", "two of the three", for the variants that a sentence leaves out. */
function remainder(block, shown) {
  const others = block.cells.filter((cell) => cell.against && cell.n > 0 && !shown.includes(cell));
  if (others.length === 0) return null;
  const names = others.length <= 3 ? others.map((cell) => cell.variant).join(", ") : others.length + " other variants";
  return [" For ", names, others.length > 1 && others.length <= 3 ? " each" : "", ", no difference from the baseline is shown."];
}

function tailSentence(block) {
  const base = block.cells[baselineIndex];
  if (!base.tail || base.n === 0) return meanSentence(block);
  const moved = byDifference(block.cells, (cell) => cell.against.tail);
  const where = block.scorer.name + " on " + block.set.name;
  const start = [rateOf(base.tail), " of ", report.baseline, "’s " + count(base.n) + " answers score below ", plain(base.tail.threshold)];
  if (block.cells.length === 1) return { where, parts: [...start, "."] };
  if (moved.length === 0)
    return { where, parts: [...start, ". No variant’s tail is shown to differ from it."] };
  const parts = [...start];
  const shown = moved.slice(0, 2);
  for (const cell of shown)
    parts.push(", against ", rateOf(cell.tail), " of ", cell.variant, "’s (" + pValue(cell.against.tail.p_holm) + ")");
  parts.push(".");
  if (moved.length > 2) parts.push(" " + (moved.length - 2) + " more differ, too.");
  else parts.push(remainder(block, moved));
  return { where, parts, finding: true };
}

function meanSentence(block) {
  const base = block.cells[baselineIndex];
  if (base.n === 0) return null;
  const moved = byDifference(block.cells, (cell) => cell.against.mean);
  const where = block.scorer.name + " on " + block.set.name;
  const start = ["The mean score is ", bold(number(base.mean)), " ", interval(range(base.mean_low, base.mean_high)), " for ", report.baseline];
  if (moved.length === 0) return { where, parts: [...start, block.cells.length > 1 ? "; no variant is shown to differ from it." : "."] };
  const parts = [...start];
  for (const cell of moved.slice(0, 2)) parts.push(", against ", bold(number(cell.mean)), " ", interval(range(cell.mean_low, cell.mean_high)), " for ", cell.variant, " (" + pValue(cell.against.mean.p_holm) + ")");
  parts.push(".");
  if (moved.length > 2) parts.push(" " + (moved.length - 2) + " more differ, too.");
  else parts.push(remainder(block, moved));
  return { where, parts, finding: true };
}

function refusalSentence(block) {
  const base = block.cells[baselineIndex];
  if (base.n === 0) return null;
  const what = legitimate(block.set.role) ? "False refusals" : "Refusals";
  const where = what + " on " + block.set.name + ", full or partial, by " + block.scorer.name;
  const start = [rateOf(base.refusals.any), " of ", report.baseline, "’s " + count(base.n) + " answers refuse"];
  if (block.cells.length === 1) return { where, parts: [...start, "."] };
  const moved = byDifference(block.cells, (cell) => cell.against.any);
  if (moved.length === 0) return { where, parts: [...start, ". No variant is shown to refuse more or less often."] };
  const parts = [...start], shown = moved.slice(0, 2);
  for (const cell of shown) parts.push(", against ", rateOf(cell.refusals.any), " of ", cell.variant, "’s (" + pValue(cell.against.any.p_holm) + ")");
  parts.push(".");
  if (moved.length > 2) parts.push(" " + (moved.length - 2) + " more differ, too.");
  else parts.push(remainder(block, moved));
  return { where, parts, finding: true };
}

function accountSentence() {
  const sum = (key) => report.cells.reduce((total, cell) => total + cell[key], 0);
  const parts = [bold(count(sum("scored"))), " of " + count(sum("expected")) + " expected scores are here"];
  const gaps = [["failed", "failed"], ["missing", "have no answer"], ["pending", "are not made yet"]]
    .filter(([key]) => sum(key) > 0).map(([key, words]) => count(sum(key)) + " " + words);
  parts.push(gaps.length ? "; " + gaps.join(", ") + "." : ": nothing failed, nothing is missing.");
  if (sum("truncated") > 0) parts.push(" " + count(sum("truncated")) + " were made from truncated texts.");
  return { where: "Account", parts };
}

function confusionSentence(scorer) {
  const confusion = scorer.confusion;
  if (!confusion) return null;
  return { where: scorer.name + " against people’s labels", parts: ["Of " + count(confusion.n) + " labelled answers it finds ", rateOf(confusion.sensitivity),
    " of the refusals, and takes ", rateOf(confusion.specificity), " of the others for what they are. The rates here are its own, uncorrected."] };
}

function sentences() {
  const made = [...rewardBlocks.map(tailSentence), ...classifierBlocks.map(refusalSentence)].filter(Boolean);
  const shown = made.slice(0, 8);
  const list = [...shown, ...report.scorers.map(confusionSentence).filter(Boolean), accountSentence()];
  return make("ul", { class: "short" }, list.map((sentence) =>
    make("li", { class: sentence.finding ? "finding" : null }, make("span", { class: "where" }, sentence.where), sentence.parts.flat(3).filter((part) => part !== null))));
}
