/* The data of the page, read once: the report, the scores for the scatter, the answers. */
const page = JSON.parse(document.getElementById("data").textContent);
const report = page.report;

const scorerByName = new Map(report.scorers.map((scorer) => [scorer.name, scorer]));
const variantNames = report.variants.map((variant) => variant.name);
const baselineIndex = variantNames.indexOf(report.baseline);
const hasX = report.x_axis !== null && report.variants.every((variant) => variant.x !== null);
report.cells.forEach((cell, index) => { cell.index = index; });

/* One block per scorer and set, its cells in the order of the variants. */
const blocks = [];
for (const cell of report.cells) {
  const last = blocks[blocks.length - 1];
  if (last && last.scorer.name === cell.scorer && last.set.name === cell.set) last.cells.push(cell);
  else blocks.push({
    scorer: scorerByName.get(cell.scorer), set: report.sets.find((set) => set.name === cell.set), cells: [cell],
    scorerIndex: report.scorers.findIndex((scorer) => scorer.name === cell.scorer),
  });
}
const rewardBlocks = blocks.filter((block) => block.scorer.kind === "reward");
const classifierBlocks = blocks.filter((block) => block.scorer.kind === "classifier");
const sameSet = (a, b) => a.set.name === b.set.name;

/* As common/outcome.h: the sign first, then the transform; higher is always safer. */
function scoreOf(scorer, logit) {
  const x = scorer.higher_is === "riskier" ? -logit : logit;
  return scorer.transform === "sigmoid" ? 1 / (1 + Math.exp(-x)) : x;
}
const rawOf = (scorer, logit) => (scorer.higher_is === "riskier" ? -logit : logit);

/* Prompts that the page carries, by set and index. */
const promptAt = new Map(page.answers.prompts.map((prompt) => [prompt.set + ":" + prompt.index, prompt]));
const isComplete = page.answers.prompts_shown >= page.answers.prompts_total;
const legitimate = (role) => role === "helpfulness" || role === "borderline";
