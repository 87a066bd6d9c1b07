/* The sockets in the loop: nothing stalls, nothing is lost silently, nobody gets in without a key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/net/context.h"
#include "common/net/dealer.h"
#include "common/net/dialler.h"
#include "common/net/router.h"
#include "common/net/zap.h"
#include "common/wire.h"

typedef struct world {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool late;
    char dir[64], endpoint[128];
    lt_router *router;
    unsigned router_messages, garbage, gone, answers;
    lt_peer peer;
    char key[LT_KEY_TEXT_BYTES];
    bool echo;
    uint64_t last_ms, gap_ms_max;
} world;

static void note_gap(world *w)
{
    const uint64_t now_ms = lt_now_ms();
    if (w->last_ms && now_ms - w->last_ms > w->gap_ms_max)
        w->gap_ms_max = now_ms - w->last_ms;
    w->last_ms = now_ms;
}

static void on_router_message(void *context, lt_peer peer, const char *key, const void *bytes,
                              size_t count)
{
    world *w = context;
    w->router_messages++;
    w->peer = peer;
    strcpy(w->key, key);
    if (w->echo)
        assert_int_equal(lt_router_send_bytes(w->router, peer, bytes, count), LT_OK);
}

static void on_garbage(void *context, lt_peer peer, const char *key, const char *why)
{
    (void)key, (void)why;
    ((world *)context)->garbage++;
    ((world *)context)->peer = peer;
}

static void on_gone(void *context, lt_peer peer)
{
    (void)peer;
    ((world *)context)->gone++;
}

static void on_answer(void *context, const void *bytes, size_t count)
{
    (void)bytes, (void)count;
    world *w = context;
    w->answers++;
    note_gap(w);
}

static void on_dealer_garbage(void *context, const char *why)
{
    (void)why;
    ((world *)context)->garbage++;
}

static const lt_dealer_events *dealer_events(world *w)
{
    static lt_dealer_events events;
    events = (lt_dealer_events){w, on_answer, on_dealer_garbage};
    return &events;
}

static void on_deadline(uv_timer_t *timer)
{
    ((world *)timer->data)->late = true;
}

/* Turns the loop until the condition holds or `ms` have passed. */
#define RUN_UNTIL(w, ms, condition)                                                                \
    do {                                                                                           \
        (w)->late = false;                                                                         \
        uv_timer_start(&(w)->deadline, on_deadline, ms, 0);                                        \
        while (!(condition) && !(w)->late)                                                         \
            uv_run(&(w)->loop, UV_RUN_ONCE);                                                       \
        uv_timer_stop(&(w)->deadline);                                                             \
    } while (0)

static void start(world *w, const lt_keys *keys, size_t outbox_bytes_max)
{
    *w = (world){0};
    strcpy(w->dir, "/tmp/lefttail-net-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->endpoint, sizeof w->endpoint, "ipc://%s/socket", w->dir);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    uv_timer_init(&w->loop, &w->deadline);
    w->deadline.data = w;
    const lt_router_options options = {.endpoint = w->endpoint,
                                       .zap_domain = LT_ZAP_WORKERS,
                                       .keys = keys,
                                       .outbox_bytes_max = outbox_bytes_max};
    const lt_router_events events = {w, on_router_message, on_garbage, on_gone};
    lt_error error = {0};
    assert_int_equal(lt_router_open(&w->router, &w->loop, &options, &events, &error), LT_OK);
}

static void stop(world *w)
{
    lt_router_close(&w->router);
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(lt_dir_remove(w->dir, NULL), LT_OK);
}

static lt_dealer *dial(world *w, const lt_keys *keys)
{
    lt_dealer *dealer;
    lt_error error = {0};
    const lt_dealer_options options = {.endpoint = w->endpoint, .keys = keys};
    assert_int_equal(lt_dealer_open(&dealer, &w->loop, &options, dealer_events(w), &error), LT_OK);
    return dealer;
}

/* ---- tests ---- */

typedef struct ticker {
    uv_timer_t timer;
    lt_dealer *dealer;
    unsigned sent;
} ticker;

static void on_tick(uv_timer_t *timer)
{
    ticker *t = timer->data;
    assert_int_equal(lt_dealer_send_bytes(t->dealer, "tick", 4), LT_OK);
    t->sent++;
}

/* Sends from timers while answers come in: were an edge of ZMQ_FD lost, the loop would sleep until
 * something else wakes it, and the gap would show. */
static void timers_and_ping_pong_never_stall(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 0);
    w.echo = true;
    ticker ticks[3] = {0};
    for (unsigned i = 0; i < 3; i++) {
        ticks[i].dealer = dial(&w, NULL);
        uv_timer_init(&w.loop, &ticks[i].timer);
        ticks[i].timer.data = &ticks[i];
        assert_int_equal(lt_dealer_send_bytes(ticks[i].dealer, "first", 5), LT_OK);
    }
    RUN_UNTIL(&w, 5000, w.answers == 3);
    assert_int_equal(w.answers, 3);
    for (unsigned i = 0; i < 3; i++)
        uv_timer_start(&ticks[i].timer, on_tick, 1 + i, 1 + i);
    w.last_ms = w.gap_ms_max = 0;
    RUN_UNTIL(&w, 1500, false);
    for (unsigned i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&ticks[i].timer, NULL);
    const unsigned sent = 3 + ticks[0].sent + ticks[1].sent + ticks[2].sent;
    RUN_UNTIL(&w, 5000, w.answers == sent);
    assert_int_equal(w.answers, sent);
    assert_true(sent > 300);
    print_message("%u messages each way, largest gap %u ms\n", sent, (unsigned)w.gap_ms_max);
    assert_true(w.gap_ms_max < 200); /* a lost edge is seconds; a busy machine is tens of ms */
    for (unsigned i = 0; i < 3; i++)
        lt_dealer_close(&ticks[i].dealer);
    stop(&w);
}

static void a_burst_is_parked_and_arrives(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 0);
    lt_dealer *dealer = dial(&w, NULL);
    char *block = calloc(1, 10000);
    for (int i = 0; i < 500; i++)
        assert_int_equal(lt_dealer_send_bytes(dealer, block, 10000), LT_OK);
    assert_true(lt_dealer_parked_bytes(dealer) > 0);
    RUN_UNTIL(&w, 10000, w.router_messages == 500);
    assert_int_equal(w.router_messages, 500);
    for (int i = 0; i < 500; i++)
        assert_int_equal(lt_router_send_bytes(w.router, w.peer, block, 10000), LT_OK);
    RUN_UNTIL(&w, 10000, w.answers == 500);
    assert_int_equal(w.answers, 500);
    assert_true(lt_router_counts_of(w.router).parked > 0);
    assert_int_equal(lt_router_parked_bytes(w.router, w.peer), 0);
    free(block);
    lt_dealer_close(&dealer);
    stop(&w);
}

static void hundreds_of_peers_are_served(void **state)
{
    (void)state;
    enum { PEERS = 400 };
    world w;
    start(&w, NULL, 0);
    w.echo = true;
    lt_dealer *dealers[PEERS];
    for (int i = 0; i < PEERS; i++) {
        dealers[i] = dial(&w, NULL);
        assert_int_equal(lt_dealer_send_bytes(dealers[i], "hello", 5), LT_OK);
    }
    RUN_UNTIL(&w, 20000, w.answers == PEERS);
    assert_int_equal(w.answers, PEERS);
    for (int i = 0; i < PEERS; i++)
        lt_dealer_close(&dealers[i]);
    stop(&w);
}

/* The peer never reads: its outbox fills, it is reported once, and memory stays bounded. */
static void a_peer_that_does_not_read_is_given_up(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 1 << 20);
    void *raw = zmq_socket(lt_net_context(), ZMQ_DEALER);
    const int small = 1;
    zmq_setsockopt(raw, ZMQ_RCVHWM, &small, sizeof small);
    zmq_setsockopt(raw, ZMQ_LINGER, &(int){0}, sizeof(int));
    assert_int_equal(zmq_connect(raw, w.endpoint), 0);
    assert_int_equal(zmq_send(raw, "hello", 5, 0), 5);
    RUN_UNTIL(&w, 5000, w.router_messages == 1);
    char *block = calloc(1, 100000);
    lt_status status = LT_OK;
    for (int i = 0; i < 500 && status == LT_OK; i++) {
        status = lt_router_send_bytes(w.router, w.peer, block, 100000);
        assert_true(lt_router_parked_bytes(w.router, w.peer) <= 1 << 20);
        uv_run(&w.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(status, LT_LIMIT);
    RUN_UNTIL(&w, 1000, w.gone == 1);
    assert_int_equal(w.gone, 1);
    free(block);
    zmq_close(raw);
    stop(&w);
}

static void a_peer_that_left_is_reported(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 0);
    lt_dealer *dealer = dial(&w, NULL);
    lt_dealer_send_bytes(dealer, "x", 1);
    RUN_UNTIL(&w, 5000, w.router_messages == 1);
    lt_dealer_close(&dealer);
    RUN_UNTIL(&w, 100, false);
    lt_status status = LT_OK;
    for (int i = 0; i < 50 && status == LT_OK; i++) {
        status = lt_router_send_bytes(w.router, w.peer, "y", 1);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        usleep(2000);
    }
    assert_int_equal(status, LT_UNREACHABLE);
    RUN_UNTIL(&w, 1000, w.gone == 1);
    assert_int_equal(w.gone, 1);
    stop(&w);
}

static void more_than_one_frame_is_garbage(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 0);
    void *raw = zmq_socket(lt_net_context(), ZMQ_DEALER);
    zmq_setsockopt(raw, ZMQ_LINGER, &(int){0}, sizeof(int));
    assert_int_equal(zmq_connect(raw, w.endpoint), 0);
    for (int i = 0; i < 9; i++)
        zmq_send(raw, "part", 4, ZMQ_SNDMORE);
    zmq_send(raw, "end", 3, 0);
    RUN_UNTIL(&w, 5000, w.garbage == 1);
    assert_int_equal(w.garbage, 1);
    assert_int_equal(w.router_messages, 0);
    zmq_send(raw, "good", 4, 0);
    RUN_UNTIL(&w, 5000, w.router_messages == 1);
    assert_int_equal(w.router_messages, 1); /* the stream of messages was not torn */
    lt_router_ban(w.router, w.peer);
    zmq_send(raw, "again", 5, 0);
    RUN_UNTIL(&w, 5000, lt_router_counts_of(w.router).banned_messages == 1);
    assert_int_equal(w.router_messages, 1);
    assert_int_equal(lt_router_send_bytes(w.router, w.peer, "z", 1), LT_UNREACHABLE);
    zmq_close(raw);
    stop(&w);
}

static void chosen_routing_ids_are_dropped(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 0);
    void *raw = zmq_socket(lt_net_context(), ZMQ_DEALER);
    zmq_setsockopt(raw, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(raw, ZMQ_ROUTING_ID, "me", 2);
    assert_int_equal(zmq_connect(raw, w.endpoint), 0);
    zmq_send(raw, "x", 1, 0);
    RUN_UNTIL(&w, 5000, lt_router_counts_of(w.router).garbage == 1);
    assert_int_equal(lt_router_counts_of(w.router).garbage, 1);
    assert_int_equal(w.router_messages, 0);
    zmq_close(raw);
    stop(&w);
}

static void port_zero_gives_the_real_one(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    world w = {0};
    lt_router *router, *second;
    lt_error error = {0};
    lt_router_options options = {.endpoint = "tcp://127.0.0.1:0"};
    const lt_router_events events = {&w, on_router_message, on_garbage, on_gone};
    assert_int_equal(lt_router_open(&router, &loop, &options, &events, &error), LT_OK);
    assert_int_equal(strncmp(lt_router_endpoint(router), "tcp://127.0.0.1:", 16), 0);
    assert_true(atoi(lt_router_endpoint(router) + 16) > 0);
    options.endpoint = lt_router_endpoint(router);
    assert_int_equal(lt_router_open(&second, &loop, &options, &events, &error), LT_CONFLICT);
    assert_null(second);
    options.endpoint = "tcp://0.0.0.0:0";
    assert_int_equal(lt_router_open(&second, &loop, &options, &events, &error), LT_DENIED);
    lt_router_close(&router);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_living_ipc_listener_is_not_robbed(void **state)
{
    (void)state;
    world w;
    start(&w, NULL, 0);
    lt_router *second;
    lt_error error = {0};
    const lt_router_options options = {.endpoint = w.endpoint};
    const lt_router_events events = {&w, on_router_message, on_garbage, on_gone};
    assert_int_equal(lt_router_open(&second, &w.loop, &options, &events, &error), LT_CONFLICT);
    stop(&w);
}

/* ---- keys ---- */

typedef struct keyring {
    char dir[64];
    lt_keys coordinator, worker, client;
    lt_zap *zap;
} keyring;

static void make_keys(keyring *k)
{
    lt_error error = {0};
    strcpy(k->dir, "/tmp/lefttail-keys-XXXXXX");
    assert_non_null(mkdtemp(k->dir));
    assert_int_equal(lt_keys_make(k->dir, &error), LT_OK);
    assert_int_equal(lt_keys_read(k->dir, LT_KEY_COORDINATOR, &k->coordinator, &error), LT_OK);
    assert_int_equal(lt_keys_read(k->dir, LT_KEY_WORKER, &k->worker, &error), LT_OK);
    assert_int_equal(lt_keys_read(k->dir, LT_KEY_CLIENT, &k->client, &error), LT_OK);
    assert_int_equal(lt_zap_open(&k->zap, &error), LT_OK);
    lt_allow_list workers, clients;
    assert_int_equal(lt_allow_list_read(k->dir, LT_KEY_WORKER, &workers, &error), LT_OK);
    assert_int_equal(lt_allow_list_read(k->dir, LT_KEY_CLIENT, &clients, &error), LT_OK);
    lt_zap_allow(k->zap, LT_ZAP_WORKERS, &workers);
    lt_zap_allow(k->zap, LT_ZAP_CLIENTS, &clients);
}

static void drop_keys(keyring *k)
{
    lt_zap_close(&k->zap);
    assert_int_equal(lt_dir_remove(k->dir, NULL), LT_OK);
}

static void the_right_key_gets_in_and_is_named(void **state)
{
    (void)state;
    keyring k;
    world w;
    make_keys(&k);
    start(&w, &k.coordinator, 0);
    w.echo = true;
    lt_dealer *dealer = dial(&w, &k.worker);
    lt_dealer_send_bytes(dealer, "x", 1);
    RUN_UNTIL(&w, 5000, w.answers == 1);
    assert_int_equal(w.answers, 1);
    assert_string_equal(w.key, k.worker.own_public);
    assert_true(lt_zap_counts_of(k.zap).accepted >= 1);
    lt_dealer_close(&dealer);
    stop(&w);
    drop_keys(&k);
}

/* A client's key on the workers' socket, an unknown key, the wrong server key, no key at all. */
static void other_keys_do_not_get_in(void **state)
{
    (void)state;
    keyring k;
    world w;
    make_keys(&k);
    start(&w, &k.coordinator, 0);
    lt_keys unknown = k.worker, wrong_server = k.worker;
    char other_secret[LT_KEY_TEXT_BYTES];
    assert_int_equal(zmq_curve_keypair(unknown.own_public, unknown.own_secret), 0);
    assert_int_equal(zmq_curve_keypair(wrong_server.coordinator_public, other_secret), 0);
    lt_dealer *dealers[] = {dial(&w, &k.client), dial(&w, &unknown), dial(&w, &wrong_server),
                            dial(&w, NULL)};
    for (int i = 0; i < 4; i++)
        lt_dealer_send_bytes(dealers[i], "x", 1);
    RUN_UNTIL(&w, 1000, w.router_messages > 0);
    assert_int_equal(w.router_messages, 0);
    assert_true(lt_zap_counts_of(k.zap).refused >= 2);
    for (int i = 0; i < 4; i++)
        lt_dealer_close(&dealers[i]);
    stop(&w);
    drop_keys(&k);
}

static void without_the_answerer_nobody_gets_in(void **state)
{
    (void)state;
    keyring k;
    world w;
    make_keys(&k);
    lt_zap_close(&k.zap);
    start(&w, &k.coordinator, 0);
    lt_dealer *dealer = dial(&w, &k.worker);
    lt_dealer_send_bytes(dealer, "x", 1);
    RUN_UNTIL(&w, 700, w.router_messages > 0);
    assert_int_equal(w.router_messages, 0);
    lt_dealer_close(&dealer);
    stop(&w);
    drop_keys(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_and_ping_pong_never_stall),
        cmocka_unit_test(a_burst_is_parked_and_arrives),
        cmocka_unit_test(hundreds_of_peers_are_served),
        cmocka_unit_test(a_peer_that_does_not_read_is_given_up),
        cmocka_unit_test(a_peer_that_left_is_reported),
        cmocka_unit_test(more_than_one_frame_is_garbage),
        cmocka_unit_test(chosen_routing_ids_are_dropped),
        cmocka_unit_test(port_zero_gives_the_real_one),
        cmocka_unit_test(a_living_ipc_listener_is_not_robbed),
        cmocka_unit_test(the_right_key_gets_in_and_is_named),
        cmocka_unit_test(other_keys_do_not_get_in),
        cmocka_unit_test(without_the_answerer_nobody_gets_in),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!failed) /* a test that failed left its sockets open */
        lt_net_fini();
    return failed;
}
