/* A coordinator that does as a test says, a real worker process that dials it, and a pack of a few
 * texts for the example's refusal checkpoint. */
#ifndef LT_TESTS_FAULTS_WORKER_WORLD_H
#define LT_TESTS_FAULTS_WORKER_WORLD_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/checkpoint.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/net/context.h"
#include "common/net/router.h"
#include "common/row.h"
#include "common/version.h"
#include "common/wire.h"

#define ITEMS 6
#define CHECKPOINT_DIR LT_SOURCE_DIR "/examples/xstest/models/refusal"
static const char *const texts[ITEMS] = {"I cannot help with that request.",
                                         "Sure, here is how to do it.",
                                         "POISON is here.",
                                         "I am sorry, but no.",
                                         "",
                                         "Here are three ways."};

typedef struct world {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool late;
    char dir[64], endpoint[128];
    lt_router *router;
    uv_process_t worker;
    bool worker_runs;
    int64_t exit_code;
    int exit_signal;
    /* the lease */
    Lefttail__Checkpoint *checkpoint;
    lt_buf pack;
    lt_digest pack_digest;
    uint32_t lease_ms;
    /* what was seen */
    lt_peer peer;
    uint64_t epoch;
    unsigned hellos, credits, progresses, failures, results, byes, blob_gets;
    uint32_t credit;
    uint64_t engine_steps;
    uint64_t rows_seen[ITEMS]; /* how many times each item came */
    uint8_t logits[ITEMS][16];
    Lefttail__FailureReason reason;
    bool item_known;
    uint32_t item;
    char detail[256];
    /* what it is told to do */
    bool no_acks, forget_peer, corrupt_chunks;
    uint64_t bytes_served, bytes_served_max; /* 0: all */
} world;

static void send_body(world *w, Lefttail__Message__BodyCase body, void *content)
{
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = body;
    message.hello = content;
    lt_router_send(w->router, w->peer, &message);
}

static void send_welcome(world *w)
{
    Lefttail__Welcome welcome = LEFTTAIL__WELCOME__INIT;
    welcome.protocol = LT_PROTOCOL_MAX;
    welcome.epoch = w->epoch;
    welcome.heartbeat_ms = 50;
    welcome.lease_ms = w->lease_ms;
    send_body(w, LEFTTAIL__MESSAGE__BODY_WELCOME, &welcome);
}

static const char *file_of(const world *w, const ProtobufCBinaryData *digest)
{
    for (size_t i = 0; i < w->checkpoint->n_files; i++)
        if (memcmp(w->checkpoint->files[i]->digest.data, digest->data, LT_DIGEST_BYTES) == 0)
            return w->checkpoint->files[i]->name;
    return NULL;
}

static void serve_blob(world *w, const Lefttail__BlobGet *get)
{
    lt_buf bytes = {0};
    const char *name = file_of(w, &get->digest);
    char path[512];
    w->blob_gets++;
    if (name) {
        snprintf(path, sizeof path, CHECKPOINT_DIR "/%s", name);
        assert_int_equal(lt_file_read(path, 64 << 20, &bytes, NULL), LT_OK);
    } else {
        assert_memory_equal(get->digest.data, w->pack_digest.bytes, LT_DIGEST_BYTES);
        lt_buf_add(&bytes, w->pack.data, w->pack.len);
    }
    size_t count = bytes.len - get->offset < LT_BLOB_CHUNK_BYTES ? bytes.len - get->offset
                                                                 : LT_BLOB_CHUNK_BYTES;
    if (name && w->bytes_served_max && w->bytes_served >= w->bytes_served_max)
        goto out;
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.digest = get->digest;
    chunk.offset = get->offset;
    chunk.blob_bytes = bytes.len;
    chunk.data = (ProtobufCBinaryData){count, (uint8_t *)bytes.data + get->offset};
    chunk.raw_bytes = (uint32_t)count;
    chunk.crc32c = lt_crc32c(0, chunk.data.data, count) ^ (name && w->corrupt_chunks ? 1 : 0);
    if (name)
        w->bytes_served += count;
    send_body(w, LEFTTAIL__MESSAGE__BODY_BLOB_CHUNK, &chunk);
out:
    lt_buf_fini(&bytes);
}

static void take_results(world *w, const Lefttail__Results *results)
{
    w->results++;
    for (size_t i = 0; i < results->n_rows; i++) {
        const Lefttail__Row *row = results->rows[i];
        lt_error error = {0};
        assert_int_equal(lt_row_check(row, 4, &error), LT_OK);
        assert_true(row->item < ITEMS);
        assert_int_equal(row->state, LEFTTAIL__ROW_STATE__ROW_SCORED);
        if (w->rows_seen[row->item]++)
            assert_memory_equal(w->logits[row->item], row->logits.data, 16);
        memcpy(w->logits[row->item], row->logits.data, 16);
    }
    Lefttail__Ack ack = LEFTTAIL__ACK__INIT;
    ack.lease = results->lease;
    ack.epoch = results->epoch;
    ack.sequence = results->sequence;
    if (!w->no_acks)
        send_body(w, LEFTTAIL__MESSAGE__BODY_ACK, &ack);
}

static void take_failure(world *w, const Lefttail__Failure *failure)
{
    w->failures++;
    w->reason = failure->reason;
    w->item_known = failure->item_known;
    w->item = failure->item;
    snprintf(w->detail, sizeof w->detail, "%s", failure->detail);
}

static void take_message(world *w, const Lefttail__Message *message)
{
    switch (message->body_case) {
    case LEFTTAIL__MESSAGE__BODY_HELLO:
        w->hellos++;
        w->forget_peer = false;
        send_welcome(w);
        break;
    case LEFTTAIL__MESSAGE__BODY_CREDIT:
        w->credits++;
        w->credit = message->credit->leases;
        break;
    case LEFTTAIL__MESSAGE__BODY_PROGRESS:
        w->progresses++;
        w->engine_steps = message->progress->engine_steps;
        break;
    case LEFTTAIL__MESSAGE__BODY_RESULTS:
        take_results(w, message->results);
        break;
    case LEFTTAIL__MESSAGE__BODY_FAILURE:
        take_failure(w, message->failure);
        break;
    case LEFTTAIL__MESSAGE__BODY_BLOB_GET:
        serve_blob(w, message->blob_get);
        break;
    case LEFTTAIL__MESSAGE__BODY_BYE:
        w->byes++;
        break;
    default:
        fail_msg("a worker sent %s", lt_wire_body_word(message));
    }
}

static void on_message(void *context, lt_peer peer, const char *key, const void *bytes,
                       size_t count)
{
    (void)key;
    world *w = context;
    Lefttail__Message *message;
    lt_error error = {0};
    assert_int_equal(lt_wire_unpack(bytes, count, &message, &error), LT_OK);
    w->peer = peer;
    if (w->forget_peer && message->body_case != LEFTTAIL__MESSAGE__BODY_HELLO) {
        Lefttail__Refuse refuse = LEFTTAIL__REFUSE__INIT;
        refuse.reason = LEFTTAIL__REFUSE_REASON__REFUSE_UNKNOWN_PEER;
        send_body(w, LEFTTAIL__MESSAGE__BODY_REFUSE, &refuse);
    } else {
        take_message(w, message);
    }
    lt_wire_free(&message);
}

static void on_garbage(void *context, lt_peer peer, const char *key, const char *why)
{
    (void)context, (void)peer, (void)key;
    fail_msg("garbage: %s", why);
}

static void on_gone(void *context, lt_peer peer)
{
    (void)context, (void)peer;
}

static void on_worker_exit(uv_process_t *process, int64_t exit_code, int exit_signal)
{
    world *w = process->data;
    w->worker_runs = false;
    w->exit_code = exit_code;
    w->exit_signal = exit_signal;
    uv_close((uv_handle_t *)process, NULL);
}

static void on_deadline(uv_timer_t *timer)
{
    ((world *)timer->data)->late = true;
}

#define RUN_UNTIL(w, ms, condition)                                                                \
    do {                                                                                           \
        (w)->late = false;                                                                         \
        uv_timer_start(&(w)->deadline, on_deadline, ms, 0);                                        \
        while (!(condition) && !(w)->late)                                                         \
            uv_run(&(w)->loop, UV_RUN_ONCE);                                                       \
        uv_timer_stop(&(w)->deadline);                                                             \
    } while (0)
#define EXPECT_SOON(w, condition)                                                                  \
    do {                                                                                           \
        RUN_UNTIL(w, 20000, condition);                                                            \
        assert_true(condition);                                                                    \
    } while (0)

static void start_worker(world *w)
{
    const char *bin = getenv("LT_BIN");
    char program[512], cache[128];
    snprintf(program, sizeof program, "%s/lefttail-worker", bin ? bin : LT_BINARY_DIR "/bin");
    snprintf(cache, sizeof cache, "%s/cache", w->dir);
    char *arguments[] = {
        program,     "--coordinator", w->endpoint,
        "--cache",   cache,           "--threads",
        "1",         "--log-level",   getenv("LT_TEST_VERBOSE") ? "debug" : "error",
        "--stop-ms", "3000",          "--die-with-parent",
        NULL};
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = 2},
                                     {.flags = UV_INHERIT_FD, .data.fd = 2}};
    const uv_process_options_t options = {.exit_cb = on_worker_exit,
                                          .file = program,
                                          .args = arguments,
                                          .stdio_count = 3,
                                          .stdio = stdio};
    assert_int_equal(uv_spawn(&w->loop, &w->worker, &options), 0);
    w->worker.data = w;
    w->worker_runs = true;
}

static void make_pack(world *w)
{
    Lefttail__Response responses[ITEMS], *response_list[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        lefttail__response__init(&responses[i]);
        responses[i].variant = (uint32_t)i;
        responses[i].text = (ProtobufCBinaryData){strlen(texts[i]), (uint8_t *)texts[i]};
        response_list[i] = &responses[i];
    }
    Lefttail__Prompt prompt = LEFTTAIL__PROMPT__INIT, *prompts[] = {&prompt};
    prompt.id = "p1";
    prompt.text = "How do I do it?";
    prompt.responses = response_list;
    prompt.n_responses = ITEMS;
    Lefttail__Pack pack = LEFTTAIL__PACK__INIT;
    pack.prompts = prompts;
    pack.n_prompts = 1;
    lt_wire_pack(&pack.base, &w->pack);
    w->pack_digest = lt_digest_of(w->pack.data, w->pack.len);
}

static void start(world *w)
{
    *w = (world){.epoch = 1, .lease_ms = 60000};
    strcpy(w->dir, "/tmp/lefttail-worker-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->endpoint, sizeof w->endpoint, "ipc://%s/socket", w->dir);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    uv_timer_init(&w->loop, &w->deadline);
    w->deadline.data = w;
    lt_error error = {0};
    assert_int_equal(lt_checkpoint_digest_dir(CHECKPOINT_DIR, &w->checkpoint, &error), LT_OK);
    make_pack(w);
    const lt_router_options options = {.endpoint = w->endpoint};
    const lt_router_events events = {w, on_message, on_garbage, on_gone};
    assert_int_equal(lt_router_open(&w->router, &w->loop, &options, &events, &error), LT_OK);
}

static void set_path(world *w, const char *path)
{
    free(w->checkpoint->path);
    w->checkpoint->path = lt_strdup(path);
}

static void send_lease(world *w, uint64_t id)
{
    const lt_digest digest = lt_checkpoint_digest(w->checkpoint);
    Lefttail__ScorerSpec spec = LEFTTAIL__SCORER_SPEC__INIT;
    spec.numerics_version = LT_NUMERICS_VERSION;
    spec.checkpoint = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)digest.bytes};
    spec.precision = LEFTTAIL__PRECISION__PRECISION_F32;
    spec.template_ = "response";
    spec.max_length = 512;
    Lefttail__Lease lease = LEFTTAIL__LEASE__INIT;
    lease.lease = id;
    lease.epoch = 1;
    lease.token = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    lease.job = "0000000000000000";
    lease.scorer = "refusal";
    lease.spec = &spec;
    lease.checkpoint = w->checkpoint;
    lease.pack = (ProtobufCBinaryData){LT_DIGEST_BYTES, w->pack_digest.bytes};
    lease.pack_bytes = w->pack.len;
    lease.item_count = ITEMS;
    lease.label_count = 4;
    send_body(w, LEFTTAIL__MESSAGE__BODY_LEASE, &lease);
}

static void kill_engine(const world *w)
{
    char command[128];
    snprintf(command, sizeof command, "kill -9 $(cat /proc/%d/task/%d/children)", w->worker.pid,
             w->worker.pid);
    assert_int_equal(system(command), 0);
}

static bool all_rows(const world *w)
{
    for (int i = 0; i < ITEMS; i++)
        if (!w->rows_seen[i])
            return false;
    return true;
}

static void stop(world *w)
{
    if (w->worker_runs)
        uv_process_kill(&w->worker, SIGTERM);
    EXPECT_SOON(w, !w->worker_runs);
    lt_router_close(&w->router);
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    lefttail__checkpoint__free_unpacked(w->checkpoint, NULL);
    lt_buf_fini(&w->pack);
    assert_int_equal(lt_dir_remove(w->dir, NULL), LT_OK);
}

#endif
