#include "common/net/context.h"

#include <pthread.h>
#include <zmq.h>

#include "common/status.h"

#define SOCKETS_MAX 64 /* of one process: two routers, ZAP, and what tests open */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *context;

void *lt_net_context(void)
{
    pthread_mutex_lock(&lock);
    if (!context) {
        context = zmq_ctx_new();
        LT_ASSERT(context);
        zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    }
    void *result = context;
    pthread_mutex_unlock(&lock);
    return result;
}

void lt_net_fini(void)
{
    pthread_mutex_lock(&lock);
    void *ending = context;
    context = NULL;
    pthread_mutex_unlock(&lock);
    if (ending)
        while (zmq_ctx_term(ending) != 0)
            LT_ASSERT(zmq_errno() == EINTR);
}
