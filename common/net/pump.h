/* One ZeroMQ socket in a libuv loop: when to receive, when to flush, when the loop may sleep.
 * For router.c and dealer.c. */
#ifndef LT_COMMON_NET_PUMP_H
#define LT_COMMON_NET_PUMP_H

#include <stdbool.h>
#include <uv.h>

#include "common/net/keys.h"
#include "common/status.h"

typedef struct lt_pump {
    void *context;
    void (*receive)(void *context); /* takes one message off the socket; may call lt_pump_close */
    bool (*flush)(void *context);   /* sends what is parked; true if some still is */
    bool (*pending)(void *context); /* something to tell its user */
    void (*tell)(void *context);    /* tells it */
    void (*closed)(void *context);  /* socket and handles are gone: free the memory */

    void *socket;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t retry;
    int handles_open;
    bool closing;
} lt_pump;

/* Makes a socket of `type` for the endpoint, with the options that all of ours have; does not bind
 * or connect. LT_IO when the process is out of sockets or files. */
lt_status lt_pump_socket(void **out, int type, const char *endpoint, lt_error *error);

/* As server (zap_domain set) or as client. */
lt_status lt_pump_use_keys(void *socket, const lt_keys *keys, const char *zap_domain,
                           lt_error *error);

/* The callbacks and `socket` are set by the caller; the socket is bound or connected. Takes the
 * socket over. */
void lt_pump_start(lt_pump *pump, uv_loop_t *loop);

/* No callback but `closed` after this; that comes from the loop. */
void lt_pump_close(lt_pump *pump);

#endif
