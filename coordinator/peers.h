/* Who is connected. A session is one connection that has said Hello and got Welcome; a worker is
 * a process (Hello.instance) and outlives its connections, so that one that connects again keeps
 * its number, its leases and its counts. Plain data: nothing here sends or decides. */
#ifndef LT_COORDINATOR_PEERS_H
#define LT_COORDINATOR_PEERS_H

#include "common/net/router.h"
#include "coordinator/table.h"
#include "coordinator/token.h"

#define LT_PEER_NAME_BYTES 65          /* longer names are cut */
#define LT_WORKERS_REMEMBERED_MAX 4096 /* gone ones included; the longest gone makes room */
#define LT_SESSIONS_MAX 65536
#define LT_STRIKES_MAX 3 /* sessions a key may spoil before it has to wait */
#define LT_STRIKE_WAIT_MS 60000

typedef struct lt_worker_record {
    uint64_t number; /* as the core knows it; never 0 */
    uint8_t instance[LT_INSTANCE_BYTES];
    char key[LT_KEY_TEXT_BYTES]; /* "" without keys */
    char name[LT_PEER_NAME_BYTES];
    lt_peer peer; /* its session; 0: none now */
    uint64_t joined_wall_ms, seen_wall_ms;
    uint32_t cores, numerics_version;
    uint64_t memory_bytes;
    char instruction_set[16], cpu[64];
} lt_worker_record;

typedef struct lt_session {
    lt_peer peer;
    char key[LT_KEY_TEXT_BYTES];
    char name[LT_PEER_NAME_BYTES];
    lt_worker_record *worker; /* NULL for a client */
} lt_session;

/* Sessions of both endpoints; their peers are numbered apart, so each endpoint has its own. */
typedef struct lt_peers {
    lt_table sessions;  /* lt_peer -> lt_session */
    lt_table workers;   /* number -> lt_worker_record */
    lt_table instances; /* start of the instance -> lt_worker_record */
    uint64_t worker_next;
    struct lt_strike {
        char key[LT_KEY_TEXT_BYTES];
        uint32_t count;
        uint64_t until_ms;
    } strikes[64]; /* keys that sent garbage lately; the oldest is overwritten */
    uint32_t strike_next;
} lt_peers;

void lt_peers_fini(lt_peers *peers); /* zeroed memory is an empty one */

/* NULL: no such session; LT_SESSIONS_MAX is reached. */
lt_session *lt_peers_find(const lt_peers *peers, lt_peer peer);
lt_session *lt_peers_open(lt_peers *peers, lt_peer peer, const char *key, const char *name);
void lt_peers_close(lt_peers *peers, lt_session *session); /* its worker stays, without a peer */

/* The worker of this instance, made when it is new. NULL: the instance is another key's. */
lt_worker_record *lt_peers_worker(lt_peers *peers, const uint8_t instance[LT_INSTANCE_BYTES],
                                  const char *key);
lt_worker_record *lt_peers_worker_by_number(const lt_peers *peers, uint64_t number);
uint32_t lt_peers_worker_count(const lt_peers *peers); /* those with a session */

/* One more spoiled session of this key ("" is nobody). True while the key has to wait. */
void lt_peers_strike(lt_peers *peers, const char *key, uint64_t now_ms);
bool lt_peers_is_struck(const lt_peers *peers, const char *key, uint64_t now_ms);

#endif
