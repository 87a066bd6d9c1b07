/* The peers that need remembering, those with an outbox, a ban or news of their end, are in a
 * hash; a healthy peer has no entry, so a thousand idle workers cost nothing here.
 *
 * A peer is the routing id that libzmq makes up: a zero byte and a counter. Ids that a peer chose
 * for itself are dropped: they could be those of another. */
#include "common/net/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "common/buf.h"
#include "common/limits.h"
#include "common/net/outbox.h"
#include "common/net/pump.h"

#define OUTBOX_BYTES_MAX (16u << 20)
#define BUCKET_COUNT 1024
#define BANS_MAX                                                                                   \
    65536 /* of peers that may long be gone; past it the oldest idea of a ban is dropped */
#define ROUTING_ID_BYTES 5
#define PEER_MARK (1ull << 32) /* keeps a peer from being 0 */

struct entry {
    struct entry *next;
    lt_peer peer;
    lt_outbox outbox;
    bool banned, gone;
};

struct lt_router {
    lt_pump pump;
    lt_router_events events;
    char endpoint[LT_ENDPOINT_BYTES_MAX];
    size_t outbox_bytes_max;
    struct entry *buckets[BUCKET_COUNT];
    size_t parked_count, gone_count, banned_count; /* entries with an outbox, news, a ban */
    lt_router_counts counts;
};

/* ---- peers ---- */

static bool peer_from_id(const zmq_msg_t *id, lt_peer *out)
{
    const uint8_t *bytes = zmq_msg_data((zmq_msg_t *)id);
    if (zmq_msg_size(id) != ROUTING_ID_BYTES || bytes[0] != 0)
        return false;
    *out = PEER_MARK | (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 8 | bytes[4];
    return true;
}

static void id_from_peer(lt_peer peer, uint8_t out[ROUTING_ID_BYTES])
{
    out[0] = 0;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(peer >> (24 - 8 * i));
}

static struct entry **find(const lt_router *router, lt_peer peer)
{
    struct entry **at = (struct entry **)&router->buckets[peer % BUCKET_COUNT];
    while (*at && (*at)->peer != peer)
        at = &(*at)->next;
    return at;
}

static struct entry *entry_of(lt_router *router, lt_peer peer)
{
    struct entry **at = find(router, peer);
    if (!*at) {
        *at = lt_alloc(sizeof **at);
        (*at)->peer = peer;
    }
    return *at;
}

static void drop_outbox(lt_router *router, struct entry *entry)
{
    if (entry->outbox.first)
        router->parked_count--;
    lt_outbox_clear(&entry->outbox);
}

/* Frees *at if it says nothing any more; returns where the next one is. */
static struct entry **forget_if_idle(struct entry **at)
{
    struct entry *entry = *at;
    if (entry->outbox.first || entry->banned || entry->gone)
        return &entry->next;
    *at = entry->next;
    free(entry);
    return at;
}

static void mark_gone(lt_router *router, struct entry *entry)
{
    drop_outbox(router, entry);
    if (entry->gone)
        return;
    entry->gone = true;
    router->gone_count++;
    router->counts.gone++;
}

/* ---- sending ---- */

/* LT_OK sent, LT_FULL no room now, LT_UNREACHABLE no such peer. The message is taken on LT_OK only.
 */
static lt_status send_now(lt_router *router, lt_peer peer, zmq_msg_t *message)
{
    uint8_t id[ROUTING_ID_BYTES];
    const size_t bytes = zmq_msg_size(message);
    id_from_peer(peer, id);
    while (zmq_send(router->pump.socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() == EAGAIN)
            return LT_FULL;
        if (zmq_errno() != EINTR)
            return LT_UNREACHABLE;
    }
    /* The id was taken, so there is room; a pipe that breaks in between swallows the message. */
    while (zmq_msg_send(message, router->pump.socket, ZMQ_DONTWAIT) < 0)
        LT_ASSERT(zmq_errno() == EINTR);
    router->counts.messages_out++;
    router->counts.bytes_out += bytes;
    return LT_OK;
}

static lt_status send_or_park(lt_router *router, lt_peer peer, zmq_msg_t *message)
{
    struct entry *entry = *find(router, peer);
    if (entry && (entry->gone || entry->banned))
        return LT_UNREACHABLE;
    lt_status status = entry && entry->outbox.first ? LT_FULL : send_now(router, peer, message);
    if (status == LT_OK)
        return LT_OK;
    entry = entry_of(router, peer);
    if (status == LT_FULL) {
        const bool was_empty = !entry->outbox.first;
        if (lt_outbox_push(&entry->outbox, message, router->outbox_bytes_max)) {
            router->parked_count += was_empty;
            router->counts.parked++;
            return LT_OK;
        }
        status = LT_LIMIT;
    }
    mark_gone(router, entry);
    return status;
}

lt_status lt_router_send_bytes(lt_router *router, lt_peer peer, const void *bytes, size_t count)
{
    zmq_msg_t message;
    LT_ASSERT(zmq_msg_init_size(&message, count) == 0);
    memcpy(zmq_msg_data(&message), bytes, count);
    const lt_status status = send_or_park(router, peer, &message);
    zmq_msg_close(&message);
    return status;
}

lt_status lt_router_send(lt_router *router, lt_peer peer, const Lefttail__Message *body)
{
    zmq_msg_t message;
    LT_ASSERT(zmq_msg_init_size(&message, lefttail__message__get_packed_size(body)) == 0);
    lefttail__message__pack(body, zmq_msg_data(&message));
    const lt_status status = send_or_park(router, peer, &message);
    zmq_msg_close(&message);
    return status;
}

size_t lt_router_parked_bytes(const lt_router *router, lt_peer peer)
{
    const struct entry *entry = *find(router, peer);
    return entry ? entry->outbox.bytes : 0;
}

static void flush_entry(lt_router *router, struct entry *entry)
{
    while (entry->outbox.first) {
        const lt_status status = send_now(router, entry->peer, lt_outbox_front(&entry->outbox));
        if (status == LT_UNREACHABLE)
            mark_gone(router, entry);
        if (status != LT_OK)
            return;
        lt_outbox_pop(&entry->outbox);
        if (!entry->outbox.first)
            router->parked_count--;
    }
}

static bool flush(void *context)
{
    lt_router *router = context;
    for (int i = 0; i < BUCKET_COUNT && router->parked_count > 0; i++)
        for (struct entry **at = &router->buckets[i]; *at; at = forget_if_idle(at))
            flush_entry(router, *at);
    return router->parked_count > 0;
}

/* ---- telling ---- */

static bool pending(void *context)
{
    return ((lt_router *)context)->gone_count > 0;
}

static bool take_gone(lt_router *router, lt_peer *out)
{
    for (int i = 0; i < BUCKET_COUNT && router->gone_count > 0; i++)
        for (struct entry **at = &router->buckets[i]; *at; at = &(*at)->next)
            if ((*at)->gone) {
                *out = (*at)->peer;
                (*at)->gone = false;
                router->gone_count--;
                forget_if_idle(at);
                return true;
            }
    return false;
}

static void tell(void *context)
{
    lt_router *router = context;
    lt_peer peer;
    while (!router->pump.closing && take_gone(router, &peer))
        router->events.on_gone(router->events.context, peer);
}

/* ---- receiving ---- */

static bool receive_frame(void *socket, zmq_msg_t *frame)
{
    zmq_msg_init(frame);
    while (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0)
        if (zmq_errno() != EINTR)
            return false;
    return true;
}

/* Reads and drops what is left of a message; returns how many frames that was. */
static unsigned drop_rest(void *socket, bool more)
{
    unsigned count = 0;
    zmq_msg_t frame;
    while (more && receive_frame(socket, &frame)) {
        count++;
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return count;
}

static void deliver(lt_router *router, lt_peer peer, zmq_msg_t *payload, unsigned extra)
{
    const struct entry *entry = *find(router, peer);
    if (entry && entry->banned) {
        router->counts.banned_messages++;
        return;
    }
    const char *user = zmq_msg_gets(payload, "User-Id");
    char key[LT_KEY_TEXT_BYTES] = "";
    if (user)
        memcpy(key, user, strnlen(user, sizeof key - 1));
    const size_t bytes = zmq_msg_size(payload);
    if (extra == 0 && bytes <= LT_FRAME_BYTES_MAX) {
        router->counts.messages_in++;
        router->counts.bytes_in += bytes;
        router->events.on_message(router->events.context, peer, key, zmq_msg_data(payload), bytes);
        return;
    }
    router->counts.garbage++;
    router->events.on_garbage(router->events.context, peer, key,
                              extra ? "a message of more than one frame"
                                    : "a frame that is too large");
}

static void receive(void *context)
{
    lt_router *router = context;
    zmq_msg_t id, payload;
    if (receive_frame(router->pump.socket, &id)) {
        lt_peer peer = 0;
        const bool known = peer_from_id(&id, &peer);
        if (zmq_msg_more(&id) && receive_frame(router->pump.socket, &payload)) {
            const unsigned extra = drop_rest(router->pump.socket, zmq_msg_more(&payload));
            if (known)
                deliver(router, peer, &payload, extra);
            else
                router->counts.garbage++;
            zmq_msg_close(&payload);
        }
    }
    zmq_msg_close(&id);
}

static void drop_bans(lt_router *router)
{
    for (int i = 0; i < BUCKET_COUNT; i++)
        for (struct entry **at = &router->buckets[i]; *at; at = forget_if_idle(at))
            (*at)->banned = false;
    router->banned_count = 0;
}

void lt_router_ban(lt_router *router, lt_peer peer)
{
    if (router->banned_count >= BANS_MAX)
        drop_bans(router);
    struct entry *entry = entry_of(router, peer);
    drop_outbox(router, entry);
    router->banned_count += !entry->banned;
    entry->banned = true;
}

/* ---- life ---- */

static void free_router(void *context)
{
    lt_router *router = context;
    for (int i = 0; i < BUCKET_COUNT; i++)
        while (router->buckets[i]) {
            struct entry *entry = router->buckets[i];
            router->buckets[i] = entry->next;
            lt_outbox_clear(&entry->outbox);
            free(entry);
        }
    free(router);
}

/* libzmq unlinks the path before it binds, so a living listener would lose it without a word. */
static lt_status refuse_living_ipc(const char *endpoint, lt_error *error)
{
    if (strncmp(endpoint, "ipc://", 6) != 0)
        return LT_OK;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, endpoint + 6, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool living = fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ||
                                    errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return living ? lt_fail(error, LT_CONFLICT, endpoint, "another process listens here") : LT_OK;
}

static lt_status bind_to(void *socket, const char *endpoint, lt_error *error)
{
    LT_TRY(refuse_living_ipc(endpoint, error));
    if (zmq_bind(socket, endpoint) == 0)
        return LT_OK;
    const int code = zmq_errno();
    if (code == EADDRINUSE)
        return lt_fail(error, LT_CONFLICT, endpoint, "another process listens here");
    if (code == EINVAL || code == ENODEV || code == EADDRNOTAVAIL)
        return lt_expected(
            error, lt_fail(error, LT_INPUT, endpoint, "cannot listen here: %s", zmq_strerror(code)),
            "an address of this machine, such as tcp://0.0.0.0:7401");
    errno = code;
    return lt_fail_errno(error, endpoint, "cannot listen here");
}

static lt_status open_socket(void **out, const lt_router_options *options, lt_error *error)
{
    LT_TRY(lt_endpoint_check(options->endpoint, true, error));
    LT_TRY(lt_endpoint_check_keys(options->endpoint, options->keys, error));
    LT_TRY(lt_pump_socket(out, ZMQ_ROUTER, options->endpoint, error));
    const int one = 1;
    LT_ASSERT(zmq_setsockopt(*out, ZMQ_ROUTER_MANDATORY, &one, sizeof one) == 0);
    lt_status status = LT_OK;
    if (options->keys)
        status = lt_pump_use_keys(*out, options->keys, options->zap_domain, error);
    if (status == LT_OK)
        status = bind_to(*out, options->endpoint, error);
    if (status != LT_OK)
        zmq_close(*out);
    return status;
}

lt_status lt_router_open(lt_router **out, uv_loop_t *loop, const lt_router_options *options,
                         const lt_router_events *events, lt_error *error)
{
    *out = NULL;
    LT_ASSERT(!options->keys || options->zap_domain);
    void *socket = NULL;
    LT_TRY(open_socket(&socket, options, error));
    lt_router *router = lt_alloc(sizeof *router);
    router->events = *events;
    router->outbox_bytes_max =
        options->outbox_bytes_max ? options->outbox_bytes_max : OUTBOX_BYTES_MAX;
    size_t size = sizeof router->endpoint;
    LT_ASSERT(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, router->endpoint, &size) == 0);
    router->pump = (lt_pump){.context = router,
                             .receive = receive,
                             .flush = flush,
                             .pending = pending,
                             .tell = tell,
                             .closed = free_router,
                             .socket = socket};
    lt_pump_start(&router->pump, loop);
    *out = router;
    return LT_OK;
}

const char *lt_router_endpoint(const lt_router *router)
{
    return router->endpoint;
}

lt_router_counts lt_router_counts_of(const lt_router *router)
{
    return router->counts;
}

void lt_router_close(lt_router **router)
{
    if (!*router)
        return;
    flush(*router);
    zmq_unbind((*router)->pump.socket, (*router)->endpoint);
    lt_pump_close(&(*router)->pump);
    *router = NULL;
}
