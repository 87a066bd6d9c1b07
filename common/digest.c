#include "common/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sodium/utils.h>

void lt_hasher_init(lt_hasher *hasher)
{
    crypto_hash_sha256_init(&hasher->state);
}

void lt_hasher_add(lt_hasher *hasher, const void *bytes, size_t count)
{
    crypto_hash_sha256_update(&hasher->state, bytes, count);
}

lt_digest lt_hasher_end(lt_hasher *hasher)
{
    lt_digest digest;
    crypto_hash_sha256_final(&hasher->state, digest.bytes);
    return digest;
}

lt_digest lt_digest_of(const void *bytes, size_t count)
{
    lt_digest digest;
    crypto_hash_sha256(digest.bytes, bytes, count);
    return digest;
}

lt_status lt_digest_of_file(const char *path, lt_digest *out, uint64_t *bytes_out, lt_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lt_fail_errno(error, path, "cannot open");
    lt_hasher hasher;
    lt_hasher_init(&hasher);
    static _Thread_local char block[1 << 18];
    uint64_t total = 0;
    for (;;) {
        const ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            lt_status status = lt_fail_errno(error, path, "cannot read");
            close(fd);
            return status;
        }
        if (got == 0)
            break;
        lt_hasher_add(&hasher, block, (size_t)got);
        total += (uint64_t)got;
    }
    close(fd);
    *out = lt_hasher_end(&hasher);
    if (bytes_out)
        *bytes_out = total;
    return LT_OK;
}

bool lt_digest_equal(const lt_digest *a, const lt_digest *b)
{
    return memcmp(a->bytes, b->bytes, LT_DIGEST_BYTES) == 0;
}

const char *lt_digest_hex(const lt_digest *digest, char out[LT_DIGEST_HEX_BYTES])
{
    return sodium_bin2hex(out, LT_DIGEST_HEX_BYTES, digest->bytes, LT_DIGEST_BYTES);
}

bool lt_digest_from_hex(const char *hex, lt_digest *out)
{
    size_t len = 0;
    return strlen(hex) == 2 * LT_DIGEST_BYTES &&
           sodium_hex2bin(out->bytes, LT_DIGEST_BYTES, hex, 2 * LT_DIGEST_BYTES, NULL, &len,
                          NULL) == 0 &&
           len == LT_DIGEST_BYTES;
}

bool lt_digest_from_bytes(const void *bytes, size_t count, lt_digest *out)
{
    if (count != LT_DIGEST_BYTES)
        return false;
    memcpy(out->bytes, bytes, LT_DIGEST_BYTES);
    return true;
}

/* Table-driven, eight bytes a step (slicing-by-8). Polynomial 0x1EDC6F41, reflected. */
static uint32_t crc_table[8][256];

static void __attribute__((constructor)) crc_table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
        crc_table[0][i] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (uint32_t i = 0; i < 256; i++)
            crc_table[slice][i] =
                (crc_table[slice - 1][i] >> 8) ^ crc_table[0][crc_table[slice - 1][i] & 0xff];
}

uint32_t lt_crc32c(uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= crc;
        crc = 0;
        for (int slice = 0; slice < 8; slice++)
            crc ^= crc_table[7 - slice][(word >> (8 * slice)) & 0xff];
    }
    for (; count > 0; count--, p++)
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xff];
    return ~crc;
}
