/* The scan refuses what would be dear to unpack, and takes all that we pack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/wire.h"

static lt_status unpack_bytes(const void *bytes, size_t count, lt_error *error)
{
    Lefttail__Message *message;
    const lt_status status = lt_wire_unpack(bytes, count, &message, error);
    assert_true((status == LT_OK) == (message != NULL));
    lt_wire_free(&message);
    return status;
}

static void refused(const void *bytes, size_t count, lt_status expected, const char *where,
                    const char *what)
{
    lt_error error = {0};
    assert_int_equal(unpack_bytes(bytes, count, &error), expected);
    if (!strstr(error.where, where) || !strstr(error.what, what))
        fail_msg("'%s: %s' is not about '%s: %s'", error.where, error.what, where, what);
}
#define REFUSED(bytes, status, where, what) refused(bytes, sizeof bytes - 1, status, where, what)

static void put_varint(lt_buf *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        lt_buf_putc(out, (char)(value | 128));
    lt_buf_putc(out, (char)value);
}

static void put_field(lt_buf *out, uint32_t id, const void *bytes, size_t count)
{
    put_varint(out, id << 3 | 2);
    put_varint(out, count);
    lt_buf_add(out, bytes, count);
}

/* A Results with many rows, as a worker sends it. */
static void put_results(lt_buf *out, size_t row_count)
{
    Lefttail__Row *rows = calloc(row_count, sizeof *rows), **list = calloc(row_count, sizeof *list);
    static uint8_t logits[16];
    for (size_t i = 0; i < row_count; i++) {
        lefttail__row__init(&rows[i]);
        rows[i].item = (uint32_t)i;
        rows[i].state = LEFTTAIL__ROW_STATE__ROW_SCORED;
        rows[i].logits = (ProtobufCBinaryData){sizeof logits, logits};
        rows[i].tokens = 17;
        rows[i].detail = "caf\303\251";
        list[i] = &rows[i];
    }
    Lefttail__Results results = LEFTTAIL__RESULTS__INIT;
    results.lease = 1ull << 60;
    results.n_rows = row_count;
    results.rows = list;
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = LEFTTAIL__MESSAGE__BODY_RESULTS;
    message.results = &results;
    lt_wire_pack(&message.base, out);
    free(rows);
    free(list);
}

static void what_we_pack_comes_back(void **state)
{
    (void)state;
    lt_buf bytes = {0}, again = {0};
    put_results(&bytes, 1024);
    Lefttail__Message *message;
    lt_error error = {0};
    assert_int_equal(lt_wire_unpack(bytes.data, bytes.len, &message, &error), LT_OK);
    assert_string_equal(lt_wire_body_word(message), "results");
    assert_int_equal(message->results->n_rows, 1024);
    assert_int_equal(message->results->rows[1023]->item, 1023);
    lt_wire_pack(&message->base, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    lt_wire_free(&message);
    assert_null(message);
    lt_buf_fini(&bytes);
    lt_buf_fini(&again);
}

static void malformed_bytes_are_refused_where_they_are(void **state)
{
    (void)state;
    REFUSED("", LT_PROTOCOL, "Message", "no body");
    REFUSED("\x08\x01", LT_PROTOCOL, "Message", "no body");
    REFUSED("\xe2\x03\x00", LT_PROTOCOL, "Message at byte 0", "unknown field");
    REFUSED("\x00\x00", LT_PROTOCOL, "Message at byte 0", "unknown field");
    REFUSED("\x08\x01\x08\x02", LT_PROTOCOL, "Message.request at byte 2", "given twice");
    REFUSED("\x6a\x00\x6a\x00", LT_PROTOCOL, "Message.bye at byte 2", "given twice");
    REFUSED("\x6a\x00\xa2\x01\x00", LT_PROTOCOL, "Message.credit at byte 2", "two members");
    REFUSED("\x0b\x0c", LT_PROTOCOL, "Message.request", "wire type"); /* a group */
    REFUSED("\x0d\x01\x00\x00\x00", LT_PROTOCOL, "Message.request", "wire type");
    REFUSED("\x0a\x01\x01", LT_PROTOCOL, "Message.request", "wire type"); /* packed, not repeated */
    REFUSED("\x6a\x05\x0a", LT_PROTOCOL, "Message.bye", "past the end");
    REFUSED("\x6a\x03\x0a\x02x", LT_PROTOCOL, "Message.bye.reason", "past the end");
    REFUSED("\x6a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", LT_PROTOCOL, "Message.bye",
            "past the end");
    REFUSED("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", LT_PROTOCOL, "Message.request",
            "does not end");
    REFUSED("\x08\x80", LT_PROTOCOL, "Message.request", "does not end");
    REFUSED("\x6a\x03\x0a\x01\xff", LT_PROTOCOL, "Message.bye.reason", "UTF-8");
    REFUSED("\x6a\x04\x0a\x02x\x00", LT_PROTOCOL, "Message.bye.reason", "NUL");
    REFUSED("\xa2\x01\x06\x08\x80\x80\x80\x80\x10", LT_PROTOCOL, "Message.credit.leases",
            "range"); /* 2^32 */
    REFUSED("\xd2\x01\x02\x30\x02", LT_PROTOCOL, "Message.failure.item_known",
            "range"); /* bool 2 */
    REFUSED("\xba\x01\x06\x2a\x04\x0a\x02\x08\x01", LT_PROTOCOL, "Message.results.rows[0].item",
            "wire type");
}

/* B12: unknown fields, empty sub-messages, singular sub-messages merged again and again, depth. */
static void amplifiers_are_refused_cheaply(void **state)
{
    (void)state;
    lt_buf rows = {0}, bytes = {0};
    for (int i = 0; i < 1 << 20; i++)
        lt_buf_add(&rows, "\x2a\x00", 2);
    put_field(&bytes, 23, rows.data, rows.len);
    const uint64_t start_ms = lt_now_ms();
    refused(bytes.data, bytes.len, LT_LIMIT, "Message.results.rows", "too often");
    assert_true(lt_now_ms() - start_ms < 500);
    bytes.len = rows.len = 0;
    for (int i = 0; i < 60000; i++) /* within the repeats, beyond the memory */
        lt_buf_add(&rows, "\x2a\x00", 2);
    put_field(&bytes, 23, rows.data, rows.len);
    refused(bytes.data, bytes.len, LT_LIMIT, "Message", "memory");
    bytes.len = rows.len = 0;
    for (int i = 0; i < 100000; i++) /* a Lease.checkpoint again and again */
        lt_buf_add(&rows, "\x3a\x02\x0a\x00", 4);
    put_field(&bytes, 21, rows.data, rows.len);
    refused(bytes.data, bytes.len, LT_PROTOCOL, "Message.lease.checkpoint", "given twice");
    lt_buf_fini(&rows);
    lt_buf_fini(&bytes);
}

static void limits_hold(void **state)
{
    (void)state;
    lt_error error = {0};
    char *large = calloc(1, LT_FRAME_BYTES_MAX + 1);
    refused(large, LT_FRAME_BYTES_MAX + 1, LT_LIMIT, "Message", "bytes are more than");
    free(large);
    lt_buf bytes = {0};
    put_results(&bytes, 3);
    lt_wire_limits limits = LT_WIRE_FRAME_LIMITS;
    limits.depth_max = 2;
    assert_int_equal(
        lt_wire_scan(&lefttail__message__descriptor, bytes.data, bytes.len, &limits, &error),
        LT_LIMIT);
    limits.depth_max = 3;
    assert_int_equal(
        lt_wire_scan(&lefttail__message__descriptor, bytes.data, bytes.len, &limits, &error),
        LT_OK);
    limits.repeats_max = 2;
    assert_int_equal(
        lt_wire_scan(&lefttail__message__descriptor, bytes.data, bytes.len, &limits, &error),
        LT_LIMIT);
    lt_buf_fini(&bytes);
}

/* Whatever the budget, unpacking ends well or says no: no leak, no half message. */
static void every_budget_ends_cleanly(void **state)
{
    (void)state;
    lt_buf bytes = {0};
    put_results(&bytes, 40);
    lt_wire_limits limits = LT_WIRE_FRAME_LIMITS;
    bool done = false;
    for (limits.memory_bytes_max = 1; !done && limits.memory_bytes_max < 1 << 20;
         limits.memory_bytes_max += 8) {
        ProtobufCMessage *message;
        lt_error error = {0};
        done = lt_wire_unpack_as(&lefttail__message__descriptor, bytes.data, bytes.len, &limits,
                                 &message, &error) == LT_OK;
        assert_true(done == (message != NULL));
        if (message)
            protobuf_c_message_free_unpacked(message, NULL);
    }
    assert_true(done);
    lt_buf_fini(&bytes);
}

/* Every prefix of good bytes, against an unreadable page: no byte past the end is touched. */
static void nothing_past_the_end_is_read(void **state)
{
    (void)state;
    lt_buf bytes = {0};
    put_results(&bytes, 2);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
    for (size_t count = 0; count <= bytes.len; count++) {
        char *flush = memory + page - count;
        memcpy(flush, bytes.data, count);
        const lt_status status =
            lt_wire_scan(&lefttail__message__descriptor, flush, count, &LT_WIRE_FRAME_LIMITS, NULL);
        if (count == bytes.len)
            assert_int_equal(status, LT_OK);
    }
    munmap(memory, 2 * page);
    lt_buf_fini(&bytes);
}

static void packed_numbers_are_counted(void **state)
{
    (void)state;
    Lefttail__Scorer scorer = LEFTTAIL__SCORER__INIT;
    uint32_t sets[] = {0, 300, 70000};
    scorer.sets = sets;
    scorer.n_sets = 3;
    lt_buf bytes = {0};
    lt_error error = {0};
    lt_wire_pack(&scorer.base, &bytes);
    lt_wire_limits limits = LT_WIRE_FRAME_LIMITS;
    limits.repeats_max = 3;
    assert_int_equal(
        lt_wire_scan(&lefttail__scorer__descriptor, bytes.data, bytes.len, &limits, &error), LT_OK);
    limits.repeats_max = 2;
    assert_int_equal(
        lt_wire_scan(&lefttail__scorer__descriptor, bytes.data, bytes.len, &limits, &error),
        LT_LIMIT);
    assert_non_null(strstr(error.where, "Scorer.sets[2]"));
    limits.repeats_max = 3;
    bytes.data[bytes.len - 1] |= (char)0x80; /* the last number does not end */
    assert_int_equal(
        lt_wire_scan(&lefttail__scorer__descriptor, bytes.data, bytes.len, &limits, &error),
        LT_PROTOCOL);
    lt_buf_fini(&bytes);
}

static void floats_travel_as_little_endian_bits(void **state)
{
    (void)state;
    const float values[] = {1.0f, -0.0f, 3.5f};
    uint8_t bytes[13];
    float back[3];
    lt_wire_put_floats(values, 3, bytes + 1);
    assert_memory_equal(bytes + 1, "\x00\x00\x80\x3f\x00\x00\x00\x80\x00\x00\x60\x40", 12);
    lt_wire_get_floats(bytes + 1, back, 3);
    assert_memory_equal(back, values, sizeof values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_pack_comes_back),
        cmocka_unit_test(malformed_bytes_are_refused_where_they_are),
        cmocka_unit_test(amplifiers_are_refused_cheaply),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(every_budget_ends_cleanly),
        cmocka_unit_test(nothing_past_the_end_is_read),
        cmocka_unit_test(packed_numbers_are_counted),
        cmocka_unit_test(floats_travel_as_little_endian_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
