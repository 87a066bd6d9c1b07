#include "client/compile.h"

#include <stdlib.h>
#include <string.h>

#include "client/compile_pack.h"
#include "common/buf.h"
#include "common/checkpoint.h"
#include "common/limits.h"
#include "common/version.h"

/* ---- scorers ---- */

static char **copy_words(char *const *words, unsigned count)
{
    char **copies = lt_alloc((count + 1) * sizeof *copies);
    for (unsigned i = 0; i < count; i++)
        copies[i] = lt_strdup(words[i]);
    return copies;
}

/* Every label that the job names is one of the checkpoint's. */
static lt_status check_labels(const lt_job *job, size_t index, const char *key, char *const *words,
                              unsigned count, const lt_scorer_facts *facts, lt_error *error)
{
    for (unsigned i = 0; i < count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < facts->label_count; k++)
            known = known || strcmp(facts->labels[k], words[i]) == 0;
        if (known)
            continue;
        lt_buf labels = {0};
        for (uint32_t k = 0; k < facts->label_count; k++)
            lt_buf_printf(&labels, "%s%s", k ? ", " : "", facts->labels[k]);
        char place[LT_JOB_PLACE_BYTES];
        lt_job_place(job, place, "scorers.%zu.%s.%u", index, key, i);
        lt_fail(error, LT_INPUT, place, "the checkpoint of '%s' has no label '%s'",
                job->scorers[index].name, words[i]);
        lt_expected(error, LT_INPUT, "one of %s", lt_buf_str(&labels));
        lt_buf_fini(&labels);
        return LT_INPUT;
    }
    return LT_OK;
}

/* A template that refuses a plain conversation would refuse every row. */
static lt_status check_chat(const lt_job *job, size_t index, const lt_scorer *inspected,
                            lt_error *error)
{
    static const lt_prompt prompt = {.text = "Hello"};
    static const lt_response response = {.text = "Hi", .text_len = 2};
    char place[LT_JOB_PLACE_BYTES];
    lt_job_place(job, place, "scorers.%zu.template", index);
    if (!lt_scorer_facts_of(inspected)->has_chat_template)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, place,
                                   "the checkpoint of '%s' has no chat template",
                                   job->scorers[index].name),
                           "template: pair or response");
    lt_message messages[2];
    lt_item item;
    lt_score *score = lt_alloc(sizeof *score);
    lt_compile_item(LT_TEMPLATE_CHAT, &prompt, &response, messages, &item);
    lt_status status = lt_scorer_count_tokens(inspected, &item, false, score, error);
    if (status == LT_OK && score->reason == LEFTTAIL__FAILURE_REASON__FAILURE_TEMPLATE) {
        status = lt_fail(error, LT_INPUT, place, "the chat template of '%s' cannot be used: %s",
                         job->scorers[index].name, score->detail);
        if (!job->scorers[index].date)
            lt_remedy(error, status,
                      "if it prints today's date, give the scorer one: date: 2026-01-31");
    }
    free(score);
    return status;
}

static lt_status check_head(const lt_job *job, size_t index, const lt_scorer_facts *facts,
                            lt_error *error)
{
    const lt_job_scorer *scorer = &job->scorers[index];
    char place[LT_JOB_PLACE_BYTES];
    lt_job_place(job, place, "scorers.%zu.kind", index);
    if (scorer->kind == LT_JOB_REWARD && facts->label_count != 1)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, place,
                                   "'%s' is a reward model, and its checkpoint has %u labels",
                                   scorer->name, facts->label_count),
                           "one score; kind: classifier for labels");
    if (scorer->kind == LT_JOB_CLASSIFIER && facts->label_count < 2)
        return lt_expected(error,
                           lt_fail(error, LT_INPUT, place,
                                   "'%s' is a classifier, and its checkpoint has one label",
                                   scorer->name),
                           "two labels or more; kind: reward for a single score");
    if (scorer->kind == LT_JOB_REWARD)
        return LT_OK;
    const lt_job_words *refusal = scorer->refusal_labels;
    LT_TRY(check_labels(job, index, "refusal_labels.full", refusal->full, refusal->full_count,
                        facts, error));
    LT_TRY(check_labels(job, index, "refusal_labels.partial", refusal->partial,
                        refusal->partial_count, facts, error));
    return check_labels(job, index, "capability_labels", scorer->capability_labels,
                        scorer->capability_labels_count, facts, error);
}

static Lefttail__ScorerSpec *make_spec(const lt_job_scorer *scorer, const lt_scorer_facts *facts,
                                       const Lefttail__Checkpoint *checkpoint)
{
    static const char *const templates[] = {
        [LT_JOB_PAIR] = "pair", [LT_JOB_RESPONSE] = "response", [LT_JOB_CHAT] = "chat"};
    Lefttail__ScorerSpec *spec = lt_alloc(sizeof *spec);
    lefttail__scorer_spec__init(spec);
    const lt_digest digest = lt_checkpoint_digest(checkpoint);
    spec->numerics_version = LT_NUMERICS_VERSION;
    spec->checkpoint.data = (uint8_t *)lt_strndup((const char *)digest.bytes, LT_DIGEST_BYTES);
    spec->checkpoint.len = LT_DIGEST_BYTES;
    spec->precision = facts->precision;
    spec->template_ = lt_strdup(templates[scorer->template]);
    spec->max_length = facts->max_length;
    spec->fail_on_overflow = scorer->on_overflow == LT_JOB_FAIL;
    spec->literal_specials = scorer->special_tokens == LT_JOB_LITERAL;
    spec->date = lt_strdup(scorer->date ? scorer->date : "");
    return spec;
}

static void put_classifier(const lt_job_scorer *scorer, Lefttail__Scorer *entry)
{
    static const lt_job_words none = {0};
    const lt_job_words *refusal = scorer->refusal_labels ? scorer->refusal_labels : &none;
    const lt_job_words *human = scorer->human_labels ? scorer->human_labels : &none;
    const struct {
        char ***to;
        size_t *to_count;
        char **from;
        unsigned count;
    } lists[] = {
        {&entry->refusal_full, &entry->n_refusal_full, refusal->full, refusal->full_count},
        {&entry->refusal_partial, &entry->n_refusal_partial, refusal->partial,
         refusal->partial_count},
        {&entry->capability, &entry->n_capability, scorer->capability_labels,
         scorer->capability_labels_count},
        {&entry->human_full, &entry->n_human_full, human->full, human->full_count},
        {&entry->human_partial, &entry->n_human_partial, human->partial, human->partial_count},
        {&entry->human_capability, &entry->n_human_capability, human->capability,
         human->capability_count},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        *lists[i].to = copy_words(lists[i].from, lists[i].count);
        *lists[i].to_count = lists[i].count;
    }
    entry->refusal_threshold = scorer->refusal_threshold;
}

static Lefttail__Tail *make_tail(const lt_job_tail *tail)
{
    if (!tail)
        return NULL;
    Lefttail__Tail *made = lt_alloc(sizeof *made);
    lefttail__tail__init(made);
    made->has_below = tail->below != NULL;
    made->below = tail->below ? *tail->below : 0;
    made->quantile = tail->quantile ? *tail->quantile : 0;
    return made;
}

static Lefttail__Scorer *make_entry(const lt_job *job, size_t index, const lt_scorer_facts *facts,
                                    Lefttail__Checkpoint *checkpoint)
{
    const lt_job_scorer *scorer = &job->scorers[index];
    Lefttail__Scorer *entry = lt_alloc(sizeof *entry);
    lefttail__scorer__init(entry);
    entry->name = lt_strdup(scorer->name);
    entry->kind = scorer->kind == LT_JOB_REWARD ? LEFTTAIL__SCORER_KIND__SCORER_REWARD
                                                : LEFTTAIL__SCORER_KIND__SCORER_CLASSIFIER;
    entry->spec = make_spec(scorer, facts, checkpoint);
    entry->checkpoint = checkpoint;
    entry->sets = lt_alloc(job->prompt_sets_count * sizeof *entry->sets);
    for (uint32_t s = 0; s < job->prompt_sets_count; s++)
        if (lt_job_scorer_has_set(job, index, s))
            entry->sets[entry->n_sets++] = s;
    entry->labels = copy_words((char *const *)facts->labels, facts->label_count);
    entry->n_labels = facts->label_count;
    entry->higher_is_riskier = scorer->higher_is == LT_JOB_RISKIER;
    entry->sigmoid = scorer->transform == LT_JOB_SIGMOID;
    entry->tail = make_tail(scorer->tail);
    put_classifier(scorer, entry);
    return entry;
}

lt_status lt_compile_scorer(const lt_job *job, size_t index, const lt_compile_options *options,
                            lt_compiled_scorer *out, lt_error *error)
{
    static const lt_template templates[] = {[LT_JOB_PAIR] = LT_TEMPLATE_PAIR,
                                            [LT_JOB_RESPONSE] = LT_TEMPLATE_TEXT,
                                            [LT_JOB_CHAT] = LT_TEMPLATE_CHAT};
    static const Lefttail__Precision precisions[] = {
        [LT_JOB_OWN] = LEFTTAIL__PRECISION__PRECISION_UNKNOWN,
        [LT_JOB_F32] = LEFTTAIL__PRECISION__PRECISION_F32,
        [LT_JOB_BF16] = LEFTTAIL__PRECISION__PRECISION_BF16};
    const lt_job_scorer *scorer = &job->scorers[index];
    const lt_scorer_options engine = {.precision = precisions[scorer->precision],
                                      .max_length = scorer->max_length,
                                      .fail_on_overflow = scorer->on_overflow == LT_JOB_FAIL,
                                      .literal_specials = scorer->special_tokens == LT_JOB_LITERAL,
                                      .date = scorer->date};
    memset(out, 0, sizeof *out);
    out->template = templates[scorer->template];
    char *dir = lt_job_path(job, scorer->checkpoint);
    Lefttail__Checkpoint *checkpoint = NULL;
    lt_status status = lt_scorer_inspect(&out->inspected, dir, &engine, options->scan, error);
    if (status == LT_OK)
        status = check_head(job, index, lt_scorer_facts_of(out->inspected), error);
    if (status == LT_OK && out->template == LT_TEMPLATE_CHAT)
        status = check_chat(job, index, out->inspected, error);
    if (status == LT_OK)
        status = lt_checkpoint_digest_dir(dir, &checkpoint, error);
    if (status == LT_OK)
        out->entry = make_entry(job, index, lt_scorer_facts_of(out->inspected), checkpoint);
    else
        lt_compiled_scorer_fini(out);
    free(dir);
    return status;
}

void lt_compiled_scorer_fini(lt_compiled_scorer *scorer)
{
    if (scorer->entry)
        lefttail__scorer__free_unpacked(scorer->entry, NULL);
    lt_scorer_free(&scorer->inspected);
    memset(scorer, 0, sizeof *scorer);
}

void lt_compile_item(lt_template template, const lt_prompt *prompt, const lt_response *response,
                     lt_message messages[2], lt_item *item)
{
    memset(item, 0, sizeof *item);
    item->template = template;
    item->text = template == LT_TEMPLATE_PAIR ? prompt->text : response->text;
    item->text_len = template == LT_TEMPLATE_PAIR ? strlen(prompt->text) : response->text_len;
    if (template == LT_TEMPLATE_PAIR) {
        item->pair = response->text;
        item->pair_len = response->text_len;
    }
    if (template != LT_TEMPLATE_CHAT)
        return;
    messages[0] = (lt_message){"user", prompt->text, 4, strlen(prompt->text)};
    messages[1] = (lt_message){"assistant", response->text, 9, response->text_len};
    item->messages = messages;
    item->message_count = 2;
}

/* ---- the job ---- */

static void put_names(const lt_job *job, Lefttail__Manifest *manifest)
{
    manifest->version = 1;
    manifest->name = lt_strdup(job->name);
    manifest->baseline = lt_strdup(job->baseline ? job->baseline : "");
    manifest->x_axis = lt_strdup(job->x_axis ? job->x_axis : "");
    manifest->variants = lt_alloc(job->variants_count * sizeof *manifest->variants);
    for (unsigned v = 0; v < job->variants_count; v++) {
        Lefttail__Variant *variant = lt_alloc(sizeof *variant);
        lefttail__variant__init(variant);
        variant->name = lt_strdup(job->variants[v].name);
        variant->has_x = job->variants[v].has_x;
        variant->x = job->variants[v].x;
        manifest->variants[manifest->n_variants++] = variant;
    }
}

static Lefttail__PromptSet *make_set(const lt_job *job, size_t s, const lt_joined *joined)
{
    Lefttail__PromptSet *set = lt_alloc(sizeof *set);
    lefttail__prompt_set__init(set);
    set->name = lt_strdup(job->prompt_sets[s].name);
    set->role = lt_strdup(job->prompt_sets[s].role);
    set->prompts = joined->prompt_count;
    set->samples = joined->samples;
    set->accounts = lt_alloc(job->variants_count * sizeof *set->accounts);
    for (unsigned v = 0; v < job->variants_count; v++) {
        Lefttail__VariantAccount *account = lt_alloc(sizeof *account);
        lefttail__variant_account__init(account);
        account->expected = (uint64_t)joined->prompt_count * joined->samples;
        account->present = joined->accounts[v].present;
        account->missing = account->expected - account->present;
        account->unmatched = joined->accounts[v].unmatched;
        set->accounts[set->n_accounts++] = account;
    }
    return set;
}

static lt_status compile_sets(const lt_job *job, const lt_compile_options *options,
                              lt_compile_pack *each, void *context,
                              const lt_compiled_scorer *scorers, Lefttail__Manifest *manifest,
                              lt_error *error)
{
    lt_pack_writer writer = {.each = each, .context = context, .manifest = manifest};
    writer.items_target = options->shard_items ? options->shard_items : LT_PACK_ITEMS_DEFAULT;
    lt_status status = LT_OK;
    manifest->sets = lt_alloc(job->prompt_sets_count * sizeof *manifest->sets);
    for (uint32_t s = 0; s < job->prompt_sets_count && status == LT_OK; s++) {
        lt_joined joined;
        status = lt_join(job, s, &joined, error);
        if (status != LT_OK)
            break;
        manifest->sets[manifest->n_sets++] = make_set(job, s, &joined);
        status = lt_pack_writer_set(&writer, s, &joined, error);
        if (status == LT_OK && options->look)
            status = options->look(options->look_context, scorers, s, &joined, error);
        lt_joined_fini(&joined);
    }
    lt_pack_writer_fini(&writer);
    return status;
}

lt_status lt_compile(const lt_job *job, const lt_compile_options *options, lt_compile_pack *each,
                     void *context, Lefttail__Manifest **out, lt_error *error)
{
    Lefttail__Manifest *manifest = lt_alloc(sizeof *manifest);
    lefttail__manifest__init(manifest);
    put_names(job, manifest);
    lt_compiled_scorer *scorers = lt_alloc(job->scorers_count * sizeof *scorers);
    lt_status status = LT_OK;
    for (size_t i = 0; i < job->scorers_count && status == LT_OK; i++)
        status = lt_compile_scorer(job, i, options, &scorers[i], error);
    if (status == LT_OK)
        status = compile_sets(job, options, each, context, scorers, manifest, error);
    manifest->scorers = lt_alloc(job->scorers_count * sizeof *manifest->scorers);
    for (size_t i = 0; i < job->scorers_count; i++) {
        if (scorers[i].entry)
            manifest->scorers[manifest->n_scorers++] = scorers[i].entry;
        scorers[i].entry = NULL;
        lt_compiled_scorer_fini(&scorers[i]);
    }
    free(scorers);
    if (status == LT_OK) {
        *out = manifest;
        return LT_OK;
    }
    lefttail__manifest__free_unpacked(manifest, NULL);
    return status;
}
