/* The checkpoint cache: what is verified, kept, evicted, resumed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/checkpoint.h"
#include "common/file.h"
#include "worker/cache.h"
#include "worker/fetch.h"

#include "common/limits.h"

typedef struct world {
    char dir[64], source[128], cache_dir[128];
    Lefttail__Checkpoint *checkpoint;
    lt_cache *cache;
} world;

static char *name_in(const char *dir, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_text(const char *dir, const char *name, const char *text)
{
    assert_int_equal(lt_file_write(name_in(dir, name), text, strlen(text), NULL), LT_OK);
}

static void start(world *w, uint64_t bytes_max)
{
    *w = (world){0};
    strcpy(w->dir, "/tmp/lefttail-cache-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->source, sizeof w->source, "%s/source", w->dir);
    snprintf(w->cache_dir, sizeof w->cache_dir, "%s/cache", w->dir);
    assert_int_equal(lt_dir_make(w->source, NULL), LT_OK);
    write_text(w->source, "config.json", "{}");
    write_text(w->source, "tokenizer.json", "{\"model\":{}}");
    write_text(w->source, "README.md", "does not count");
    lt_error error = {0};
    assert_int_equal(lt_checkpoint_digest_dir(w->source, &w->checkpoint, &error), LT_OK);
    assert_int_equal(w->checkpoint->n_files, 2);
    assert_int_equal(lt_cache_open(&w->cache, w->cache_dir, bytes_max, &error), LT_OK);
}

static void reopen(world *w, uint64_t bytes_max)
{
    lt_cache_close(&w->cache);
    assert_int_equal(lt_cache_open(&w->cache, w->cache_dir, bytes_max, NULL), LT_OK);
}

static void stop(world *w)
{
    lt_cache_close(&w->cache);
    lefttail__checkpoint__free_unpacked(w->checkpoint, NULL);
    assert_int_equal(lt_dir_remove(w->dir, NULL), LT_OK);
}

/* Puts `text` into the cache as if it had been downloaded; returns the status of the last step. */
static lt_status put(world *w, const lt_digest *digest, const char *text, lt_error *error)
{
    lt_download download;
    LT_TRY(lt_download_open(w->cache, &download, digest, strlen(text), error));
    lt_status status =
        lt_download_add(&download, text + download.offset, strlen(text) - download.offset, error);
    if (status == LT_OK)
        status = lt_download_finish(w->cache, &download, error);
    lt_download_close(&download);
    return status;
}

static void put_file(world *w, size_t i)
{
    lt_buf bytes = {0};
    lt_digest digest;
    lt_error error = {0};
    assert_int_equal(
        lt_file_read(name_in(w->source, w->checkpoint->files[i]->name), 1000, &bytes, &error),
        LT_OK);
    lt_digest_from_bytes(w->checkpoint->files[i]->digest.data, LT_DIGEST_BYTES, &digest);
    assert_int_equal(put(w, &digest, lt_buf_str(&bytes), &error), LT_OK);
    lt_buf_fini(&bytes);
}

static char *blob_path(const world *w, size_t i)
{
    lt_digest digest;
    char hex[LT_DIGEST_HEX_BYTES], name[128];
    lt_digest_from_bytes(w->checkpoint->files[i]->digest.data, LT_DIGEST_BYTES, &digest);
    snprintf(name, sizeof name, "blobs/%s", lt_digest_hex(&digest, hex));
    return name_in(w->cache_dir, name);
}

static void a_path_is_used_only_if_every_file_is_the_one(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    start(&w, 0);
    assert_int_equal(lt_cache_verify_path(w.cache, w.checkpoint, &error), LT_OK);
    assert_true(lt_cache_unchanged(w.cache, w.checkpoint, w.checkpoint->path));
    write_text(w.source, "tokenizer.json", "{\"model\":[]}"); /* the same size */
    assert_false(lt_cache_unchanged(w.cache, w.checkpoint, w.checkpoint->path));
    assert_int_equal(lt_cache_verify_path(w.cache, w.checkpoint, &error), LT_NOT_FOUND);
    assert_non_null(strstr(error.where, "tokenizer.json"));
    write_text(w.source, "tokenizer.json", "{\"model\":{}}");
    assert_int_equal(lt_cache_verify_path(w.cache, w.checkpoint, &error), LT_OK);
    assert_int_equal(unlink(name_in(w.source, "config.json")), 0);
    assert_int_equal(lt_cache_verify_path(w.cache, w.checkpoint, &error), LT_NOT_FOUND);
    stop(&w);
}

static void missing_files_are_named_and_then_linked(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    bool missing[2];
    char *dir;
    start(&w, 0);
    put_file(&w, 0);
    assert_int_equal(lt_cache_checkpoint(w.cache, w.checkpoint, &dir, missing, &error),
                     LT_NOT_FOUND);
    assert_false(missing[0]);
    assert_true(missing[1]);
    put_file(&w, 1);
    assert_int_equal(lt_cache_checkpoint(w.cache, w.checkpoint, &dir, missing, &error), LT_OK);
    assert_true(lt_file_exists(name_in(dir, "config.json")));
    assert_true(lt_cache_unchanged(w.cache, w.checkpoint, dir));
    lt_cache_release(w.cache, w.checkpoint);
    free(dir);
    stop(&w);
}

/* Flipped while nobody looked: the next process finds it by its digest, and this one by its time.
 */
static void a_corrupt_blob_is_deleted(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    bool missing[2];
    char *dir;
    start(&w, 0);
    put_file(&w, 0);
    put_file(&w, 1);
    for (int fresh = 0; fresh < 2; fresh++) {
        assert_int_equal(lt_cache_checkpoint(w.cache, w.checkpoint, &dir, missing, &error), LT_OK);
        lt_cache_release(w.cache, w.checkpoint);
        free(dir);
        if (fresh)
            reopen(&w, 0);
        FILE *file = fopen(blob_path(&w, 1), "r+");
        assert_non_null(file);
        fputc('[', file);
        fclose(file);
        if (!fresh) { /* an editor may keep the time's tick */
            const struct timespec times[2] = {{1000, 0}, {1000, 0}};
            assert_int_equal(utimensat(0, blob_path(&w, 1), times, 0), 0);
        }
        assert_int_equal(lt_cache_checkpoint(w.cache, w.checkpoint, &dir, missing, &error),
                         LT_NOT_FOUND);
        assert_true(missing[1] && !missing[0]);
        assert_false(lt_file_exists(blob_path(&w, 1)));
        put_file(&w, 1);
    }
    stop(&w);
}

static void a_wrong_download_is_deleted(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    start(&w, 0);
    const lt_digest digest = lt_digest_of("right", 5);
    assert_int_equal(put(&w, &digest, "wrong", &error), LT_FAILED);
    assert_int_equal(put(&w, &digest, "right", &error), LT_OK);
    stop(&w);
}

static void a_download_goes_on_and_is_one_workers(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    lt_download first, second;
    start(&w, 0);
    const lt_digest digest = lt_digest_of("0123456789", 10);
    assert_int_equal(lt_download_open(w.cache, &first, &digest, 10, &error), LT_OK);
    assert_int_equal(lt_download_add(&first, "0123", 4, &error), LT_OK);
    assert_int_equal(lt_download_open(w.cache, &second, &digest, 10, &error), LT_CONFLICT);
    lt_download_close(&first);
    assert_int_equal(lt_download_open(w.cache, &second, &digest, 10, &error), LT_OK);
    assert_int_equal(second.offset, 4);
    assert_int_equal(lt_download_add(&second, "456789", 6, &error), LT_OK);
    assert_int_equal(lt_download_finish(w.cache, &second, &error), LT_OK);
    lt_download_close(&second);
    stop(&w);
}

static void the_oldest_unused_goes_first(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    bool missing[2];
    char *dir;
    start(&w, 30); /* the checkpoint has 14 bytes */
    put_file(&w, 0);
    put_file(&w, 1);
    assert_int_equal(lt_cache_checkpoint(w.cache, w.checkpoint, &dir, missing, &error),
                     LT_OK); /* in use from here */
    free(dir);
    const lt_digest a = lt_digest_of("aaaaaaaa", 8), b = lt_digest_of("bbbbbbbb", 8),
                    c = lt_digest_of("cccccccc", 8);
    assert_int_equal(put(&w, &a, "aaaaaaaa", &error), LT_OK);
    assert_int_equal(put(&w, &b, "bbbbbbbb", &error), LT_OK);
    char hex[LT_DIGEST_HEX_BYTES], name[128];
    snprintf(name, sizeof name, "blobs/%s", lt_digest_hex(&a, hex));
    assert_true(lt_file_exists(name_in(w.cache_dir, name)));
    const struct timespec times[2] = {{1000, 0}, {.tv_nsec = UTIME_OMIT}};
    assert_int_equal(utimensat(0, name_in(w.cache_dir, name), times, 0), 0);
    assert_int_equal(put(&w, &c, "cccccccc", &error), LT_OK);
    assert_false(lt_file_exists(name_in(w.cache_dir, name)));
    snprintf(name, sizeof name, "blobs/%s", lt_digest_hex(&b, hex));
    assert_true(lt_file_exists(name_in(w.cache_dir, name)));
    const lt_digest large = lt_digest_of("twenty bytes of text", 20);
    assert_int_equal(put(&w, &large, "twenty bytes of text", &error), LT_FULL);
    assert_true(lt_file_exists(blob_path(&w, 0)) && lt_file_exists(blob_path(&w, 1)));
    lt_cache_release(w.cache, w.checkpoint);
    assert_int_equal(put(&w, &large, "twenty bytes of text", &error), LT_OK);
    stop(&w);
}

/* Names become paths: the ones that could leave the folder are refused. */
static void hostile_names_are_refused(void **state)
{
    (void)state;
    world w;
    lt_error error = {0};
    bool missing[2];
    char *dir;
    start(&w, 0);
    free(w.checkpoint->files[0]->name);
    w.checkpoint->files[0]->name = strdup("../../config.json");
    assert_int_not_equal(lt_cache_checkpoint(w.cache, w.checkpoint, &dir, missing, &error), LT_OK);
    assert_null(dir);
    stop(&w);
}

/* ---- chunks ---- */

static Lefttail__BlobChunk chunk_of(const char *bytes, size_t whole, uint64_t offset, size_t count)
{
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.offset = offset;
    chunk.blob_bytes = whole;
    chunk.data = (ProtobufCBinaryData){count, (uint8_t *)bytes + offset};
    chunk.raw_bytes = (uint32_t)count;
    chunk.crc32c = lt_crc32c(0, bytes + offset, count);
    return chunk;
}

static void chunks_are_taken_in_order_and_checked(void **state)
{
    (void)state;
    const size_t whole = 5u * LT_BLOB_CHUNK_BYTES + 10;
    char *bytes = calloc(1, whole);
    lt_digest digest = {{0}};
    lt_fetch fetch;
    lt_buf scratch = {0};
    lt_error error = {0};
    const uint8_t *raw;
    size_t raw_bytes;
    uint64_t offset;
    lt_fetch_init(&fetch, &digest, whole, 0, 0);
    for (unsigned i = 0; i < LT_FETCH_WINDOW; i++) {
        assert_true(lt_fetch_next(&fetch, &offset));
        assert_int_equal(offset, i * LT_BLOB_CHUNK_BYTES);
    }
    assert_false(lt_fetch_next(&fetch, &offset));
    Lefttail__BlobChunk second = chunk_of(bytes, whole, LT_BLOB_CHUNK_BYTES, LT_BLOB_CHUNK_BYTES);
    assert_int_equal(lt_fetch_take(&fetch, &second, &scratch, &raw, &raw_bytes, 0, &error), LT_OK);
    assert_int_equal(raw_bytes, 0); /* not the next one */
    Lefttail__BlobChunk first = chunk_of(bytes, whole, 0, LT_BLOB_CHUNK_BYTES);
    assert_int_equal(lt_fetch_take(&fetch, &first, &scratch, &raw, &raw_bytes, 0, &error), LT_OK);
    assert_int_equal(raw_bytes, LT_BLOB_CHUNK_BYTES);
    second.crc32c ^= 1;
    for (int i = 0; i < LT_FETCH_STRIKES_MAX - 1; i++) {
        assert_int_equal(lt_fetch_take(&fetch, &second, &scratch, &raw, &raw_bytes, 0, &error),
                         LT_OK);
        assert_int_equal(raw_bytes, 0);
        assert_true(lt_fetch_next(&fetch, &offset));
        assert_int_equal(offset, LT_BLOB_CHUNK_BYTES);
    }
    assert_int_equal(lt_fetch_take(&fetch, &second, &scratch, &raw, &raw_bytes, 0, &error),
                     LT_FAILED);
    free(bytes);
    lt_buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_used_only_if_every_file_is_the_one),
        cmocka_unit_test(missing_files_are_named_and_then_linked),
        cmocka_unit_test(a_corrupt_blob_is_deleted),
        cmocka_unit_test(a_wrong_download_is_deleted),
        cmocka_unit_test(a_download_goes_on_and_is_one_workers),
        cmocka_unit_test(the_oldest_unused_goes_first),
        cmocka_unit_test(hostile_names_are_refused),
        cmocka_unit_test(chunks_are_taken_in_order_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
