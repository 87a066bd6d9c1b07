#include "common/net/keys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/buf.h"
#include "common/file.h"

#define KEY_FILE_BYTES_MAX 4096
#define ALLOW_FILE_BYTES_MAX (8u << 20)
#define KEY_LEN (LT_KEY_TEXT_BYTES - 1)

static const struct {
    const char *stem, *allow;
} owners[] = {
#define X(name, stem, allow) {stem, allow},
    LT_KEY_OWNER_LIST(X)
#undef X
};
enum { OWNER_COUNT = sizeof owners / sizeof *owners };

static char *file_path(const char *dir, const char *stem, const char *ending)
{
    lt_buf name = {0};
    lt_buf_printf(&name, "%s%s", stem, ending);
    char *path = lt_path_join(dir, lt_buf_str(&name));
    lt_buf_fini(&name);
    return path;
}

static bool is_key(const char *text, size_t len)
{
    char copy[LT_KEY_TEXT_BYTES];
    uint8_t raw[32];
    if (len != KEY_LEN)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return zmq_z85_decode(raw, copy) != NULL;
}

/* ---- making ---- */

static lt_status write_new(const char *path, mode_t mode, const char *text, lt_error *error)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot create");
    const size_t len = strlen(text);
    const bool written =
        write(fd, text, len) == (ssize_t)len && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    const lt_status status = written ? LT_OK : lt_fail_errno(error, path, "cannot write");
    close(fd);
    return status;
}

static lt_status write_owner(const char *dir, int owner, lt_error *error)
{
    char public_key[LT_KEY_TEXT_BYTES], secret_key[LT_KEY_TEXT_BYTES];
    if (zmq_curve_keypair(public_key, secret_key) != 0)
        return lt_fail(error, LT_UNSUPPORTED, NULL, "this libzmq was built without CURVE");
    char *public_path = file_path(dir, owners[owner].stem, ".public");
    char *secret_path = file_path(dir, owners[owner].stem, ".secret");
    char *allow_path = lt_path_join(dir, owners[owner].allow);
    lt_buf text = {0};
    lt_buf_printf(&text, "%s\n", secret_key);
    lt_status status = write_new(secret_path, 0600, lt_buf_str(&text), error);
    sodium_memzero(text.data, text.len);
    lt_buf_clear(&text);
    lt_buf_printf(&text, "%s\n", public_key);
    if (status == LT_OK)
        status = write_new(public_path, 0644, lt_buf_str(&text), error);
    lt_buf_clear(&text);
    lt_buf_printf(&text,
                  "# Public keys of %ss that may connect, one a line, a comment behind it.\n%s "
                  "made with the keys\n",
                  owners[owner].stem, public_key);
    if (status == LT_OK && *owners[owner].allow)
        status = write_new(allow_path, 0644, lt_buf_str(&text), error);
    sodium_memzero(secret_key, sizeof secret_key);
    lt_buf_fini(&text);
    free(public_path);
    free(secret_path);
    free(allow_path);
    return status;
}

static lt_status refuse_existing(const char *path, lt_error *error)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return LT_OK;
    return lt_remedy(error,
                     lt_fail(error, LT_CONFLICT, path, "exists, and keys are never overwritten"),
                     "choose another folder, or remove the old keys yourself");
}

lt_status lt_keys_make(const char *dir, lt_error *error)
{
    lt_status status = LT_OK;
    for (int owner = 0; owner < OWNER_COUNT && status == LT_OK; owner++) {
        char *paths[] = {file_path(dir, owners[owner].stem, ".public"),
                         file_path(dir, owners[owner].stem, ".secret"),
                         file_path(dir, owners[owner].allow, "")};
        for (int i = 0; i < 3; i++) {
            if (status == LT_OK && (i < 2 || *owners[owner].allow))
                status = refuse_existing(paths[i], error);
            free(paths[i]);
        }
    }
    LT_TRY(status);
    const bool was_there = lt_dir_exists(dir);
    LT_TRY(lt_dir_make(dir, error));
    if (!was_there && chmod(dir, 0700) != 0)
        return lt_fail_errno(error, dir, "cannot set its mode");
    for (int owner = 0; owner < OWNER_COUNT; owner++)
        LT_TRY(write_owner(dir, owner, error));
    return lt_dir_sync(dir, error);
}

/* ---- reading ---- */

/* The mode is looked at on the open file, so that it cannot change in between. */
static lt_status refuse_shared_secret(const char *path, lt_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lt_remedy(error, lt_fail_errno(error, path, "cannot open the key"),
                         "make keys with 'lefttail keygen DIR'");
    struct stat st;
    const bool known = fstat(fd, &st) == 0;
    close(fd);
    if (known && !(st.st_mode & (S_IRWXG | S_IRWXO)))
        return LT_OK;
    return lt_remedy(error, lt_fail(error, LT_DENIED, path, "others may read this secret key"),
                     "chmod 600 it");
}

static lt_status read_key(const char *path, char out[LT_KEY_TEXT_BYTES], lt_error *error)
{
    lt_buf bytes = {0};
    lt_status status = lt_file_read(path, KEY_FILE_BYTES_MAX, &bytes, error);
    size_t len = bytes.len;
    while (len > 0 && isspace((unsigned char)bytes.data[len - 1]))
        len--;
    if (status == LT_OK && !is_key(lt_buf_str(&bytes), len))
        status = lt_expected(error, lt_fail(error, LT_INPUT, path, "this is not a key"),
                             "one line of 40 Z85 characters");
    if (status == LT_OK) {
        memcpy(out, bytes.data, KEY_LEN);
        out[KEY_LEN] = '\0';
    }
    if (bytes.data)
        sodium_memzero(bytes.data, bytes.len);
    lt_buf_fini(&bytes);
    return status;
}

lt_status lt_keys_read(const char *dir, lt_key_owner owner, lt_keys *out, lt_error *error)
{
    *out = (lt_keys){0};
    char *secret_path = file_path(dir, owners[owner].stem, ".secret");
    char *server_path = file_path(dir, owners[LT_KEY_COORDINATOR].stem, ".public");
    lt_status status = refuse_shared_secret(secret_path, error);
    if (status == LT_OK)
        status = read_key(secret_path, out->own_secret, error);
    if (status == LT_OK && zmq_curve_public(out->own_public, out->own_secret) != 0)
        status = lt_fail(error, LT_INPUT, secret_path, "this is not a secret key");
    if (status == LT_OK && owner != LT_KEY_COORDINATOR)
        status = read_key(server_path, out->coordinator_public, error);
    if (status != LT_OK)
        lt_keys_wipe(out);
    free(secret_path);
    free(server_path);
    return status;
}

void lt_keys_wipe(lt_keys *keys)
{
    sodium_memzero(keys, sizeof *keys);
}

/* ---- allow lists ---- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(a, b);
}

static lt_status read_allow_line(const char *path, unsigned number, const char *line,
                                 lt_allow_list *list, lt_error *error)
{
    while (isspace((unsigned char)*line))
        line++;
    if (!*line)
        return LT_OK;
    const size_t len = strcspn(line, " \t\r");
    /* '#' is a Z85 digit too: a line that begins with it is a comment unless its first word is a
     * key. */
    if (!is_key(line, len)) {
        if (*line == '#')
            return LT_OK;
        char where[512];
        snprintf(where, sizeof where, "%s:%u", path, number);
        return lt_expected(error, lt_fail(error, LT_INPUT, where, "this is not a public key"),
                           "40 Z85 characters, then a space and a comment");
    }
    if (list->count == LT_ALLOWED_KEYS_MAX)
        return lt_fail(error, LT_LIMIT, path, "more than %d keys", LT_ALLOWED_KEYS_MAX);
    if ((list->count & (list->count - 1)) == 0)
        list->keys =
            lt_realloc(list->keys, (list->count ? 2 * list->count : 1) * sizeof *list->keys);
    memcpy(list->keys[list->count], line, KEY_LEN);
    list->keys[list->count++][KEY_LEN] = '\0';
    return LT_OK;
}

lt_status lt_allow_list_read(const char *dir, lt_key_owner owner, lt_allow_list *out,
                             lt_error *error)
{
    LT_ASSERT(*owners[owner].allow);
    *out = (lt_allow_list){0};
    char *path = lt_path_join(dir, owners[owner].allow);
    lt_buf bytes = {0};
    lt_status status = lt_file_read(path, ALLOW_FILE_BYTES_MAX, &bytes, error);
    unsigned number = 0;
    for (char *line = bytes.data; status == LT_OK && line && *line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        status = read_allow_line(path, ++number, line, out, error);
        line = next;
    }
    if (status == LT_OK && out->count)
        qsort(out->keys, out->count, sizeof *out->keys, compare_keys);
    else
        lt_allow_list_fini(out);
    lt_buf_fini(&bytes);
    free(path);
    return status;
}

bool lt_allow_list_has(const lt_allow_list *list, const char *key)
{
    return list->count && bsearch(key, list->keys, list->count, sizeof *list->keys, compare_keys);
}

void lt_allow_list_fini(lt_allow_list *list)
{
    free(list->keys);
    *list = (lt_allow_list){0};
}
