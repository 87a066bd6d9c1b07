/* Blobs: an upload resumes where it stopped, nothing unverified becomes a blob, chunks are held to
 * what they promise, and a path stands for a file only while that file is what was verified. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>
#include <zstd.h>

#include "common/chunk.h"
#include "common/file.h"
#include "common/limits.h"
#include "coordinator/blobs.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/lefttail-blobs-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return lt_dir_remove(folder, NULL);
}

static lt_blobs *open_blobs(bool trust_paths)
{
    lt_blobs *blobs = NULL;
    const lt_blobs_options options = {.blob_bytes_max = 64 << 20, .trust_paths = trust_paths};
    assert_int_equal(lt_blobs_open(folder, &options, &blobs, NULL), LT_OK);
    return blobs;
}

/* 2.5 chunks: the first compressible, the rest noise from a fixed seed. */
static lt_buf make_content(void)
{
    lt_buf content = {0};
    const size_t count = LT_BLOB_CHUNK_BYTES * 5 / 2;
    lt_buf_reserve(&content, count);
    uint64_t x = 88172645463325252u;
    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        lt_buf_putc(&content, i < LT_BLOB_CHUNK_BYTES ? (char)('a' + i % 7) : (char)x);
    }
    return content;
}

/* The chunk at `offset`, not packed; borrows everything. */
static Lefttail__BlobChunk chunk_of(const lt_buf *content, const lt_digest *digest, size_t offset)
{
    const size_t left = content->len - offset;
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)digest->bytes};
    chunk.offset = offset;
    chunk.blob_bytes = content->len;
    lt_chunk_fill(&chunk, content->data + offset,
                  left < LT_BLOB_CHUNK_BYTES ? left : LT_BLOB_CHUNK_BYTES, false, NULL);
    return chunk;
}

static void put_whole(lt_blobs *blobs, const lt_buf *content)
{
    const lt_digest digest = lt_digest_of(content->data, content->len);
    lt_blob_state state;
    uint64_t offset = 0;
    do {
        const Lefttail__BlobChunk chunk = chunk_of(content, &digest, offset);
        assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL), LT_OK);
    } while (state == LT_BLOB_PARTIAL);
}

static void an_upload_resumes_and_is_verified(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    const lt_digest digest = lt_digest_of(content.data, content.len);
    lt_blobs *blobs = open_blobs(false);
    lt_blob_state state;
    uint64_t offset, bytes;
    assert_int_equal(lt_blobs_offer(blobs, &digest, content.len, &state, &offset, NULL), LT_OK);
    assert_int_equal(state, LT_BLOB_PARTIAL);
    assert_int_equal(offset, 0);
    Lefttail__BlobChunk chunk = chunk_of(&content, &digest, 0);
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL), LT_OK);
    lt_blobs_close(&blobs); /* the client and the coordinator disappear */

    blobs = open_blobs(false);
    assert_int_equal(lt_blobs_offer(blobs, &digest, content.len, &state, &offset, NULL), LT_OK);
    assert_int_equal(offset, LT_BLOB_CHUNK_BYTES);
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL),
                     LT_OK); /* sent twice */
    assert_int_equal(offset, LT_BLOB_CHUNK_BYTES);
    chunk = chunk_of(&content, &digest, 2 * LT_BLOB_CHUNK_BYTES); /* a hole would be left */
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL), LT_OK);
    assert_int_equal(offset, LT_BLOB_CHUNK_BYTES);
    put_whole(blobs, &content);
    assert_int_equal(lt_blobs_find(blobs, &digest, &bytes, NULL), LT_NOT_FOUND); /* not yet */
    assert_int_equal(lt_blobs_verify_part(blobs, &digest, NULL), LT_OK);
    assert_int_equal(lt_blobs_find(blobs, &digest, &bytes, NULL), LT_OK);
    assert_int_equal(bytes, content.len);
    lt_buf back = {0};
    assert_int_equal(lt_blobs_read(blobs, &digest, content.len, &back, NULL), LT_OK);
    assert_memory_equal(back.data, content.data, content.len);
    lt_buf_fini(&back);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

static void other_bytes_than_promised_are_dropped(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    lt_blobs *blobs = open_blobs(false);
    const lt_digest digest = lt_digest_of("something else", 14);
    Lefttail__BlobChunk chunk = chunk_of(&content, &digest, 0);
    chunk.blob_bytes = chunk.raw_bytes;
    lt_blob_state state;
    uint64_t offset;
    lt_error error;
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, &error), LT_OK);
    assert_int_equal(state, LT_BLOB_UNVERIFIED);
    assert_int_equal(lt_blobs_verify_part(blobs, &digest, &error), LT_INPUT);
    assert_int_equal(lt_blobs_offer(blobs, &digest, chunk.raw_bytes, &state, &offset, &error),
                     LT_OK);
    assert_int_equal(offset, 0);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

/* Refused, and nothing was written to the part of `digest`. */
static void expect_refused(lt_blobs *blobs, const lt_digest *digest,
                           const Lefttail__BlobChunk *chunk, lt_status status)
{
    lt_blob_state state;
    uint64_t offset;
    lt_error error;
    assert_int_equal(lt_blobs_put_chunk(blobs, chunk, &state, &offset, &error), status);
    assert_true(error.what[0] != '\0');
    const uint64_t bytes = chunk->blob_bytes < 1000 ? chunk->blob_bytes : 1000;
    assert_int_equal(lt_blobs_offer(blobs, digest, bytes, &state, &offset, &error), LT_OK);
    assert_int_equal(offset, 0);
}

static void lies_about_a_chunk_are_refused(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    lt_blobs *blobs = open_blobs(false);
    const lt_digest digest = lt_digest_of(content.data, content.len);
    const Lefttail__BlobChunk good = chunk_of(&content, &digest, 0);
    Lefttail__BlobChunk chunk = good;
    chunk.crc32c ^= 1;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    chunk.raw_bytes--;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    chunk.raw_bytes = LT_BLOB_CHUNK_BYTES + 1;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    chunk.blob_bytes = chunk.raw_bytes - 1;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    chunk.offset = UINT64_MAX;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    chunk.blob_bytes = UINT64_MAX;
    expect_refused(blobs, &digest, &chunk, LT_LIMIT);
    chunk = good;
    chunk.zstd = true; /* it is not */
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    chunk.digest.len--;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    chunk = good;
    lt_chunk_fill(&chunk, "", 0, false, NULL); /* an upload that never gets on */
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

static void a_zip_bomb_does_not_unpack(void **state_)
{
    (void)state_;
    const size_t bomb_bytes = 64u << 20;
    char *zeros = calloc(1, bomb_bytes);
    char packed[65536];
    const size_t packed_bytes = ZSTD_compress(packed, sizeof packed, zeros, bomb_bytes, 3);
    assert_false(ZSTD_isError(packed_bytes));
    lt_blobs *blobs = open_blobs(false);
    const lt_digest digest = lt_digest_of("bomb", 4);
    const lt_buf content = {.data = zeros, .len = LT_BLOB_CHUNK_BYTES};
    Lefttail__BlobChunk chunk = chunk_of(&content, &digest, 0);
    chunk.data = (ProtobufCBinaryData){packed_bytes, (uint8_t *)packed};
    chunk.zstd = true;
    expect_refused(blobs, &digest, &chunk, LT_PROTOCOL);
    free(zeros);
    lt_blobs_close(&blobs);
}

static void chunks_leave_as_they_came(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    const lt_digest digest = lt_digest_of(content.data, content.len);
    lt_blobs *blobs = open_blobs(false);
    put_whole(blobs, &content);
    assert_int_equal(lt_blobs_verify_part(blobs, &digest, NULL), LT_OK);
    Lefttail__BlobChunk chunk;
    lt_buf scratch = {0};
    lt_error error;
    for (uint64_t offset = 0; offset < content.len; offset += chunk.raw_bytes) {
        const void *raw;
        assert_int_equal(lt_blobs_chunk(blobs, &digest, offset, &chunk, &error), LT_OK);
        assert_int_equal(chunk.offset, offset);
        assert_int_equal(chunk.blob_bytes, content.len);
        assert_int_equal(chunk.digest.len, LT_DIGEST_BYTES);
        assert_memory_equal(chunk.digest.data, digest.bytes, LT_DIGEST_BYTES);
        assert_int_equal(chunk.zstd, offset == 0);
        assert_int_equal(lt_chunk_open(&chunk, &scratch, &raw, &error), LT_OK);
        assert_memory_equal(raw, content.data + offset, chunk.raw_bytes);
    }
    assert_int_equal(lt_blobs_chunk(blobs, &digest, content.len, &chunk, &error), LT_INPUT);
    const lt_digest other = lt_digest_of("x", 1);
    assert_int_equal(lt_blobs_chunk(blobs, &other, 0, &chunk, &error), LT_NOT_FOUND);
    /* Noise was seen in this blob: it is not packed again, while another blob is. */
    assert_int_equal(lt_blobs_chunk(blobs, &digest, 0, &chunk, &error), LT_OK);
    assert_false(chunk.zstd);
    lt_buf letters = {.data = content.data, .len = LT_BLOB_CHUNK_BYTES};
    const lt_digest letters_digest = lt_digest_of(letters.data, letters.len);
    put_whole(blobs, &letters);
    assert_int_equal(lt_blobs_verify_part(blobs, &letters_digest, NULL), LT_OK);
    assert_int_equal(lt_blobs_chunk(blobs, &letters_digest, 0, &chunk, &error), LT_OK);
    assert_true(chunk.zstd);
    lt_buf_fini(&scratch);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

/* The end of a text is too short to be packed; that says nothing about the rest of it. */
static void a_short_last_chunk_does_not_stop_packing(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    content.len = LT_BLOB_CHUNK_BYTES + 20;
    const lt_digest digest = lt_digest_of(content.data, content.len);
    lt_blobs *blobs = open_blobs(false);
    put_whole(blobs, &content);
    assert_int_equal(lt_blobs_verify_part(blobs, &digest, NULL), LT_OK);
    Lefttail__BlobChunk chunk;
    assert_int_equal(lt_blobs_chunk(blobs, &digest, LT_BLOB_CHUNK_BYTES, &chunk, NULL), LT_OK);
    assert_int_equal(chunk.raw_bytes, 20);
    assert_false(chunk.zstd);
    assert_int_equal(lt_blobs_chunk(blobs, &digest, 0, &chunk, NULL), LT_OK);
    assert_true(chunk.zstd);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

static void an_empty_blob_is_a_blob(void **state_)
{
    (void)state_;
    lt_blobs *blobs = open_blobs(false);
    const lt_digest digest = lt_digest_of("", 0);
    lt_blob_state state;
    uint64_t offset;
    assert_int_equal(lt_blobs_offer(blobs, &digest, 0, &state, &offset, NULL), LT_OK);
    assert_int_equal(state, LT_BLOB_UNVERIFIED);
    assert_int_equal(lt_blobs_verify_part(blobs, &digest, NULL), LT_OK);
    Lefttail__BlobChunk chunk;
    assert_int_equal(lt_blobs_chunk(blobs, &digest, 0, &chunk, NULL), LT_OK);
    assert_int_equal(chunk.raw_bytes, 0);
    assert_int_equal(lt_blobs_chunk(blobs, &digest, 1, &chunk, NULL), LT_INPUT);
    lt_blobs_close(&blobs);
}

static void a_path_stands_while_it_is_unchanged(void **state_)
{
    (void)state_;
    char path[128];
    snprintf(path, sizeof path, "%s/model file.safetensors", folder);
    assert_int_equal(lt_file_write(path, "weights", 7, NULL), LT_OK);
    const lt_digest digest = lt_digest_of("weights", 7), other = lt_digest_of("Weights", 7);
    lt_blobs *blobs = open_blobs(false);
    assert_false(lt_blobs_path_plausible(blobs, path, 7)); /* not trusted */
    lt_blobs_close(&blobs);
    blobs = open_blobs(true);
    assert_true(lt_blobs_path_plausible(blobs, path, 7));
    assert_false(lt_blobs_path_plausible(blobs, path, 8));
    assert_false(lt_blobs_path_plausible(blobs, "model file.safetensors", 7));
    assert_false(lt_blobs_path_plausible(blobs, folder, 7));
    assert_int_equal(lt_blobs_verify_path(blobs, &other, path, 7, NULL), LT_INPUT);
    assert_int_equal(lt_blobs_verify_path(blobs, &digest, path, 7, NULL), LT_OK);
    uint64_t bytes;
    lt_buf out = {0};
    assert_int_equal(lt_blobs_find(blobs, &digest, &bytes, NULL), LT_OK);
    assert_int_equal(lt_blobs_read(blobs, &digest, 100, &out, NULL), LT_OK);
    assert_string_equal(lt_buf_str(&out), "weights");
    const struct utimbuf then = {1000000000, 1000000000};
    assert_int_equal(utime(path, &then), 0);
    assert_int_equal(lt_blobs_find(blobs, &digest, &bytes, NULL), LT_NOT_FOUND);
    lt_buf_fini(&out);
    lt_blobs_close(&blobs);
}

static void old_parts_are_removed(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    lt_blobs *blobs = open_blobs(false);
    const lt_digest digest = lt_digest_of(content.data, content.len);
    const Lefttail__BlobChunk chunk = chunk_of(&content, &digest, 0);
    lt_blob_state state;
    uint64_t offset;
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL), LT_OK);
    lt_blobs_sweep(blobs);
    assert_int_equal(lt_blobs_offer(blobs, &digest, content.len, &state, &offset, NULL), LT_OK);
    assert_int_equal(offset, LT_BLOB_CHUNK_BYTES);
    char path[256], hex[LT_DIGEST_HEX_BYTES];
    snprintf(path, sizeof path, "%s/blobs/part/%s", folder, lt_digest_hex(&digest, hex));
    const struct utimbuf then = {1000000000, 1000000000};
    assert_int_equal(utime(path, &then), 0);
    lt_blobs_sweep(blobs);
    assert_int_equal(lt_blobs_offer(blobs, &digest, content.len, &state, &offset, NULL), LT_OK);
    assert_int_equal(offset, 0);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

static void a_failed_write_leaves_the_part_as_it_was(void **state_)
{
    (void)state_;
    lt_buf content = make_content();
    lt_blobs *blobs = open_blobs(false);
    const lt_digest digest = lt_digest_of(content.data, content.len);
    Lefttail__BlobChunk chunk = chunk_of(&content, &digest, 0);
    lt_blob_state state;
    uint64_t offset;
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL), LT_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = LT_BLOB_CHUNK_BYTES * 3 / 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    chunk = chunk_of(&content, &digest, LT_BLOB_CHUNK_BYTES);
    assert_int_equal(lt_blobs_put_chunk(blobs, &chunk, &state, &offset, NULL), LT_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    put_whole(blobs, &content);
    assert_int_equal(lt_blobs_verify_part(blobs, &digest, NULL), LT_OK);
    lt_buf_fini(&content);
    lt_blobs_close(&blobs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upload_resumes_and_is_verified),
        TEST(other_bytes_than_promised_are_dropped),
        TEST(lies_about_a_chunk_are_refused),
        TEST(a_zip_bomb_does_not_unpack),
        TEST(chunks_leave_as_they_came),
        TEST(a_short_last_chunk_does_not_stop_packing),
        TEST(an_empty_blob_is_a_blob),
        TEST(a_path_stands_while_it_is_unchanged),
        TEST(old_parts_are_removed),
        TEST(a_failed_write_leaves_the_part_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
