/* What could not be sent yet: a bounded queue of ZeroMQ messages. Zeroed memory is an empty one. */
#ifndef LT_COMMON_NET_OUTBOX_H
#define LT_COMMON_NET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

typedef struct lt_outbox {
    struct lt_outbox_node *first, *last;
    size_t bytes; /* of the messages, and a little for each */
} lt_outbox;

/* Takes the message over (leaves an empty one). False, message untouched: over bytes_max. */
bool lt_outbox_push(lt_outbox *outbox, zmq_msg_t *message, size_t bytes_max);
zmq_msg_t *lt_outbox_front(lt_outbox *outbox); /* NULL when empty */
void lt_outbox_pop(lt_outbox *outbox);
void lt_outbox_clear(lt_outbox *outbox);

#endif
