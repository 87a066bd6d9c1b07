/* A worker or a client as tests need them: a dialler in a loop of its own that is run until what is
 * expected has come; and a coordinator process to talk to, and a small job for it. */
#ifndef LT_TESTS_SHELL_PEER_H
#define LT_TESTS_SHELL_PEER_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/checkpoint.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/manifest.h"
#include "common/net/dialler.h"
#include "common/row.h"
#include "common/version.h"
#include "common/wire.h"

enum { WAIT_MS = 20000, INBOX = 4096 };

/* ---- the coordinator ---- */

typedef struct test_place {
    char dir[64];
    char workers[96], clients[96];
    pid_t coordinator;
} test_place;

static inline void place_start(test_place *place)
{
    char program[512], data[96], log[96];
    const char *bin = getenv("LT_BIN");
    snprintf(program, sizeof program, "%s/lefttail-coordinator", bin ? bin : LT_BINARY_DIR "/bin");
    snprintf(data, sizeof data, "%s/data", place->dir);
    snprintf(log, sizeof log, "%s/coordinator.log", place->dir);
    place->coordinator = fork();
    assert_true(place->coordinator >= 0);
    if (place->coordinator == 0) {
        execl(program, program, "--data", data, "--workers", place->workers, "--clients",
              place->clients, "--log-file", log, "--heartbeat-ms", "100", "--lease-ms", "2000",
              "--log-level", "debug", "--die-with-parent", (char *)NULL);
        _exit(127);
    }
}

static inline int place_open(void **state)
{
    test_place *place = calloc(1, sizeof *place);
    snprintf(place->dir, sizeof place->dir, "/tmp/lefttail-shell-XXXXXX");
    if (!mkdtemp(place->dir))
        return -1;
    snprintf(place->workers, sizeof place->workers, "ipc://%s/w", place->dir);
    snprintf(place->clients, sizeof place->clients, "ipc://%s/c", place->dir);
    place_start(place);
    *state = place;
    return 0;
}

static inline int place_stop(test_place *place, int signal_number)
{
    int how = 0;
    kill(place->coordinator, signal_number);
    waitpid(place->coordinator, &how, 0);
    return how;
}

static inline int place_close(void **state)
{
    test_place *place = *state;
    const int how = place_stop(place, SIGTERM);
    const bool clean = WIFEXITED(how) && WEXITSTATUS(how) == 0;
    if (!clean) {
        char log[96];
        lt_buf text = {0};
        snprintf(log, sizeof log, "%s/coordinator.log", place->dir);
        lt_file_read(log, 64 << 20, &text, NULL);
        fprintf(stderr, "%s", lt_buf_str(&text));
        lt_buf_fini(&text);
    }
    lt_dir_remove(place->dir, NULL);
    free(place);
    return clean ? 0 : -1;
}

/* ---- a peer ---- */

typedef struct test_peer {
    uv_loop_t loop;
    uv_timer_t timer;
    lt_dialler *dialler;
    Lefttail__Message *inbox[INBOX];
    size_t count;
    unsigned welcomes, losses;
    bool refused, late;
    lt_error why;
    uint64_t request;
} test_peer;

static inline void peer_on_welcome(void *context, const Lefttail__Welcome *welcome)
{
    test_peer *self = context;
    (void)welcome;
    self->welcomes++;
}

static inline void peer_on_message(void *context, const Lefttail__Message *message)
{
    test_peer *self = context;
    lt_buf packed = {0};
    assert_true(self->count < INBOX);
    lt_wire_pack(&message->base, &packed);
    assert_int_equal(lt_wire_unpack(packed.data, packed.len, &self->inbox[self->count++], NULL),
                     LT_OK);
    lt_buf_fini(&packed);
}

static inline void peer_on_lost(void *context, const char *why)
{
    test_peer *self = context;
    (void)why;
    self->losses++;
}

static inline void peer_on_refused(void *context, const lt_error *error)
{
    test_peer *self = context;
    self->refused = true;
    self->why = *error;
}

static inline void peer_on_late(uv_timer_t *timer)
{
    ((test_peer *)timer->data)->late = true;
}

static inline test_peer *peer_open(const char *endpoint, Lefttail__Role role, const char *name)
{
    test_peer *self = calloc(1, sizeof *self);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    uv_timer_init(&self->loop, &self->timer);
    self->timer.data = self;
    Lefttail__WorkerFacts facts;
    lefttail__worker_facts__init(&facts);
    facts.cores = 2;
    facts.instruction_set = "scalar";
    facts.cpu = "test";
    facts.numerics_version = LT_NUMERICS_VERSION;
    const lt_dialler_events events = {self, peer_on_welcome, peer_on_message, peer_on_lost,
                                      peer_on_refused};
    const lt_dialler_options options = {.endpoint = endpoint,
                                        .role = role,
                                        .name = name,
                                        .hello_ms = 500,
                                        .seed = 7,
                                        .facts =
                                            role == LEFTTAIL__ROLE__ROLE_WORKER ? &facts : NULL};
    assert_int_equal(lt_dialler_open(&self->dialler, &self->loop, &options, &events, NULL), LT_OK);
    return self;
}

/* One turn of the loop; false when the time is over. */
static inline bool peer_turn(test_peer *self, uint64_t until_ms)
{
    const uint64_t now = lt_now_ms();
    if (now >= until_ms)
        return false;
    uv_timer_start(&self->timer, peer_on_late, until_ms - now, 0);
    uv_run(&self->loop, UV_RUN_ONCE);
    return true;
}

static inline void peer_welcome(test_peer *self, unsigned welcomes)
{
    const uint64_t until_ms = lt_now_ms() + WAIT_MS;
    while (self->welcomes < welcomes && !self->refused)
        assert_true(peer_turn(self, until_ms));
}

static inline Lefttail__Message *peer_take(test_peer *self, Lefttail__Message__BodyCase body)
{
    for (size_t i = 0; i < self->count; i++) {
        Lefttail__Message *message = self->inbox[i];
        if (message->body_case != body)
            continue;
        memmove(self->inbox + i, self->inbox + i + 1, (--self->count - i) * sizeof *self->inbox);
        return message;
    }
    return NULL;
}

/* The first message with this body; NULL after `ms`. The caller frees it. */
static inline Lefttail__Message *peer_wait(test_peer *self, Lefttail__Message__BodyCase body,
                                           uint64_t ms)
{
    const uint64_t until_ms = lt_now_ms() + ms;
    Lefttail__Message *message;
    while (!(message = peer_take(self, body)))
        if (!peer_turn(self, until_ms))
            return NULL;
    return message;
}

static inline Lefttail__Message *peer_expect(test_peer *self, Lefttail__Message__BodyCase body)
{
    Lefttail__Message *message = peer_wait(self, body, WAIT_MS);
    for (size_t i = 0; !message && i < self->count; i++)
        fprintf(stderr, "there is: %s\n", lt_wire_body_word(self->inbox[i]));
    assert_non_null(message);
    return message;
}

/* For what nobody answers: the loop is run a little so that it goes out. */
static inline void peer_drain(test_peer *self, uint64_t ms)
{
    const uint64_t until_ms = lt_now_ms() + ms;
    while (peer_turn(self, until_ms))
        ;
}

static inline void peer_close(test_peer *self, const char *bye)
{
    lt_dialler_close(&self->dialler, bye);
    uv_close((uv_handle_t *)&self->timer, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    for (size_t i = 0; i < self->count; i++)
        lt_wire_free(&self->inbox[i]);
    free(self);
}

#define PEER_SEND(self, case_, field, value)                                                       \
    do {                                                                                           \
        Lefttail__Message message_ = LEFTTAIL__MESSAGE__INIT;                                      \
        message_.request = (self)->request;                                                        \
        message_.body_case = LEFTTAIL__MESSAGE__BODY_##case_;                                      \
        message_.field = (value);                                                                  \
        assert_int_equal(lt_dialler_send((self)->dialler, &message_), LT_OK);                      \
    } while (0)

/* ---- a job ---- */

enum {
    JOB_PACKS = 3,
    PACK_PROMPTS = 4,
    JOB_VARIANTS = 2,
    PACK_ITEMS = PACK_PROMPTS * JOB_VARIANTS,
    JOB_ROWS = JOB_PACKS * PACK_ITEMS
};

typedef struct test_blob {
    lt_buf bytes;
    lt_digest digest;
} test_blob;

typedef struct test_job {
    test_blob blobs[JOB_PACKS + 3]; /* packs, two checkpoint files, the manifest */
    size_t count;
    char id[17];
} test_job;

static inline test_blob *job_blob(test_job *self, const void *bytes, size_t count)
{
    test_blob *added = &self->blobs[self->count++];
    lt_buf_add(&added->bytes, bytes, count);
    added->digest = lt_digest_of(bytes, count);
    return added;
}

static inline test_blob *job_pack(test_job *self, const char *word, unsigned number)
{
    Lefttail__Pack pack = LEFTTAIL__PACK__INIT;
    Lefttail__Prompt prompts[PACK_PROMPTS], *prompt_at[PACK_PROMPTS];
    Lefttail__Response responses[PACK_PROMPTS][JOB_VARIANTS],
        *response_at[PACK_PROMPTS][JOB_VARIANTS];
    char ids[PACK_PROMPTS][32];
    for (unsigned p = 0; p < PACK_PROMPTS; p++) {
        lefttail__prompt__init(&prompts[p]);
        snprintf(ids[p], sizeof ids[p], "%s-%u-%u", word, number, p);
        prompts[p].id = prompts[p].text = ids[p];
        for (unsigned v = 0; v < JOB_VARIANTS; v++) {
            lefttail__response__init(&responses[p][v]);
            responses[p][v].variant = v;
            responses[p][v].text = (ProtobufCBinaryData){strlen(ids[p]), (uint8_t *)ids[p]};
            response_at[p][v] = &responses[p][v];
        }
        prompts[p].responses = response_at[p];
        prompts[p].n_responses = JOB_VARIANTS;
        prompt_at[p] = &prompts[p];
    }
    pack.prompts = prompt_at;
    pack.n_prompts = PACK_PROMPTS;
    lt_buf packed = {0};
    lt_wire_pack(&pack.base, &packed);
    test_blob *made = job_blob(self, packed.data, packed.len);
    lt_buf_fini(&packed);
    return made;
}

static inline void job_file(Lefttail__CheckpointFile *file, char *name, test_blob *content)
{
    lefttail__checkpoint_file__init(file);
    file->name = name;
    file->bytes = content->bytes.len;
    file->digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, content->digest.bytes};
}

/* One reward model, one set, two variants; `word` tells jobs apart. */
static inline test_job *job_make(const char *word)
{
    test_job *self = calloc(1, sizeof *self);
    Lefttail__Manifest manifest = LEFTTAIL__MANIFEST__INIT;
    Lefttail__Variant variants[JOB_VARIANTS] = {LEFTTAIL__VARIANT__INIT, LEFTTAIL__VARIANT__INIT};
    Lefttail__Variant *variant_at[] = {&variants[0], &variants[1]};
    variants[0].name = "base";
    variants[1].name = "tuned";
    const uint64_t prompts = JOB_PACKS * PACK_PROMPTS;
    Lefttail__VariantAccount accounts[JOB_VARIANTS] = {LEFTTAIL__VARIANT_ACCOUNT__INIT,
                                                       LEFTTAIL__VARIANT_ACCOUNT__INIT};
    Lefttail__VariantAccount *account_at[] = {&accounts[0], &accounts[1]};
    accounts[0].expected = accounts[0].present = accounts[1].expected = accounts[1].present =
        prompts;
    Lefttail__PromptSet set = LEFTTAIL__PROMPT_SET__INIT, *set_at[] = {&set};
    set.name = set.role = "safety";
    set.prompts = prompts;
    set.samples = 1;
    set.accounts = account_at;
    set.n_accounts = JOB_VARIANTS;
    Lefttail__CheckpointFile files[2], *file_at[] = {&files[0], &files[1]};
    job_file(&files[0], "config.json", job_blob(self, "{}", 2));
    job_file(&files[1], "model.safetensors", job_blob(self, "weights", 7));
    Lefttail__Checkpoint checkpoint = LEFTTAIL__CHECKPOINT__INIT;
    checkpoint.files = file_at;
    checkpoint.n_files = 2;
    lt_digest checkpoint_digest = lt_checkpoint_digest(&checkpoint);
    Lefttail__ScorerSpec spec = LEFTTAIL__SCORER_SPEC__INIT;
    spec.numerics_version = LT_NUMERICS_VERSION;
    spec.checkpoint = (ProtobufCBinaryData){LT_DIGEST_BYTES, checkpoint_digest.bytes};
    spec.precision = LEFTTAIL__PRECISION__PRECISION_F32;
    spec.template_ = "response";
    spec.max_length = 128;
    Lefttail__Scorer scorer = LEFTTAIL__SCORER__INIT, *scorer_at[] = {&scorer};
    uint32_t sets[] = {0};
    char *labels[] = {"score"};
    scorer.name = "rm";
    scorer.kind = LEFTTAIL__SCORER_KIND__SCORER_REWARD;
    scorer.spec = &spec;
    scorer.checkpoint = &checkpoint;
    scorer.sets = sets;
    scorer.labels = labels;
    scorer.n_sets = scorer.n_labels = 1;
    Lefttail__PackRef packs[JOB_PACKS], *pack_at[JOB_PACKS];
    for (unsigned p = 0; p < JOB_PACKS; p++) {
        test_blob *content = job_pack(self, word, p);
        lefttail__pack_ref__init(&packs[p]);
        packs[p].digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, content->digest.bytes};
        packs[p].bytes = content->bytes.len;
        packs[p].items = PACK_ITEMS;
        packs[p].first_prompt = p * PACK_PROMPTS;
        packs[p].prompts = PACK_PROMPTS;
        pack_at[p] = &packs[p];
    }
    manifest.version = 1;
    manifest.name = (char *)word;
    manifest.variants = variant_at;
    manifest.n_variants = JOB_VARIANTS;
    manifest.sets = set_at;
    manifest.scorers = scorer_at;
    manifest.n_sets = manifest.n_scorers = 1;
    manifest.packs = pack_at;
    manifest.n_packs = JOB_PACKS;
    lt_buf packed = {0};
    lt_wire_pack(&manifest.base, &packed);
    job_blob(self, packed.data, packed.len);
    lt_manifest_job_id(&manifest, self->id);
    lt_buf_fini(&packed);
    return self;
}

static inline void job_free(test_job *self)
{
    for (size_t i = 0; i < self->count; i++)
        lt_buf_fini(&self->blobs[i].bytes);
    free(self);
}

#endif
