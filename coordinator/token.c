#include "coordinator/token.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "common/file.h"

_Static_assert(crypto_shorthash_KEYBYTES == sizeof(lt_token_key), "SipHash takes 16 bytes of key");
_Static_assert(crypto_shorthash_BYTES == 8, "half a token");

static lt_status make_key(const char *path, lt_token_key *key, lt_error *error)
{
    randombytes_buf(key->bytes, sizeof key->bytes);
    const mode_t before = umask(0077);
    const lt_status status = lt_file_write(path, key->bytes, sizeof key->bytes, error);
    umask(before);
    return status;
}

lt_status lt_token_key_open(const char *dir, lt_token_key *key, lt_error *error)
{
    char *path = lt_path_join(dir, "token.key");
    lt_buf bytes = {0};
    lt_status status = LT_OK;
    if (!lt_file_exists(path))
        status = make_key(path, key, error);
    else
        status = lt_file_read(path, 4096, &bytes, error);
    if (status == LT_OK && bytes.len > 0) {
        if (bytes.len == sizeof key->bytes)
            memcpy(key->bytes, bytes.data, sizeof key->bytes);
        else
            status = lt_remedy(
                error, lt_fail(error, LT_INPUT, path, "has %zu bytes in place of 16", bytes.len),
                "remove it: work under way is then scored again");
    }
    lt_buf_fini(&bytes);
    free(path);
    return status;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void lt_token_make(const lt_token_key *key, const lt_token_facts *facts,
                   uint8_t token[LT_TOKEN_BYTES])
{
    uint8_t said[20 + LT_INSTANCE_BYTES];
    put_u32(said, facts->class_id);
    put_u32(said + 4, facts->pack_id);
    put_u32(said + 8, (uint32_t)facts->lease);
    put_u32(said + 12, (uint32_t)(facts->lease >> 32));
    put_u32(said + 16, facts->epoch);
    memcpy(said + 20, facts->instance, LT_INSTANCE_BYTES);
    memcpy(token, said, 8);
    crypto_shorthash(token + 8, said, sizeof said, key->bytes);
}

bool lt_token_check(const lt_token_key *key, const void *token, size_t token_bytes,
                    lt_token_facts *facts)
{
    if (token_bytes != LT_TOKEN_BYTES)
        return false;
    uint8_t made[LT_TOKEN_BYTES];
    facts->class_id = get_u32(token);
    facts->pack_id = get_u32((const uint8_t *)token + 4);
    lt_token_make(key, facts, made);
    return sodium_memcmp(made, token, LT_TOKEN_BYTES) == 0;
}
