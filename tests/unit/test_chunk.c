/* Chunks: what was filled opens to the same bytes, packed or not; what lies about its lengths or
 * its bytes is refused, and nothing is unpacked beyond the length it was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "common/chunk.h"
#include "common/limits.h"

static lt_buf packed, unpacked; /* of every test; cleared by what fills them */
static char letters[LT_BLOB_CHUNK_BYTES], noise[LT_BLOB_CHUNK_BYTES];

static int make_contents(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < LT_BLOB_CHUNK_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        noise[i] = (char)x;
        letters[i] = (char)('a' + i % 7);
    }
    return 0;
}

static int free_buffers(void **state)
{
    (void)state;
    lt_buf_fini(&packed);
    lt_buf_fini(&unpacked);
    return 0;
}

/* The only chunk of a blob of `bytes` bytes. */
static Lefttail__BlobChunk filled(const void *raw, size_t bytes, bool try_zstd)
{
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.blob_bytes = bytes;
    const bool is_packed = lt_chunk_fill(&chunk, raw, bytes, try_zstd, &packed);
    assert_int_equal(is_packed, chunk.zstd);
    assert_int_equal(chunk.raw_bytes, bytes);
    return chunk;
}

static void expect_opens(const Lefttail__BlobChunk *chunk, const void *raw, size_t bytes)
{
    const void *got = NULL;
    lt_error error = {0};
    assert_int_equal(lt_chunk_open(chunk, &unpacked, &got, &error), LT_OK);
    assert_int_equal(chunk->raw_bytes, bytes);
    if (bytes > 0)
        assert_memory_equal(got, raw, bytes);
}

static void expect_refused(const Lefttail__BlobChunk *chunk, const char *where)
{
    const void *got;
    lt_error error = {0};
    assert_int_equal(lt_chunk_open(chunk, &unpacked, &got, &error), LT_PROTOCOL);
    assert_string_equal(error.where, where);
    assert_true(error.what[0] != '\0');
}

static void what_shrinks_is_packed(void **state)
{
    (void)state;
    const size_t sizes[] = {100, 1000, LT_BLOB_CHUNK_BYTES - 1, LT_BLOB_CHUNK_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const Lefttail__BlobChunk chunk = filled(letters, sizes[i], true);
        assert_true(chunk.zstd);
        assert_true(chunk.data.len <= sizes[i] - sizes[i] / 16);
        assert_ptr_equal(chunk.data.data, packed.data);
        expect_opens(&chunk, letters, sizes[i]);
    }
}

static void what_does_not_shrink_is_sent_as_it_is(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 2, 17, 1000, LT_BLOB_CHUNK_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const Lefttail__BlobChunk chunk = filled(noise, sizes[i], true);
        assert_false(chunk.zstd);
        assert_ptr_equal(chunk.data.data, noise);
        assert_int_equal(chunk.data.len, sizes[i]);
        expect_opens(&chunk, noise, sizes[i]);
    }
}

/* zstd makes a fortieth less of it: not worth unpacking. */
static void a_small_gain_is_not_taken(void **state)
{
    (void)state;
    const size_t same = LT_BLOB_CHUNK_BYTES / 40;
    char *mixed = malloc(LT_BLOB_CHUNK_BYTES);
    assert_non_null(mixed);
    memcpy(mixed, noise, LT_BLOB_CHUNK_BYTES);
    memset(mixed, 'a', same);
    Lefttail__BlobChunk chunk = filled(mixed, LT_BLOB_CHUNK_BYTES, true);
    assert_false(chunk.zstd);
    memset(mixed, 'a', 4 * same);
    chunk = filled(mixed, LT_BLOB_CHUNK_BYTES, true);
    assert_true(chunk.zstd);
    expect_opens(&chunk, mixed, LT_BLOB_CHUNK_BYTES);
    free(mixed);
}

static void nothing_is_packed_unasked(void **state)
{
    (void)state;
    const Lefttail__BlobChunk chunk = filled(letters, LT_BLOB_CHUNK_BYTES, false);
    assert_false(chunk.zstd);
    assert_ptr_equal(chunk.data.data, letters);
    expect_opens(&chunk, letters, LT_BLOB_CHUNK_BYTES);
}

static void an_empty_chunk_opens_to_nothing(void **state)
{
    (void)state;
    Lefttail__BlobChunk chunk = filled("", 0, true);
    assert_false(chunk.zstd);
    assert_int_equal(chunk.data.len, 0);
    expect_opens(&chunk, "", 0);
    char frame[64];
    chunk.zstd = true;
    chunk.data.data = (uint8_t *)frame;
    chunk.data.len = ZSTD_compress(frame, sizeof frame, "", 0, 1);
    expect_opens(&chunk, "", 0);
    chunk.crc32c = 1;
    expect_refused(&chunk, "chunk.crc32c");
}

static void filling_leaves_the_place_alone(void **state)
{
    (void)state;
    uint8_t digest[32] = {7};
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.digest = (ProtobufCBinaryData){sizeof digest, digest};
    chunk.offset = 5;
    chunk.blob_bytes = 1005;
    assert_true(lt_chunk_fill(&chunk, letters, 1000, true, &packed));
    assert_ptr_equal(chunk.digest.data, digest);
    assert_int_equal(chunk.offset, 5);
    assert_int_equal(chunk.blob_bytes, 1005);
    expect_opens(&chunk, letters, 1000);
}

static void a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    for (int zstd = 0; zstd <= 1; zstd++) {
        Lefttail__BlobChunk chunk = filled(letters, 1000, zstd);
        chunk.crc32c ^= 1u << 31;
        expect_refused(&chunk, "chunk.crc32c");
    }
    char other[1000];
    memcpy(other, letters, sizeof other);
    Lefttail__BlobChunk chunk = filled(other, sizeof other, false);
    other[999] ^= 1;
    expect_refused(&chunk, "chunk.crc32c");
}

static void wrong_lengths_are_refused(void **state)
{
    (void)state;
    const Lefttail__BlobChunk good = filled(noise, 1000, true);
    Lefttail__BlobChunk chunk = good;
    chunk.raw_bytes--;
    expect_refused(&chunk, "chunk.data");
    chunk = good;
    chunk.data.len--;
    expect_refused(&chunk, "chunk.data");
    chunk = good;
    chunk.raw_bytes++; /* behind the end of the blob */
    expect_refused(&chunk, "chunk.raw_bytes");
    chunk = good;
    chunk.offset = 1;
    expect_refused(&chunk, "chunk.raw_bytes");
    chunk = good;
    chunk.offset = 1001;
    expect_refused(&chunk, "chunk.raw_bytes");
    chunk = good;
    chunk.offset = UINT64_MAX; /* offset + raw_bytes would wrap around to a place inside */
    expect_refused(&chunk, "chunk.raw_bytes");
    chunk = good;
    chunk.blob_bytes = 999;
    expect_refused(&chunk, "chunk.raw_bytes");
    chunk = good;
    chunk.zstd = true; /* it is not */
    expect_refused(&chunk, "chunk.data");
}

static void more_than_a_chunk_is_refused(void **state)
{
    (void)state;
    const uint32_t sizes[] = {LT_BLOB_CHUNK_BYTES + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int zstd = 0; zstd <= 1; zstd++) {
            Lefttail__BlobChunk chunk = filled(letters, 1000, zstd);
            chunk.blob_bytes = UINT64_MAX;
            chunk.raw_bytes = sizes[i];
            expect_refused(&chunk, "chunk.raw_bytes");
        }
}

static void a_damaged_frame_is_refused(void **state)
{
    (void)state;
    const Lefttail__BlobChunk good = filled(letters, 100000, true);
    for (size_t len = 0; len < good.data.len; len++) {
        Lefttail__BlobChunk chunk = good;
        chunk.data.len = len;
        expect_refused(&chunk, "chunk.data");
    }
    Lefttail__BlobChunk chunk = good;
    chunk.raw_bytes--; /* the frame holds one more */
    expect_refused(&chunk, "chunk.data");
    chunk = good;
    chunk.blob_bytes++;
    chunk.raw_bytes++; /* the frame holds one less */
    expect_refused(&chunk, "chunk.data");
}

/* 64 MiB of zeros in a few kB: the frame says so in its header, or, made as a stream, it does not.
 */
static void a_zstd_bomb_does_not_unpack(void **state)
{
    (void)state;
    const size_t bomb_bytes = 64u << 20;
    char *zeros = calloc(1, bomb_bytes);
    assert_non_null(zeros);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    assert_non_null(zstd);
    for (int says_size = 0; says_size <= 1; says_size++) {
        char frame[65536];
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, says_size);
        const size_t frame_bytes = ZSTD_compress2(zstd, frame, sizeof frame, zeros, bomb_bytes);
        assert_false(ZSTD_isError(frame_bytes));
        const uint32_t promised[] = {0, 1000, LT_BLOB_CHUNK_BYTES};
        for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++) {
            Lefttail__BlobChunk chunk = filled(zeros, promised[i], false);
            chunk.zstd = true;
            chunk.data = (ProtobufCBinaryData){frame_bytes, (uint8_t *)frame};
            expect_refused(&chunk, "chunk.data");
            assert_true(unpacked.cap <= 2 * LT_BLOB_CHUNK_BYTES);
        }
    }
    ZSTD_freeCCtx(zstd);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_shrinks_is_packed),
        cmocka_unit_test(what_does_not_shrink_is_sent_as_it_is),
        cmocka_unit_test(a_small_gain_is_not_taken),
        cmocka_unit_test(nothing_is_packed_unasked),
        cmocka_unit_test(an_empty_chunk_opens_to_nothing),
        cmocka_unit_test(filling_leaves_the_place_alone),
        cmocka_unit_test(a_wrong_checksum_is_refused),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(more_than_a_chunk_is_refused),
        cmocka_unit_test(a_damaged_frame_is_refused),
        cmocka_unit_test(a_zstd_bomb_does_not_unpack),
    };
    return cmocka_run_group_tests(tests, make_contents, free_buffers);
}
