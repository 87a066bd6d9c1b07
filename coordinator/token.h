/* The token of a lease: which unit it is about, and a proof that this coordinator gave it to this
 * worker. 16 bytes: class (4), pack (4), SipHash-2-4 (8) of both, the lease, its epoch and
 * the worker's instance, under a key kept in DIR/token.key. So rows that arrive after a restart,
 * when the lease is forgotten, still find their unit, and a worker cannot speak of another's lease.
 */
#ifndef LT_COORDINATOR_TOKEN_H
#define LT_COORDINATOR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

#define LT_TOKEN_BYTES 16
#define LT_INSTANCE_BYTES 16

typedef struct lt_token_key {
    uint8_t bytes[16];
} lt_token_key;

/* Reads DIR/token.key (0600), or makes it. LT_INPUT: the file has another size. */
lt_status lt_token_key_open(const char *dir, lt_token_key *key, lt_error *error);

typedef struct lt_token_facts {
    uint64_t lease;
    uint32_t epoch, class_id, pack_id;
    uint8_t instance[LT_INSTANCE_BYTES];
} lt_token_facts;

void lt_token_make(const lt_token_key *key, const lt_token_facts *facts,
                   uint8_t token[LT_TOKEN_BYTES]);

/* `facts` has lease, epoch and instance as the message says them; fills in class and pack. False:
 * the token is not this coordinator's word about them. */
bool lt_token_check(const lt_token_key *key, const void *token, size_t token_bytes,
                    lt_token_facts *facts);

#endif
