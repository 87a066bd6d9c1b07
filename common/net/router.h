/* The listening side: one ROUTER socket in a libuv loop. A peer is a connection: a worker that
 * reconnects is another peer and says who it is with Hello.instance.
 *
 * All calls and callbacks are on the loop's thread. Callbacks come from the loop, never from
 * inside a call, so a callback may send and close as it likes. */
#ifndef LT_COMMON_NET_ROUTER_H
#define LT_COMMON_NET_ROUTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/net/endpoint.h"
#include "common/net/keys.h"
#include "lefttail.pb-c.h"

typedef struct lt_router lt_router;
typedef uint64_t lt_peer; /* never 0; not used again within a process's life */

typedef struct lt_router_events {
    void *context;
    /* One whole payload frame, not yet scanned: give it to lt_wire_unpack. `key` is the peer's
     * public key in Z85, "" without keys. Bytes live until the callback returns. */
    void (*on_message)(void *context, lt_peer peer, const char *key, const void *bytes,
                       size_t count);
    /* The peer sent what is not one payload frame within the size limit; the message is dropped.
     * ZeroMQ cannot disconnect a peer: forget its session and lt_router_ban it. */
    void (*on_garbage)(void *context, lt_peer peer, const char *key, const char *why);
    /* A send found no connection any more, or the peer does not read and its outbox is full. Once
     * per peer; its outbox is gone. Silence is not noticed here: use heartbeats. */
    void (*on_gone)(void *context, lt_peer peer);
} lt_router_events;

typedef struct lt_router_options {
    const char *endpoint;    /* to bind; port 0 or * is chosen by the system */
    const char *zap_domain;  /* LT_ZAP_WORKERS or LT_ZAP_CLIENTS; used with keys */
    const lt_keys *keys;     /* of the coordinator; NULL: plain, local endpoints only. Copied */
    size_t outbox_bytes_max; /* per peer; 0: 16 MiB */
} lt_router_options;

/* Binds. LT_INPUT bad endpoint, LT_CONFLICT address in use, LT_DENIED keys missing, LT_IO.
 * A stale ipc file is replaced; one that somebody listens on is LT_CONFLICT. */
lt_status lt_router_open(lt_router **out, uv_loop_t *loop, const lt_router_options *options,
                         const lt_router_events *events, lt_error *error);

/* The endpoint as bound, with the real port. Lives as long as the router. */
const char *lt_router_endpoint(const lt_router *router);

/* Sends, or parks in the peer's outbox when ZeroMQ's queue is full. LT_OK; LT_UNREACHABLE: no
 * such peer any more (on_gone follows from the loop, once); LT_LIMIT: the outbox is full
 * (likewise). */
lt_status lt_router_send(lt_router *router, lt_peer peer, const Lefttail__Message *message);
lt_status lt_router_send_bytes(lt_router *router, lt_peer peer, const void *bytes, size_t count);

/* Bytes parked for the peer: 0 means that it takes what it gets. A stream (blob chunks, watch
 * events) stops here while this is over a bound of its own. */
size_t lt_router_parked_bytes(const lt_router *router, lt_peer peer);

/* From now on what the peer sends is dropped unread (and counted); its outbox is dropped. */
void lt_router_ban(lt_router *router, lt_peer peer);

typedef struct lt_router_counts {
    uint64_t messages_in, bytes_in, messages_out, bytes_out;
    uint64_t parked, gone, garbage, banned_messages;
} lt_router_counts;
lt_router_counts lt_router_counts_of(const lt_router *router);

/* Stops callbacks now and unbinds; memory and socket go when the loop has run its close callbacks:
 * run the loop until it returns. What ZeroMQ holds is sent for up to a second. Safe on NULL; leaves
 * NULL. */
void lt_router_close(lt_router **router);

#endif
