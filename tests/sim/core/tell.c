/* A step in words, for a person who looks into one seed. */
#include <stdio.h>

#include "tests/sim/core/world.h"

void sim_tell(const sim_world *sim, const lt_event *event)
{
    static const char *const event_words[] = {
#define X(name, word) word,
        LT_EVENT_LIST(X)
#undef X
    };
    static const char *const action_words[] = {
#define X(name, word) word,
        LT_ACTION_LIST(X)
#undef X
    };
    printf("%8llu %s worker %llu", (unsigned long long)sim->now_ms, event_words[event->kind],
           (unsigned long long)event->worker);
    if (event->kind == LT_EVENT_RESULTS) {
        printf(" lease %llx sequence %llu pack %u items",
               (unsigned long long)event->results.lease.id,
               (unsigned long long)event->results.sequence, event->results.pack_id);
        for (uint32_t i = 0; i < event->results.row_count; i++)
            printf(" %u", event->results.rows[i].item);
    } else if (event->kind == LT_EVENT_FAILURE) {
        printf(" lease %llx reason %d item %d", (unsigned long long)event->failure.lease.id,
               event->failure.reason, event->failure.item_known ? (int)event->failure.item : -1);
    } else if (event->kind == LT_EVENT_COMMITTED) {
        printf(" ticket %llu", (unsigned long long)event->committed.ticket);
    }
    putchar('\n');
    for (size_t i = 0; i < sim->actions.count; i++) {
        const lt_action *action = &sim->actions.list[i];
        printf("             -> %s worker %llu %llx", action_words[action->kind],
               (unsigned long long)action->worker,
               (unsigned long long)
                   action->lease.id); /* the union's first field is the lease or the ticket */
        if (action->kind == LT_ACTION_LEASE)
            printf(" pack %u items %u + %u%s", action->lease.pack_id, action->lease.first_item,
                   action->lease.item_count, action->lease.again ? " again" : "");
        else if (action->kind == LT_ACTION_ACK)
            printf(" sequence %llu", (unsigned long long)action->ack.sequence);
        else if (action->kind == LT_ACTION_RECORD_FAILURE)
            printf(" pack %u item %u", action->failure.pack_id, action->failure.item);
        putchar('\n');
    }
}
