#include "common/net/dealer.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/net/outbox.h"
#include "common/net/pump.h"

#define OUTBOX_BYTES_MAX (32u << 20)

struct lt_dealer {
    lt_pump pump;
    lt_dealer_events events;
    lt_outbox outbox;
    size_t outbox_bytes_max;
};

/* The message is taken on true only. */
static bool send_now(lt_dealer *dealer, zmq_msg_t *message)
{
    while (zmq_msg_send(message, dealer->pump.socket, ZMQ_DONTWAIT) < 0)
        if (zmq_errno() != EINTR)
            return false;
    return true;
}

static bool flush(void *context)
{
    lt_dealer *dealer = context;
    while (dealer->outbox.first && send_now(dealer, lt_outbox_front(&dealer->outbox)))
        lt_outbox_pop(&dealer->outbox);
    return dealer->outbox.first != NULL;
}

static lt_status send_or_park(lt_dealer *dealer, zmq_msg_t *message)
{
    if (!dealer->outbox.first && send_now(dealer, message))
        return LT_OK;
    return lt_outbox_push(&dealer->outbox, message, dealer->outbox_bytes_max) ? LT_OK : LT_LIMIT;
}

lt_status lt_dealer_send_bytes(lt_dealer *dealer, const void *bytes, size_t count)
{
    zmq_msg_t message;
    LT_ASSERT(zmq_msg_init_size(&message, count) == 0);
    memcpy(zmq_msg_data(&message), bytes, count);
    const lt_status status = send_or_park(dealer, &message);
    zmq_msg_close(&message);
    return status;
}

lt_status lt_dealer_send(lt_dealer *dealer, const Lefttail__Message *body)
{
    zmq_msg_t message;
    LT_ASSERT(zmq_msg_init_size(&message, lefttail__message__get_packed_size(body)) == 0);
    lefttail__message__pack(body, zmq_msg_data(&message));
    const lt_status status = send_or_park(dealer, &message);
    zmq_msg_close(&message);
    return status;
}

size_t lt_dealer_parked_bytes(const lt_dealer *dealer)
{
    return dealer->outbox.bytes;
}

void lt_dealer_drop_parked(lt_dealer *dealer)
{
    lt_outbox_clear(&dealer->outbox);
}

static void receive(void *context)
{
    lt_dealer *dealer = context;
    zmq_msg_t payload;
    unsigned extra = 0;
    zmq_msg_init(&payload);
    if (zmq_msg_recv(&payload, dealer->pump.socket, ZMQ_DONTWAIT) >= 0) {
        for (bool more = zmq_msg_more(&payload); more; extra++) {
            zmq_msg_t rest;
            zmq_msg_init(&rest);
            more =
                zmq_msg_recv(&rest, dealer->pump.socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&rest);
            zmq_msg_close(&rest);
        }
        const size_t bytes = zmq_msg_size(&payload);
        if (extra == 0 && bytes <= LT_FRAME_BYTES_MAX)
            dealer->events.on_message(dealer->events.context, zmq_msg_data(&payload), bytes);
        else
            dealer->events.on_garbage(dealer->events.context,
                                      extra ? "a message of more than one frame"
                                            : "a frame that is too large");
    }
    zmq_msg_close(&payload);
}

static bool nothing_pending(void *context)
{
    (void)context;
    return false;
}

static void tell_nothing(void *context)
{
    (void)context;
}

static void free_dealer(void *context)
{
    lt_dealer *dealer = context;
    lt_outbox_clear(&dealer->outbox);
    free(dealer);
}

static lt_status open_socket(void **out, const lt_dealer_options *options, lt_error *error)
{
    LT_TRY(lt_endpoint_check(options->endpoint, false, error));
    LT_TRY(lt_endpoint_check_keys(options->endpoint, options->keys, error));
    LT_TRY(lt_pump_socket(out, ZMQ_DEALER, options->endpoint, error));
    const int one = 1; /* nothing is queued for a connection that may never come */
    LT_ASSERT(zmq_setsockopt(*out, ZMQ_IMMEDIATE, &one, sizeof one) == 0);
    lt_status status = LT_OK;
    if (options->keys)
        status = lt_pump_use_keys(*out, options->keys, NULL, error);
    if (status == LT_OK && zmq_connect(*out, options->endpoint) != 0)
        status = lt_fail(error, LT_INPUT, options->endpoint, "cannot connect: %s",
                         zmq_strerror(zmq_errno()));
    if (status != LT_OK)
        zmq_close(*out);
    return status;
}

lt_status lt_dealer_open(lt_dealer **out, uv_loop_t *loop, const lt_dealer_options *options,
                         const lt_dealer_events *events, lt_error *error)
{
    *out = NULL;
    void *socket = NULL;
    LT_TRY(open_socket(&socket, options, error));
    lt_dealer *dealer = lt_alloc(sizeof *dealer);
    dealer->events = *events;
    dealer->outbox_bytes_max =
        options->outbox_bytes_max ? options->outbox_bytes_max : OUTBOX_BYTES_MAX;
    dealer->pump = (lt_pump){.context = dealer,
                             .receive = receive,
                             .flush = flush,
                             .pending = nothing_pending,
                             .tell = tell_nothing,
                             .closed = free_dealer,
                             .socket = socket};
    lt_pump_start(&dealer->pump, loop);
    *out = dealer;
    return LT_OK;
}

void lt_dealer_close(lt_dealer **dealer)
{
    if (!*dealer)
        return;
    flush(*dealer);
    lt_pump_close(&(*dealer)->pump);
    *dealer = NULL;
}
