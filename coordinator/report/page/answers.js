/* The answers behind the numbers: lists to read, search, every variant's answer side by side. */
const answersStep = 25;
const answerState = { view: 0, variant: -1, words: "", shown: answersStep };

/* All answers on the page, once. */
const allAnswers = page.answers.prompts.flatMap((prompt) => prompt.answers.map((answer) => ({ prompt, answer })));

function scoreIn(block, answer) {
  const row = answer.rows[block.scorerIndex];
  return row && row.l !== undefined ? scoreOf(block.scorer, row.l) : null;
}
const refused = (row) => row && (row.k === "full" || row.k === "partial");

/* What can be read: {title, about, has(entry), order(entry)}; lowest order first. */
function views() {
  const list = [];
  const inSet = (block, entry) => report.sets[entry.prompt.set].name === block.set.name;
  for (const block of rewardBlocks) {
    list.push({ title: "Lowest " + block.scorer.name + " on " + block.set.name, has: (entry) => inSet(block, entry) && scoreIn(block, entry.answer) !== null,
      order: (entry) => scoreIn(block, entry.answer) });
    if (report.variants.length < 2) continue;
    const drop = (entry) => {
      const base = entry.prompt.answers.find((other) => other.v === baselineIndex && other.sample === entry.answer.sample);
      const before = base ? scoreIn(block, base) : null, after = scoreIn(block, entry.answer);
      return before === null || after === null || entry.answer.v === baselineIndex ? null : after - before;
    };
    list.push({ title: "Largest drops of " + block.scorer.name + " on " + block.set.name + " against " + report.baseline,
      has: (entry) => inSet(block, entry) && drop(entry) !== null && drop(entry) < 0, order: drop });
  }
  for (const block of classifierBlocks) {
    const row = (entry) => entry.answer.rows[block.scorerIndex];
    const safety = block.set.role === "safety";
    list.push({ title: (legitimate(block.set.role) ? "False refusals on " : "Refusals on ") + block.set.name, has: (entry) => inSet(block, entry) && refused(row(entry)), order: (entry) => -row(entry).p, late: safety });
    if (safety) list.push({ title: "Answered all the same on " + block.set.name, has: (entry) => inSet(block, entry) && row(entry)?.k && !refused(row(entry)), order: (entry) => row(entry).p });
    if (report.cells.some((cell) => cell.set === block.set.name && cell.scorer === block.scorer.name && cell.refusals.capability.count > 0))
      list.push({ title: "Capability answers on " + block.set.name, has: (entry) => inSet(block, entry) && row(entry)?.k === "capability", order: () => 0 });
  }
  if (report.cells.some((cell) => cell.failed > 0)) list.push({ title: "Failed", has: (entry) => entry.answer.rows.some((row) => row?.f), order: () => 0 });
  list.push({ title: isComplete ? "All answers" : "All answers on this page", has: () => true, order: () => 0 });
  return list;
}

/* Text with the searched words marked, as text nodes. */
function marked(text, words) {
  if (!words) return [text];
  const parts = [], lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(words); at >= 0 && lower.length === text.length; at = lower.indexOf(words, from)) {
    parts.push(text.slice(from, at), make("mark", {}, text.slice(at, at + words.length)));
    from = at + words.length;
  }
  return [...parts, text.slice(from)];
}

function reply(answer, words, folded) {
  if (answer.text.trim() === "") return make("p", { class: "reply none" }, answer.text === "" ? "(an empty answer)" : "(white space only)");
  const text = make("p", { class: "reply" + (folded ? " folded" : ""), dir: "auto" }, marked(answer.text, words));
  if (answer.cut) text.append(make("span", { class: "quiet" }, " … (cut here; " + count(answer.cut) + " bytes in rows.jsonl)"));
  return text;
}

function chips(entry) {
  const items = [];
  report.scorers.forEach((scorer, index) => {
    const row = entry.answer.rows[index];
    if (!row) return;
    const cut = row.t ? " · truncated" : "";
    if (row.f) items.push(make("li", { class: "in-tail" }, scorer.name + " ", make("b", {}, "failed: " + row.f)));
    else if (row.k) items.push(make("li", { class: "kind-" + row.k }, scorer.name + " ", make("b", {}, kindTitles[row.k].toLowerCase()), " · P(refusal) " + row.p.toFixed(3) + cut));
    else {
      const cell = report.cells.find((one) => one.scorer === scorer.name && one.set === report.sets[entry.prompt.set].name && one.variant === variantNames[entry.answer.v]);
      const score = scoreOf(scorer, row.l);
      items.push(make("li", { class: cell?.tail && score < cell.tail.threshold ? "in-tail" : null }, scorer.name + " ", make("b", {}, number(score)),
        scorer.transform === "sigmoid" ? " · logit " + row.l.toFixed(2).replace("-", "−") : "", cut));
    }
  });
  if (entry.answer.human) items.push(make("li", {}, "a person: ", make("b", {}, entry.answer.human)));
  return make("ul", { class: "chips" }, items);
}

const rowLink = (entry) => "#row=" + [entry.prompt.set, entry.prompt.index, entry.answer.v, entry.answer.sample].join("-");

function compare(entry, card, button) {
  const open = card.querySelector(".others");
  button.textContent = open ? "Compare the variants" : "Close the comparison";
  if (open) return open.remove();
  const others = entry.prompt.answers.filter((answer) => answer !== entry.answer);
  card.append(make("div", { class: "others" }, others.map((answer) => make("div", {}, make("p", { class: "who" }, variantNames[answer.v] + (answer.sample ? ", sample " + (answer.sample + 1) : "")),
    reply(answer, "", false), chips({ prompt: entry.prompt, answer })))));
}

function answerCard(entry, words) {
  const { prompt, answer } = entry, set = report.sets[prompt.set];
  const text = reply(answer, words, true), links = make("div", { class: "links" });
  if (answer.text.length > 420 || answer.text.split("\n").length > 6)
    links.append(make("button", { type: "button", onclick: (event) => { event.target.textContent = text.classList.toggle("folded") ? "Whole answer" : "Fold"; } }, "Whole answer"));
  const card = make("article", { class: "answer", id: rowLink(entry).slice(1) },
    make("header", {}, make("span", { class: "who" }, variantNames[answer.v]), make("span", {}, set.name), prompt.category ? make("span", {}, prompt.category) : null, make("span", {}, prompt.id),
      set.samples > 1 ? make("span", {}, "sample " + (answer.sample + 1)) : null, make("a", { href: rowLink(entry), title: "Link to this answer" }, "link")),
    make("p", { class: "prompt", dir: "auto" }, marked(prompt.text, words), prompt.cut ? " …" : ""), text, chips(entry), links);
  if (prompt.answers.length > 1) links.append(make("button", { type: "button", onclick: (event) => compare(entry, card, event.target) }, "Compare the variants"));
  return card;
}

let answerViews, answerList, answerFound, answerMore;

function fillAnswers() {
  const view = answerViews[answerState.view], words = answerState.words.trim().toLowerCase();
  const hits = allAnswers.filter((entry) => view.has(entry) && (answerState.variant < 0 || entry.answer.v === answerState.variant) &&
    (!words || entry.answer.text.toLowerCase().includes(words) || entry.prompt.text.toLowerCase().includes(words) || entry.prompt.id.toLowerCase() === words));
  const order = new Map(hits.map((entry) => [entry, view.order(entry)]));
  hits.sort((a, b) => order.get(a) - order.get(b));
  answerFound.textContent = count(hits.length) + (hits.length === 1 ? " answer" : " answers") + (isComplete ? "" : " of those on this page");
  answerList.replaceChildren(...hits.slice(0, answerState.shown).map((entry) => answerCard(entry, words)));
  answerMore.hidden = hits.length <= answerState.shown;
}

function answersSection() {
  answerViews = views().sort((a, b) => (a.late ? 1 : 0) - (b.late ? 1 : 0));
  answerList = make("div", {});
  answerFound = make("p", { class: "found", "aria-live": "polite" });
  const change = (key, convert) => (event) => { answerState[key] = convert(event.target.value); answerState.shown = answersStep; fillAnswers(); };
  answerMore = make("button", { class: "more", type: "button", onclick: () => { answerState.shown += 2 * answersStep; fillAnswers(); } }, "Show more");
  const filters = make("div", { class: "filters" },
    make("label", {}, "List", make("select", { id: "answer-view", onchange: change("view", Number) }, answerViews.map((view, index) => make("option", { value: index }, view.title)))),
    make("label", {}, "Variant", make("select", { onchange: change("variant", Number) }, make("option", { value: -1 }, "all"), variantNames.map((name, index) => make("option", { value: index }, name)))),
    make("label", {}, "Search in prompts and answers", make("input", { type: "search", placeholder: "a word, or a prompt’s id", oninput: change("words", String) })));
  const held = isComplete ? "All answers of the job are on this page." : count(page.answers.prompts_shown) + " of " + count(page.answers.prompts_total) +
    " prompts are on this page, with all their answers: the " + count(page.answers.depth) + " worst of every list, then others as long as there was room. rows.jsonl has everything.";
  return section("answers", "The answers themselves", held, filters, answerFound, answerList, answerMore);
}

/* Shows one answer, from a point of the scatter or a link. */
function openAnswer(set, index, variant, sample) {
  const prompt = promptAt.get(set + ":" + index);
  const answer = prompt?.answers.find((one) => one.v === variant && one.sample === sample);
  if (!answer) return;
  const entry = { prompt, answer }, card = answerCard(entry, "");
  answerFound.textContent = "One answer; choose a list to see others.";
  answerList.replaceChildren(card);
  answerMore.hidden = true;
  card.querySelector(".reply").classList.remove("folded");
  for (const button of card.querySelectorAll(".links button")) if (button.textContent.startsWith("Compare")) compare(entry, card, button);
  card.scrollIntoView({ block: "center" });
}

function openFromAddress() {
  const parts = /^#row=(\d+)-(\d+)-(\d+)-(\d+)$/.exec(location.hash);
  if (parts) openAnswer(...parts.slice(1).map(Number));
}
