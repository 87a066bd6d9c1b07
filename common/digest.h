/* SHA-256 names content (blobs, checkpoints, numerics classes); CRC32C guards chunks and rows. */
#ifndef LT_COMMON_DIGEST_H
#define LT_COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium/crypto_hash_sha256.h>

#include "common/status.h"

#define LT_DIGEST_BYTES 32
#define LT_DIGEST_HEX_BYTES 65 /* with the NUL */

typedef struct lt_digest {
    uint8_t bytes[LT_DIGEST_BYTES];
} lt_digest;

typedef struct lt_hasher {
    crypto_hash_sha256_state state;
} lt_hasher;

void lt_hasher_init(lt_hasher *hasher);
void lt_hasher_add(lt_hasher *hasher, const void *bytes, size_t count);
lt_digest lt_hasher_end(lt_hasher *hasher);

lt_digest lt_digest_of(const void *bytes, size_t count);
lt_status lt_digest_of_file(const char *path, lt_digest *out, uint64_t *bytes_out, lt_error *error);
bool lt_digest_equal(const lt_digest *a, const lt_digest *b);
const char *lt_digest_hex(const lt_digest *digest, char out[LT_DIGEST_HEX_BYTES]); /* lower case; returns out */
bool lt_digest_from_hex(const char *hex, lt_digest *out);      /* exactly 64 digits */
bool lt_digest_from_bytes(const void *bytes, size_t count, lt_digest *out); /* exactly 32 bytes */

uint32_t lt_crc32c(uint32_t crc, const void *bytes, size_t count); /* start with 0; Castagnoli */

#endif
