/* A session with a coordinator, as a worker or a client has one: a dealer that says Hello, waits
 * for Welcome, and says Hello again, with jitter, when the coordinator does not know it (it was
 * restarted), when nothing was heard for too long, or when it is told to. Unpacks and checks every
 * message on its way in.
 *
 *     OPEN -> hello sent -> Welcome: on_welcome -> messages: on_message
 *                 ^            |  Refuse UNKNOWN_PEER / SHUTTING_DOWN, silence, lt_dialler_again
 *                 '---jitter---'  on_lost
 *     Refuse with any other reason: on_refused, and nothing more.
 *
 * A coordinator answers Hello from a peer it knows with Welcome again and keeps the session.
 * Loop thread only. */
#ifndef LT_COMMON_NET_DIALLER_H
#define LT_COMMON_NET_DIALLER_H

#include "common/net/dealer.h"

typedef struct lt_dialler lt_dialler;

typedef struct lt_dialler_events {
    void *context;
    void (*on_welcome)(void *context, const Lefttail__Welcome *welcome); /* each time anew */
    /* Any other message; freed after the callback. The bodies' contents are unchecked. */
    void (*on_message)(void *context, const Lefttail__Message *message);
    void (*on_lost)(void *context, const char *why);          /* Hello is under way again */
    void (*on_refused)(void *context, const lt_error *error); /* for good */
} lt_dialler_events;

typedef struct lt_dialler_options {
    const char *endpoint;
    const lt_keys *keys; /* NULL: plain, local endpoints only. Copied */
    Lefttail__Role role;
    const char *name;                   /* for people. Copied */
    const Lefttail__WorkerFacts *facts; /* workers; copied */
    uint32_t hello_ms;                  /* wait for Welcome before Hello is repeated; 0: 3000 */
    uint32_t silence_ms;                /* nothing heard for this long: Hello again; 0: never */
    uint64_t seed;                      /* of the jitter; 0: random */
} lt_dialler_options;

/* Opens the socket and says Hello. Errors as lt_dealer_open. */
lt_status lt_dialler_open(lt_dialler **out, uv_loop_t *loop, const lt_dialler_options *options,
                          const lt_dialler_events *events, lt_error *error);

bool lt_dialler_is_welcome(const lt_dialler *dialler);

/* LT_CONFLICT while there is no Welcome (the message is not taken), else as lt_dealer_send. */
lt_status lt_dialler_send(lt_dialler *dialler, const Lefttail__Message *message);
lt_status lt_dialler_send_bytes(lt_dialler *dialler, const void *bytes,
                                size_t count); /* a packed Message */
size_t lt_dialler_parked_bytes(const lt_dialler *dialler);

/* Says Hello again now (for example when an answer is overdue). */
void lt_dialler_again(lt_dialler *dialler, const char *why);

/* Sends Bye if there is a session, then closes; run the loop afterwards. Safe on NULL; leaves NULL.
 */
void lt_dialler_close(lt_dialler **dialler, const char *bye_reason);

#endif
