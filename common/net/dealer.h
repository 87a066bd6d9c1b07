/* The dialling side: one DEALER socket in a libuv loop. ZeroMQ connects and reconnects by itself
 * (200 ms growing to 10 s); a new connection is a new peer for the coordinator, so sessions are
 * the business of whoever uses this: see dialler.h, which does Hello and Welcome.
 *
 * All calls and callbacks are on the loop's thread; callbacks come from the loop only. */
#ifndef LT_COMMON_NET_DEALER_H
#define LT_COMMON_NET_DEALER_H

#include <stdint.h>
#include <uv.h>

#include "common/net/endpoint.h"
#include "common/net/keys.h"
#include "lefttail.pb-c.h"

typedef struct lt_dealer lt_dealer;

typedef struct lt_dealer_events {
    void *context;
    /* One payload frame, not yet scanned. Bytes live until the callback returns. */
    void (*on_message)(void *context, const void *bytes, size_t count);
    void (*on_garbage)(void *context, const char *why); /* dropped: more frames, or too large */
} lt_dealer_events;

typedef struct lt_dealer_options {
    const char *endpoint; /* to connect to */
    const lt_keys
        *keys; /* own pair and coordinator_public; NULL: plain, local endpoints only. Copied */
    size_t outbox_bytes_max; /* 0: 32 MiB */
} lt_dealer_options;

/* Returns at once; the connection comes when it comes. LT_INPUT bad endpoint, LT_DENIED keys
 * missing, LT_IO. */
lt_status lt_dealer_open(lt_dealer **out, uv_loop_t *loop, const lt_dealer_options *options,
                         const lt_dealer_events *events, lt_error *error);

/* Sends, or parks while there is no connection or no room. LT_LIMIT: the outbox is full and the
 * message was not taken. */
lt_status lt_dealer_send(lt_dealer *dealer, const Lefttail__Message *message);
lt_status lt_dealer_send_bytes(lt_dealer *dealer, const void *bytes, size_t count);
size_t lt_dealer_parked_bytes(const lt_dealer *dealer);
void lt_dealer_drop_parked(lt_dealer *dealer); /* what waits belongs to a session that is over */

/* As lt_router_close: run the loop afterwards. Parked messages get one more try. */
void lt_dealer_close(lt_dealer **dealer);

#endif
