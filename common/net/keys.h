/* CurveZMQ keys in a folder, as `lefttail keygen DIR` makes them:
 *
 *     coordinator.public coordinator.secret    worker.public worker.secret
 *     client.public client.secret              workers.allow clients.allow
 *
 * A .secret or .public file is one line, the key in Z85 (40 characters). An allow list has one
 * public key per line, an optional comment behind it, and whole-line comments after '#'. A worker
 * needs worker.secret and coordinator.public; a client client.secret and coordinator.public; a
 * coordinator coordinator.secret and both allow lists. */
#ifndef LT_COMMON_NET_KEYS_H
#define LT_COMMON_NET_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"

#define LT_KEY_TEXT_BYTES 41 /* Z85, with the NUL */
#define LT_ALLOWED_KEYS_MAX 65536

/* value, file stem, allow list ("" for none) */
#define LT_KEY_OWNER_LIST(X)                                                                       \
    X(COORDINATOR, "coordinator", "")                                                              \
    X(WORKER, "worker", "workers.allow")                                                           \
    X(CLIENT, "client", "clients.allow")
typedef enum lt_key_owner {
#define X(name, stem, allow) LT_KEY_##name,
    LT_KEY_OWNER_LIST(X)
#undef X
} lt_key_owner;

/* What one end of a socket needs. Plain value. Wipe it with lt_keys_wipe when done. */
typedef struct lt_keys {
    char own_public[LT_KEY_TEXT_BYTES];
    char own_secret[LT_KEY_TEXT_BYTES];
    char coordinator_public[LT_KEY_TEXT_BYTES]; /* workers and clients */
} lt_keys;

/* Public keys that may connect; zeroed memory is an empty list, which lets nobody in. */
typedef struct lt_allow_list {
    char (*keys)[LT_KEY_TEXT_BYTES]; /* [count], ascending; owned */
    size_t count;
} lt_allow_list;

/* Makes DIR and the eight files; secrets are 0600 and the folder 0700 if it is new. LT_CONFLICT,
 * before anything is written, if one of them exists. */
lt_status lt_keys_make(const char *dir, lt_error *error);

/* Reads the keys of one owner. LT_DENIED when a secret can be read by group or others. */
lt_status lt_keys_read(const char *dir, lt_key_owner owner, lt_keys *out, lt_error *error);
void lt_keys_wipe(lt_keys *keys);

/* Reads workers.allow or clients.allow; a line that is no key is LT_INPUT with its number. */
lt_status lt_allow_list_read(const char *dir, lt_key_owner owner, lt_allow_list *out,
                             lt_error *error);
bool lt_allow_list_has(const lt_allow_list *list, const char *key);
void lt_allow_list_fini(lt_allow_list *list);

#endif
