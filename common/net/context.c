#include "common/net/context.h"

#include <pthread.h>
#include <sys/resource.h>
#include <zmq.h>

#include "common/status.h"

#define SOCKETS_MAX                                                                                \
    16384 /* of one process: a program has a few; a test may be a thousand workers */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *context;

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void *lt_net_context(void)
{
    pthread_mutex_lock(&lock);
    if (!context) {
        context = zmq_ctx_new();
        LT_ASSERT(context);
        raise_file_limit();
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
