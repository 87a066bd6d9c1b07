/* libzmq asks this REP socket (RFC 27) before a peer's CURVE handshake is done; the answer is
 * 200 with the peer's public key as User-Id, or 400. The thread owns the REP socket and one end
 * of a PAIR, on which lt_zap_close says to end; only the allow lists and counters are shared, under
 * the lock. A request that is not understood is answered 400 as well, so nothing fails open. */
#include "common/net/zap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/net/context.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define STOP_ENDPOINT "inproc://lefttail.zap.stop"
#define FRAME_BYTES_MAX 256
#define REFUSAL_LOG_MS 5000 /* at most one line in so long */

enum { WORKERS, CLIENTS, DOMAIN_COUNT };
static const char *const domains[DOMAIN_COUNT] = {LT_ZAP_WORKERS, LT_ZAP_CLIENTS};

struct lt_zap {
    pthread_t thread;
    pthread_mutex_t lock;
    lt_allow_list allowed[DOMAIN_COUNT]; /* under the lock, as the counts */
    lt_zap_counts counts;
    void *answers;  /* REP, the thread's */
    void *stop_in;  /* PAIR, the thread's */
    void *stop_out; /* PAIR, the closer's */
    uint64_t logged_ms;
};

enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, FRAME_COUNT };
struct request {
    char frames[FRAME_COUNT][FRAME_BYTES_MAX + 1]; /* always terminated */
    size_t lens[FRAME_COUNT];
    bool good; /* just these frames, none too long */
};

static void receive(void *socket, struct request *request)
{
    *request = (struct request){.good = true};
    int more = 1;
    size_t i = 0;
    for (; more; i++) {
        char scratch[FRAME_BYTES_MAX];
        const int got =
            zmq_recv(socket, i < FRAME_COUNT ? request->frames[i] : scratch, FRAME_BYTES_MAX, 0);
        if (got < 0 || got > FRAME_BYTES_MAX)
            request->good = false;
        else if (i < FRAME_COUNT)
            request->lens[i] = (size_t)got;
        size_t size = sizeof more;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
            more = 0;
    }
    request->good = request->good && i == FRAME_COUNT;
}

static bool may_enter(lt_zap *zap, const struct request *request, char key[LT_KEY_TEXT_BYTES])
{
    if (!request->good || strcmp(request->frames[VERSION], "1.0") != 0 ||
        strcmp(request->frames[MECHANISM], "CURVE") != 0 || request->lens[CREDENTIALS] != 32)
        return false;
    if (!zmq_z85_encode(key, (const uint8_t *)request->frames[CREDENTIALS], 32))
        return false;
    bool found = false;
    pthread_mutex_lock(&zap->lock);
    for (int i = 0; i < DOMAIN_COUNT; i++)
        if (strcmp(request->frames[DOMAIN], domains[i]) == 0)
            found = lt_allow_list_has(&zap->allowed[i], key);
    pthread_mutex_unlock(&zap->lock);
    return found;
}

static void count(lt_zap *zap, bool entered, const struct request *request)
{
    pthread_mutex_lock(&zap->lock);
    if (entered)
        zap->counts.accepted++;
    else
        zap->counts.refused++;
    const uint64_t refused = zap->counts.refused;
    pthread_mutex_unlock(&zap->lock);
    const uint64_t now_ms = lt_now_ms();
    if (entered || (zap->logged_ms && now_ms - zap->logged_ms < REFUSAL_LOG_MS))
        return;
    zap->logged_ms = now_ms;
    lt_log_warn("key_refused", "domain", "%s", request->frames[DOMAIN], "address", "%s",
                request->frames[ADDRESS], "refused_in_all", "%lu", refused, NULL);
}

static void answer(lt_zap *zap)
{
    struct request request;
    char key[LT_KEY_TEXT_BYTES] = "";
    receive(zap->answers, &request);
    const bool entered = may_enter(zap, &request, key);
    count(zap, entered, &request); /* before the peer can know */
    zmq_send(zap->answers, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(zap->answers, request.frames[REQUEST], request.lens[REQUEST], ZMQ_SNDMORE);
    zmq_send(zap->answers, entered ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(zap->answers, entered ? "OK" : "refused", entered ? 2 : 7, ZMQ_SNDMORE);
    zmq_send(zap->answers, key, entered ? strlen(key) : 0, ZMQ_SNDMORE);
    zmq_send(zap->answers, "", 0, 0);
}

static void *run(void *argument)
{
    lt_zap *zap = argument;
    for (;;) {
        zmq_pollitem_t items[] = {{zap->stop_in, 0, ZMQ_POLLIN, 0},
                                  {zap->answers, 0, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, 2, -1) < 0 && zmq_errno() != EINTR)
            break;
        if (items[0].revents)
            break;
        if (items[1].revents)
            answer(zap);
    }
    /* Closing is done later, by a thread of libzmq; the names must be free when we return. */
    zmq_unbind(zap->answers, ZAP_ENDPOINT);
    zmq_unbind(zap->stop_in, STOP_ENDPOINT);
    zmq_close(zap->answers);
    zmq_close(zap->stop_in);
    return NULL;
}

lt_status lt_zap_open(lt_zap **out, lt_error *error)
{
    *out = NULL;
    lt_zap *zap = lt_alloc(sizeof *zap);
    pthread_mutex_init(&zap->lock, NULL);
    zap->answers = zmq_socket(lt_net_context(), ZMQ_REP);
    zap->stop_in = zmq_socket(lt_net_context(), ZMQ_PAIR);
    zap->stop_out = zmq_socket(lt_net_context(), ZMQ_PAIR);
    LT_ASSERT(zap->answers && zap->stop_in && zap->stop_out);
    const int linger = 0;
    zmq_setsockopt(zap->answers, ZMQ_LINGER, &linger, sizeof linger);
    lt_status status = LT_OK;
    if (zmq_bind(zap->answers, ZAP_ENDPOINT) != 0 || zmq_bind(zap->stop_in, STOP_ENDPOINT) != 0 ||
        zmq_connect(zap->stop_out, STOP_ENDPOINT) != 0)
        status = lt_fail(error, LT_CONFLICT, ZAP_ENDPOINT, "cannot answer for keys: %s",
                         zmq_strerror(zmq_errno()));
    else if (pthread_create(&zap->thread, NULL, run, zap) != 0)
        status = lt_fail_errno(error, NULL, "cannot start the thread that checks keys");
    if (status == LT_OK) {
        *out = zap;
        return LT_OK;
    }
    zmq_close(zap->answers);
    zmq_close(zap->stop_in);
    zmq_close(zap->stop_out);
    pthread_mutex_destroy(&zap->lock);
    free(zap);
    return status;
}

void lt_zap_allow(lt_zap *zap, const char *domain, lt_allow_list *list)
{
    int index = 0;
    while (index < DOMAIN_COUNT && strcmp(domain, domains[index]) != 0)
        index++;
    LT_ASSERT(index < DOMAIN_COUNT);
    pthread_mutex_lock(&zap->lock);
    lt_allow_list_fini(&zap->allowed[index]);
    zap->allowed[index] = *list;
    pthread_mutex_unlock(&zap->lock);
    *list = (lt_allow_list){0};
}

lt_zap_counts lt_zap_counts_of(lt_zap *zap)
{
    pthread_mutex_lock(&zap->lock);
    const lt_zap_counts counts = zap->counts;
    pthread_mutex_unlock(&zap->lock);
    return counts;
}

void lt_zap_close(lt_zap **zap)
{
    if (!*zap)
        return;
    zmq_send((*zap)->stop_out, "", 0, 0);
    pthread_join((*zap)->thread, NULL);
    zmq_close((*zap)->stop_out);
    for (int i = 0; i < DOMAIN_COUNT; i++)
        lt_allow_list_fini(&(*zap)->allowed[i]);
    pthread_mutex_destroy(&(*zap)->lock);
    free(*zap);
    *zap = NULL;
}
