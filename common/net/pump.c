/* ZMQ_FD is edge-triggered and says only "look at ZMQ_EVENTS"; sending and receiving may eat the
 * edge. So the poll callback does nothing but end the sleep, and every turn of the loop looks:
 *
 *     timers -> idle -> PREPARE -> sleep in poll -> CHECK -> closing
 *                       |                           |
 *                       flush what is parked;       stop idle; take up to MESSAGES_PER_TURN,
 *                       anything to receive or      then let timers and others run
 *                       to tell? start idle, which
 *                       makes the sleep zero
 *
 * The last thing that PREPARE does to the socket is to read ZMQ_EVENTS, so whatever arrives after
 * it makes the FD readable. Nothing sent from a timer or a callback can be missed: a PREPARE lies
 * between it and the next sleep. While something is parked a slow timer flushes too, for the
 * one case that ZMQ_EVENTS does not show (a ROUTER says "writable" if any peer is). */
#include "common/net/pump.h"

#include <string.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/net/context.h"

/* Stable headers hide this option; the library has it (4.3.4 and later). Without it a peer gets in
 * when nobody answers for keys, so a library that refuses it is refused. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define MESSAGES_PER_TURN 256
#define RECEIVE_MS_PER_TURN 10
#define RETRY_MS 50

#define QUEUE_MESSAGES 32     /* per peer and direction; more is back-pressure or an outbox */
#define FRAME_SLACK_BYTES 256 /* MAXMSGSIZE counts what CURVE adds */
#define HEARTBEAT_MS 2000
#define HEARTBEAT_TIMEOUT_MS 6000
#define HANDSHAKE_MS 5000
#define RECONNECT_MS 200
#define RECONNECT_MS_MAX 10000
#define CONNECT_MS 5000
#define LINGER_MS 1000
#define BACKLOG 4096

lt_status lt_pump_socket(void **out, int type, const char *endpoint, lt_error *error)
{
    static const struct {
        int option, value;
    } settings[] = {
        {ZMQ_SNDHWM, QUEUE_MESSAGES},
        {ZMQ_RCVHWM, QUEUE_MESSAGES},
        {ZMQ_LINGER, LINGER_MS},
        {ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
        {ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS},
        {ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
        {ZMQ_BACKLOG, BACKLOG},
    };
    *out = zmq_socket(lt_net_context(), type);
    if (!*out)
        return lt_fail(error, LT_IO, NULL, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        LT_ASSERT(zmq_setsockopt(*out, settings[i].option, &settings[i].value,
                                 sizeof settings[i].value) == 0);
    /* With IPv6 on, libzmq tries only that for a name that has both; so it is for addresses. */
    const int ipv6 = strncmp(endpoint, "tcp://[", 7) == 0;
    LT_ASSERT(zmq_setsockopt(*out, ZMQ_IPV6, &ipv6, sizeof ipv6) == 0);
    const int64_t bytes_max = LT_FRAME_BYTES_MAX + FRAME_SLACK_BYTES;
    LT_ASSERT(zmq_setsockopt(*out, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) == 0);
    return LT_OK;
}

lt_status lt_pump_use_keys(void *socket, const lt_keys *keys, const char *zap_domain,
                           lt_error *error)
{
    const int one = 1;
    int failed = 0;
    if (zap_domain) {
        failed |= zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one);
        failed |= zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, zap_domain, strlen(zap_domain));
        failed |= zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &one, sizeof one);
    } else {
        failed |= zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, keys->coordinator_public,
                                 LT_KEY_TEXT_BYTES);
        failed |= zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->own_public, LT_KEY_TEXT_BYTES);
    }
    failed |= zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->own_secret, LT_KEY_TEXT_BYTES);
    if (failed)
        return lt_fail(error, LT_DENIED, NULL, "cannot use the keys: %s",
                       zmq_strerror(zmq_errno()));
    return LT_OK;
}

static bool readable(const lt_pump *pump)
{
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt(pump->socket, ZMQ_EVENTS, &events, &size) != 0)
        return false;
    return events & ZMQ_POLLIN;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    (void)handle, (void)status, (void)events;
}

static void on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static void on_retry(uv_timer_t *handle)
{
    (void)handle;
}

static void on_prepare(uv_prepare_t *handle)
{
    lt_pump *pump = handle->data;
    const bool parked = pump->flush(pump->context);
    if (parked && !uv_is_active((uv_handle_t *)&pump->retry))
        uv_timer_start(&pump->retry, on_retry, RETRY_MS, RETRY_MS);
    else if (!parked)
        uv_timer_stop(&pump->retry);
    if (readable(pump) || pump->pending(pump->context))
        uv_idle_start(&pump->idle, on_idle);
}

static void on_check(uv_check_t *handle)
{
    lt_pump *pump = handle->data;
    uv_idle_stop(&pump->idle);
    pump->tell(pump->context);
    const uint64_t start_ms = lt_now_ms();
    for (int i = 0; i < MESSAGES_PER_TURN && !pump->closing && readable(pump); i++) {
        pump->receive(pump->context);
        if (lt_now_ms() - start_ms > RECEIVE_MS_PER_TURN)
            break;
    }
}

void lt_pump_start(lt_pump *pump, uv_loop_t *loop)
{
    int fd;
    size_t size = sizeof fd;
    LT_ASSERT(zmq_getsockopt(pump->socket, ZMQ_FD, &fd, &size) == 0);
    LT_ASSERT(uv_poll_init(loop, &pump->poll, fd) == 0);
    uv_prepare_init(loop, &pump->prepare);
    uv_check_init(loop, &pump->check);
    uv_idle_init(loop, &pump->idle);
    uv_timer_init(loop, &pump->retry);
    pump->poll.data = pump->prepare.data = pump->check.data = pump->idle.data = pump->retry.data =
        pump;
    pump->handles_open = 5;
    uv_poll_start(&pump->poll, UV_READABLE, on_poll);
    uv_prepare_start(&pump->prepare, on_prepare);
    uv_check_start(&pump->check, on_check);
}

static void on_closed(uv_handle_t *handle)
{
    lt_pump *pump = handle->data;
    if (--pump->handles_open > 0)
        return;
    zmq_close(pump->socket); /* only now: a descriptor is never closed while it is polled */
    pump->closed(pump->context);
}

void lt_pump_close(lt_pump *pump)
{
    if (pump->closing)
        return;
    pump->closing = true;
    uv_close((uv_handle_t *)&pump->poll, on_closed);
    uv_close((uv_handle_t *)&pump->prepare, on_closed);
    uv_close((uv_handle_t *)&pump->check, on_closed);
    uv_close((uv_handle_t *)&pump->idle, on_closed);
    uv_close((uv_handle_t *)&pump->retry, on_closed);
}
