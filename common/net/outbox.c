#include "common/net/outbox.h"

#include <stdlib.h>

#include "common/buf.h"

struct lt_outbox_node {
    struct lt_outbox_node *next;
    zmq_msg_t message;
    size_t cost;
};

bool lt_outbox_push(lt_outbox *outbox, zmq_msg_t *message, size_t bytes_max)
{
    const size_t cost = zmq_msg_size(message) + sizeof(struct lt_outbox_node);
    if (cost > bytes_max || outbox->bytes > bytes_max - cost)
        return false;
    struct lt_outbox_node *node = lt_alloc(sizeof *node);
    zmq_msg_init(&node->message);
    zmq_msg_move(&node->message, message);
    node->cost = cost;
    if (outbox->last)
        outbox->last->next = node;
    else
        outbox->first = node;
    outbox->last = node;
    outbox->bytes += cost;
    return true;
}

zmq_msg_t *lt_outbox_front(lt_outbox *outbox)
{
    return outbox->first ? &outbox->first->message : NULL;
}

void lt_outbox_pop(lt_outbox *outbox)
{
    struct lt_outbox_node *node = outbox->first;
    outbox->first = node->next;
    if (!outbox->first)
        outbox->last = NULL;
    outbox->bytes -= node->cost;
    zmq_msg_close(&node->message);
    free(node);
}

void lt_outbox_clear(lt_outbox *outbox)
{
    while (outbox->first)
        lt_outbox_pop(outbox);
}
