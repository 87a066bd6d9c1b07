/* Two threads. The main one waits for a run, loads, scores and writes rows. The reader owns the
 * input side: it hands over runs, raises the cancel flag, and ends the process when the worker is
 * gone. It also says TICK: while a checkpoint is loaded, if the process has used the CPU or read
 * bytes since the last look; while texts are scored, if layers were computed. What hangs falls
 * silent, whatever it does to the CPU. */
#include "worker/engine_main.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/version.h"
#include "common/wire.h"
#include "worker/engine_frame.h"
#include "worker/items.h"
#include "worker/scorers.h"
#include "worker/test_hooks.h"

#define TICK_MS 500
#define READ_BYTES (256u << 10)

struct engine {
    pthread_mutex_t lock; /* run, has_run, loading */
    pthread_cond_t has_news;
    lt_buf run; /* the body of a RUN */
    bool has_run, loading;
    volatile bool cancel;
    pthread_mutex_t write_lock; /* rows come from scoring threads, ticks from the reader */
    lt_scorers scorers;
};

/* One run, as the progress callback sees it. */
struct scoring {
    struct engine *engine;
    const lt_items *items;
    const Lefttail__Lease *lease;
    size_t offset; /* of the call's items in `items` */
};

static void send_frame(struct engine *engine, lt_engine_frame kind, const void *body, size_t count)
{
    lt_buf frame = {0};
    lt_engine_frame_put(&frame, kind, body, count);
    pthread_mutex_lock(&engine->write_lock);
    for (size_t sent = 0; sent < frame.len;) {
        const ssize_t put = write(LT_ENGINE_FD, frame.data + sent, frame.len - sent);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            _exit(0); /* the worker is gone */
        sent += (size_t)put;
    }
    pthread_mutex_unlock(&engine->write_lock);
    lt_buf_fini(&frame);
}

static void send_failed(struct engine *engine, Lefttail__FailureReason reason,
                        const lt_error *error)
{
    char body[1 + LT_ERROR_TEXT_BYTES];
    body[0] = (char)reason;
    lt_error_text(error, body + 1, sizeof body - 1);
    send_frame(engine, LT_ENGINE_FAILED, body, 1 + strlen(body + 1));
}

/* ---- the reader ---- */

/* Grows while the process computes or reads files. */
static uint64_t effort(void)
{
    struct timespec cpu = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    unsigned long long read_bytes = 0;
    FILE *io = fopen("/proc/self/io", "re");
    char line[128];
    while (io && fgets(line, sizeof line, io))
        if (sscanf(line, "read_bytes: %llu", &read_bytes) == 1)
            break;
    if (io)
        fclose(io);
    /* 20 ms of CPU time is more than this thread itself uses between two looks. */
    return (uint64_t)cpu.tv_sec * 50 + (uint64_t)cpu.tv_nsec / 20000000u + read_bytes;
}

static void tick_if_it_moves(struct engine *engine, uint64_t *last_effort, uint64_t *last_layers)
{
    pthread_mutex_lock(&engine->lock);
    const bool loading = engine->loading;
    pthread_mutex_unlock(&engine->lock);
    const uint64_t now = loading ? effort() : *last_effort, layers = lt_scorer_layers_done();
    if (now > *last_effort || layers > *last_layers)
        send_frame(engine, LT_ENGINE_TICK, NULL, 0);
    *last_effort = now;
    *last_layers = layers;
}

static void take_frame(struct engine *engine, lt_engine_frame kind, const uint8_t *body,
                       size_t count)
{
    pthread_mutex_lock(&engine->lock);
    if (kind == LT_ENGINE_CANCEL) {
        engine->cancel = true;
    } else if (kind == LT_ENGINE_RUN && !engine->has_run) {
        lt_buf_clear(&engine->run);
        lt_buf_add(&engine->run, body, count);
        engine->cancel = false;
        engine->has_run = true;
        pthread_cond_signal(&engine->has_news);
    }
    pthread_mutex_unlock(&engine->lock);
}

static void take_frames(struct engine *engine, lt_buf *input)
{
    size_t used = 0;
    for (;;) {
        lt_engine_frame kind;
        const uint8_t *body;
        size_t body_bytes, whole;
        lt_error error = {0};
        if (lt_engine_frame_take(input->data + used, input->len - used, &kind, &body, &body_bytes,
                                 &whole, &error) != LT_OK) {
            lt_log_failure(LT_LOG_ERROR, "engine_input", &error);
            _exit(1);
        }
        if (!whole)
            break;
        take_frame(engine, kind, body, body_bytes);
        used += whole;
    }
    memmove(input->data, input->data + used, input->len - used);
    input->len -= used;
}

static void *read_worker(void *argument)
{
    struct engine *engine = argument;
    lt_buf input = {0};
    uint64_t last_effort = 0, last_layers = 0;
    for (;;) {
        struct pollfd poller = {LT_ENGINE_FD, POLLIN, 0};
        const int ready = poll(&poller, 1, TICK_MS);
        if (ready <= 0) {
            tick_if_it_moves(engine, &last_effort, &last_layers);
            continue;
        }
        char *end = lt_buf_reserve(&input, READ_BYTES);
        const ssize_t got = read(LT_ENGINE_FD, end, READ_BYTES);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            _exit(0); /* the worker is gone, or has closed us */
        input.len += (size_t)got;
        take_frames(engine, &input);
    }
    return NULL;
}

/* ---- runs ---- */

static void on_progress(void *context, size_t texts_done, uint64_t tokens_done, size_t index,
                        const lt_score *score)
{
    (void)texts_done, (void)tokens_done;
    const struct scoring *scoring = context;
    const size_t at = scoring->offset + index;
    lt_test_hooks_on_item(&scoring->items->items[at]);
    uint8_t logits[4 * LT_LABELS_MAX];
    Lefttail__Row row;
    lt_row_from_score(&row, scoring->items->indices[at], score, scoring->lease->label_count,
                      logits);
    lt_buf packed = {0};
    lt_wire_pack(&row.base, &packed);
    send_frame(scoring->engine, LT_ENGINE_ROW, packed.data, packed.len);
    lt_buf_fini(&packed);
}

static lt_status score_items(struct scoring *scoring, lt_scorer *scorer, bool careful,
                             lt_error *error)
{
    struct engine *engine = scoring->engine;
    const lt_items *items = scoring->items;
    lt_score *scores = lt_alloc((items->count + 1) * sizeof *scores);
    lt_status status = LT_OK;
    const size_t step = careful ? 1 : items->count;
    for (size_t at = 0; at < items->count && status == LT_OK && !engine->cancel; at += step) {
        if (careful) {
            uint8_t index[4];
            for (int i = 0; i < 4; i++)
                index[i] = (uint8_t)(items->indices[at] >> (8 * i));
            send_frame(engine, LT_ENGINE_IN_WORK, index, sizeof index);
        }
        scoring->offset = at;
        status = lt_scorer_run(scorer, items->items + at, step, scores, false, on_progress, scoring,
                               &engine->cancel, error);
    }
    free(scores);
    return status == LT_CANCELLED ? LT_OK : status;
}

static void set_loading(struct engine *engine, bool loading)
{
    pthread_mutex_lock(&engine->lock);
    engine->loading = loading;
    pthread_mutex_unlock(&engine->lock);
}

static lt_status check_labels(const lt_scorer *scorer, const Lefttail__Lease *lease,
                              lt_error *error)
{
    const uint32_t labels = lt_scorer_facts_of(scorer)->label_count;
    if (labels == lease->label_count && labels <= LT_LABELS_MAX)
        return LT_OK;
    return lt_fail(error, LT_CONFLICT, lease->scorer,
                   "the checkpoint has %u labels and the job says %u", labels, lease->label_count);
}

static lt_status get_scorer(struct engine *engine, const lt_engine_run *run, lt_template *template,
                            lt_scorer **scorer, bool *read_now, lt_error *error)
{
    const Lefttail__Lease *lease = run->lease;
    lt_scorer_options options = {0};
    if (lease->spec->numerics_version != LT_NUMERICS_VERSION)
        return lt_fail(error, LT_UNSUPPORTED, lease->scorer,
                       "numerics version %u is asked for and this program has %u",
                       lease->spec->numerics_version, LT_NUMERICS_VERSION);
    LT_TRY(lt_scorer_options_from_spec(lease->spec, &options, template, error));
    *scorer = lt_scorers_find(&engine->scorers, lease->spec);
    if (*scorer)
        return LT_OK;
    if (run->loaded_only)
        return lt_fail(error, LT_NOT_FOUND, lease->scorer, "the checkpoint is not in memory");
    *read_now = true;
    set_loading(engine, true);
    const lt_status status =
        lt_scorers_get(&engine->scorers, lease->spec, &options, run->checkpoint_dir, scorer, error);
    set_loading(engine, false);
    return status;
}

static void score_run(struct engine *engine, const lt_engine_run *run)
{
    lt_error error = {0};
    lt_template template = LT_TEMPLATE_TEXT;
    lt_scorer *scorer = NULL;
    lt_items items = {0};
    bool read_now = false;
    Lefttail__FailureReason reason = LEFTTAIL__FAILURE_REASON__FAILURE_CHECKPOINT;
    lt_status status = get_scorer(engine, run, &template, &scorer, &read_now, &error);
    if (status != LT_OK && run->loaded_only)
        reason = LEFTTAIL__FAILURE_REASON__FAILURE_NONE;
    if (status == LT_OK)
        status = check_labels(scorer, run->lease, &error);
    if (status == LT_OK) {
        reason = LEFTTAIL__FAILURE_REASON__FAILURE_BLOB;
        status = lt_items_init(&items, run->lease, template, run->pack, run->pack_bytes, &error);
    }
    if (status == LT_OK) {
        send_frame(engine, LT_ENGINE_LOADED, &(char){read_now}, 1);
        reason = LEFTTAIL__FAILURE_REASON__FAILURE_ENGINE_DIED;
        struct scoring scoring = {engine, &items, run->lease, 0};
        status = score_items(&scoring, scorer, run->careful, &error);
    }
    if (status == LT_OK)
        send_frame(engine, LT_ENGINE_DONE, NULL, 0);
    else
        send_failed(engine, reason, &error);
    lt_items_fini(&items);
}

static void wait_for_run(struct engine *engine, lt_buf *body)
{
    pthread_mutex_lock(&engine->lock);
    while (!engine->has_run)
        pthread_cond_wait(&engine->has_news, &engine->lock);
    const lt_buf taken = engine->run;
    engine->run = *body; /* its memory is used for the next one */
    *body = taken;
    engine->has_run = false;
    pthread_mutex_unlock(&engine->lock);
}

int lt_engine_main(int threads)
{
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        return 0;
    signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C reaches us too; the worker decides */
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    const int flags = fcntl(LT_ENGINE_FD, F_GETFL);
    if (flags < 0) {
        fputs("lefttail-worker: --engine is for workers to start\n", stderr);
        return 2;
    }
    fcntl(LT_ENGINE_FD, F_SETFL, flags & ~O_NONBLOCK);
    fcntl(LT_ENGINE_FD, F_SETFD, FD_CLOEXEC);
    static struct engine engine = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                   .write_lock = PTHREAD_MUTEX_INITIALIZER,
                                   .has_news = PTHREAD_COND_INITIALIZER};
    engine.scorers.threads = threads;
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_worker, &engine) != 0)
        return 1;
    lt_buf body = {0};
    for (;;) {
        wait_for_run(&engine, &body);
        lt_engine_run run;
        Lefttail__Lease *lease;
        lt_error error = {0};
        if (lt_engine_frame_read_run((const uint8_t *)body.data, body.len, &run, &lease, &error) ==
            LT_OK)
            score_run(&engine, &run);
        else
            send_failed(&engine, LEFTTAIL__FAILURE_REASON__FAILURE_BLOB, &error);
        if (lease)
            lefttail__lease__free_unpacked(lease, NULL);
    }
}
