#include "coordinator/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"

static void free_values(lt_table *table)
{
    size_t at = 0;
    uint64_t key;
    void *value;
    while (lt_table_next(table, &at, &key, &value))
        free(value);
    lt_table_fini(table);
}

void lt_peers_fini(lt_peers *peers)
{
    free_values(&peers->sessions);
    free_values(&peers->workers);
    lt_table_fini(&peers->instances);
}

/* ---- sessions ---------------------------------------------------------------------------- */

lt_session *lt_peers_find(const lt_peers *peers, lt_peer peer)
{
    return lt_table_find(&peers->sessions, peer);
}

lt_session *lt_peers_open(lt_peers *peers, lt_peer peer, const char *key, const char *name)
{
    if (peers->sessions.count >= LT_SESSIONS_MAX)
        return NULL;
    lt_session *session = lt_alloc(sizeof *session);
    session->peer = peer;
    snprintf(session->key, sizeof session->key, "%s", key);
    snprintf(session->name, sizeof session->name, "%s", name);
    lt_table_put(&peers->sessions, peer, session);
    return session;
}

void lt_peers_close(lt_peers *peers, lt_session *session)
{
    if (session->worker && session->worker->peer == session->peer)
        session->worker->peer = 0;
    lt_table_remove(&peers->sessions, session->peer);
    free(session);
}

/* ---- workers ------------------------------------------------------------------------------- */

static uint64_t instance_key(const uint8_t instance[LT_INSTANCE_BYTES])
{
    uint64_t key;
    memcpy(&key, instance, sizeof key);
    return key | 1;
}

/* Forgets the worker without a session that was seen least lately. */
static void forget_oldest(lt_peers *peers)
{
    lt_worker_record *oldest = NULL;
    size_t at = 0;
    uint64_t key;
    void *value;
    while (lt_table_next(&peers->workers, &at, &key, &value)) {
        lt_worker_record *worker = value;
        if (worker->peer == 0 && (!oldest || worker->seen_wall_ms < oldest->seen_wall_ms))
            oldest = worker;
    }
    if (!oldest)
        return;
    lt_table_remove(&peers->workers, oldest->number);
    lt_table_remove(&peers->instances, instance_key(oldest->instance));
    free(oldest);
}

lt_worker_record *lt_peers_worker(lt_peers *peers, const uint8_t instance[LT_INSTANCE_BYTES],
                                  const char *key)
{
    lt_worker_record *worker = lt_table_find(&peers->instances, instance_key(instance));
    if (worker)
        return memcmp(worker->instance, instance, LT_INSTANCE_BYTES) == 0 &&
                       strcmp(worker->key, key) == 0
                   ? worker
                   : NULL;
    if (peers->workers.count >= LT_WORKERS_REMEMBERED_MAX)
        forget_oldest(peers);
    worker = lt_alloc(sizeof *worker);
    worker->number = ++peers->worker_next;
    memcpy(worker->instance, instance, LT_INSTANCE_BYTES);
    snprintf(worker->key, sizeof worker->key, "%s", key);
    worker->joined_wall_ms = lt_wall_ms();
    lt_table_put(&peers->workers, worker->number, worker);
    lt_table_put(&peers->instances, instance_key(instance), worker);
    return worker;
}

lt_worker_record *lt_peers_worker_by_number(const lt_peers *peers, uint64_t number)
{
    return lt_table_find(&peers->workers, number);
}

uint32_t lt_peers_worker_count(const lt_peers *peers)
{
    uint32_t count = 0;
    size_t at = 0;
    uint64_t key;
    void *value;
    while (lt_table_next(&peers->workers, &at, &key, &value))
        count += ((lt_worker_record *)value)->peer != 0;
    return count;
}

/* ---- keys that sent garbage ------------------------------------------------------------------ */

enum { STRIKES = sizeof((lt_peers *)0)->strikes / sizeof(struct lt_strike) };

static struct lt_strike *find_strike(const lt_peers *peers, const char *key)
{
    for (int i = 0; i < STRIKES && key[0]; i++)
        if (strcmp(peers->strikes[i].key, key) == 0)
            return (struct lt_strike *)&peers->strikes[i];
    return NULL;
}

void lt_peers_strike(lt_peers *peers, const char *key, uint64_t now_ms)
{
    if (!key[0])
        return;
    struct lt_strike *strike = find_strike(peers, key);
    if (!strike) {
        strike = &peers->strikes[peers->strike_next++ % STRIKES];
        memset(strike, 0, sizeof *strike);
        snprintf(strike->key, sizeof strike->key, "%s", key);
    }
    if (strike->until_ms != 0 && now_ms >= strike->until_ms)
        strike->count = 0;
    strike->count++;
    strike->until_ms = now_ms + LT_STRIKE_WAIT_MS;
}

bool lt_peers_is_struck(const lt_peers *peers, const char *key, uint64_t now_ms)
{
    const struct lt_strike *strike = find_strike(peers, key);
    return strike && strike->count >= LT_STRIKES_MAX && now_ms < strike->until_ms;
}
