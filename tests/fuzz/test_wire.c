/* Mutated frames: whatever the bytes, the scan and the unpacking end, within their memory, and what
 * passes survives another round. LT_SEED and LT_ROUNDS choose; the seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/wire.h"

static uint64_t state_of_random;

static uint32_t pick(uint32_t below)
{
    state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state_of_random >> 33) % below;
}

/* A message with something in every kind of field. */
static void put_seed(lt_buf *out, unsigned kind)
{
    static uint8_t bytes[32];
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    Lefttail__Row row = LEFTTAIL__ROW__INIT, *rows[] = {&row, &row, &row};
    row.item = 3;
    row.logits = (ProtobufCBinaryData){16, bytes};
    row.detail = "words";
    Lefttail__Results results = LEFTTAIL__RESULTS__INIT;
    results.rows = rows;
    results.n_rows = 3;
    results.token = (ProtobufCBinaryData){16, bytes};
    Lefttail__CheckpointFile file = LEFTTAIL__CHECKPOINT_FILE__INIT, *files[] = {&file, &file};
    file.name = "config.json";
    file.digest = (ProtobufCBinaryData){32, bytes};
    Lefttail__Checkpoint checkpoint = LEFTTAIL__CHECKPOINT__INIT;
    checkpoint.files = files;
    checkpoint.n_files = 2;
    Lefttail__ScorerSpec spec = LEFTTAIL__SCORER_SPEC__INIT;
    spec.fail_on_overflow = true;
    spec.date = "2026-01-31";
    Lefttail__Lease lease = LEFTTAIL__LEASE__INIT;
    lease.lease = UINT64_MAX;
    lease.spec = &spec;
    lease.checkpoint = &checkpoint;
    Lefttail__CellEstimate cell = LEFTTAIL__CELL_ESTIMATE__INIT, *cells[] = {&cell, &cell};
    cell.mean = 0.25;
    Lefttail__JobStatus job = LEFTTAIL__JOB_STATUS__INIT, *jobs[] = {&job};
    job.job = "0123456789abcdef";
    job.rows_per_second = 17.5;
    job.cells = cells;
    job.n_cells = 2;
    Lefttail__StatusReply status = LEFTTAIL__STATUS_REPLY__INIT;
    status.jobs = jobs;
    status.n_jobs = 1;
    Lefttail__Message__BodyCase bodies[] = {LEFTTAIL__MESSAGE__BODY_RESULTS,
                                            LEFTTAIL__MESSAGE__BODY_LEASE,
                                            LEFTTAIL__MESSAGE__BODY_STATUS_REPLY};
    void *contents[] = {&results, &lease, &status};
    message.request = 12345;
    message.body_case = bodies[kind];
    message.hello = contents[kind];
    lt_wire_pack(&message.base, out);
}

static void mutate(lt_buf *bytes)
{
    for (uint32_t times = 1 + pick(4); times > 0 && bytes->len > 0; times--) {
        const uint32_t at = pick((uint32_t)bytes->len), to = pick((uint32_t)bytes->len);
        switch (pick(5)) {
        case 0:
            bytes->data[at] ^= (char)(1 << pick(8));
            break;
        case 1:
            bytes->data[at] = (char)pick(256);
            break;
        case 2:
            bytes->len = at;
            break;
        case 3: /* a piece again */
            if (at < to) {
                lt_buf piece = {0};
                lt_buf_add(&piece, bytes->data + at, to - at);
                lt_buf_add(bytes, piece.data, piece.len);
                lt_buf_fini(&piece);
            }
            break;
        default: /* a byte less */
            memmove(bytes->data + at, bytes->data + at + 1, bytes->len - at - 1);
            bytes->len--;
        }
    }
}

static void check_bytes(const lt_buf *bytes, unsigned *accepted)
{
    /* A copy of just this size, so that a sanitizer sees any read beyond it. */
    uint8_t *copy = malloc(bytes->len ? bytes->len : 1);
    memcpy(copy, lt_buf_str(bytes), bytes->len);
    Lefttail__Message *message;
    lt_error error = {0};
    const lt_status status = lt_wire_unpack(copy, bytes->len, &message, &error);
    assert_true(status == LT_OK ? message != NULL : message == NULL && error.what[0]);
    if (message) {
        lt_buf again = {0};
        Lefttail__Message *second;
        ++*accepted;
        lt_wire_pack(&message->base, &again);
        assert_int_equal(lt_wire_unpack(again.data, again.len, &second, &error), LT_OK);
        lt_wire_free(&second);
        lt_buf_fini(&again);
    }
    lt_wire_free(&message);
    free(copy);
}

static void mutated_frames_end_well(void **state)
{
    (void)state;
    const char *seed = getenv("LT_SEED"), *wanted = getenv("LT_ROUNDS");
    const uint64_t start = seed ? strtoull(seed, NULL, 10) : 1;
    const long rounds = wanted ? atol(wanted) : 100000;
    unsigned accepted = 0;
    state_of_random = start;
    print_message("LT_SEED=%llu, %ld rounds\n", (unsigned long long)start, rounds);
    lt_buf bytes = {0};
    for (long i = 0; i < rounds; i++) {
        if (i % 3 == 0 || bytes.len > 4096) {
            lt_buf_clear(&bytes);
            put_seed(&bytes, pick(3));
        }
        mutate(&bytes);
        check_bytes(&bytes, &accepted);
    }
    lt_buf_fini(&bytes);
    print_message("%u were taken\n", accepted);
    assert_true(accepted > 0 && accepted < rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mutated_frames_end_well)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
