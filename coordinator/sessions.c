/* Sessions begin with Hello and end with Bye, silence, or garbage; both endpoints.
 *
 * A message of a peer without a session is answered by Refuse UNKNOWN_PEER, so that a peer of an
 * earlier life of this coordinator says Hello again. A worker that says Hello on a new connection
 * keeps its number: its old connection's session, if there still is one, is dropped without a word.
 */
#include "coordinator/shell.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/utf8.h"
#include "common/version.h"
#include "common/wire.h"

static lt_peers *peers_of(lt_shell *shell, const lt_router *router)
{
    return router == shell->worker_router ? &shell->worker_peers : &shell->client_peers;
}

/* ---- refusing ------------------------------------------------------------------------------ */

void lt_shell_refuse(lt_router *router, lt_peer peer, Lefttail__RefuseReason reason,
                     const char *text)
{
    Lefttail__Refuse refuse;
    lefttail__refuse__init(&refuse);
    refuse.reason = reason;
    refuse.text = (char *)text;
    refuse.protocol_min = LT_PROTOCOL_MIN;
    refuse.protocol_max = LT_PROTOCOL_MAX;
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_REFUSE;
    message.refuse = &refuse;
    lt_router_send(router, peer, &message); /* a peer that is gone needs no refusal */
}

void lt_shell_forget(lt_shell *shell, lt_router *router, lt_session *session, lt_left left)
{
    lt_worker_record *worker = session->worker;
    const bool is_its_session = worker && worker->peer == session->peer;
    if (!worker)
        lt_watch_drop_peer(shell, session->peer);
    lt_peers_close(peers_of(shell, router), session);
    if (!is_its_session)
        return;
    lt_log_info("worker_left", "worker", "%s", worker->name, NULL);
    lt_watch_tell_all(shell, "worker_left", "%s", worker->name);
    if (left != LT_LEFT_KNOWN)
        lt_shell_step(shell,
                      &(lt_event){.kind = LT_EVENT_WORKER_LEFT,
                                  .worker = worker->number,
                                  .left = {left == LT_LEFT_BYE}},
                      NULL);
}

void lt_shell_spoiled(lt_shell *shell, lt_router *router, lt_peer peer, const char *key,
                      const char *why)
{
    shell->counts.garbage++;
    lt_log_warn("peer_refused", "endpoint", "%s", lt_router_endpoint(router), "peer", "%lu",
                (uint64_t)peer, "key", "%s", key, "why", "%s", why, NULL);
    lt_peers_strike(peers_of(shell, router), key, lt_now_ms());
    lt_shell_refuse(router, peer, LEFTTAIL__REFUSE_REASON__REFUSE_BAD_MESSAGE, why);
    lt_session *session = lt_peers_find(peers_of(shell, router), peer);
    if (session)
        lt_shell_forget(shell, router, session, LT_LEFT_GONE);
    lt_router_ban(router, peer);
}

/* ---- Hello ----------------------------------------------------------------------------------- */

static void copy_word(char *out, size_t out_bytes, const char *text)
{
    size_t len = strlen(text);
    len = len < out_bytes - 1 ? len : out_bytes - 1;
    while (len > 0 && !lt_utf8_valid(text, len))
        len--;
    memcpy(out, text, len);
    out[len] = '\0';
}

static void send_welcome(lt_shell *shell, lt_router *router, lt_peer peer,
                         const Lefttail__Hello *hello)
{
    Lefttail__Welcome welcome;
    lefttail__welcome__init(&welcome);
    welcome.protocol =
        hello->protocol_max < LT_PROTOCOL_MAX ? hello->protocol_max : LT_PROTOCOL_MAX;
    welcome.epoch = lt_store_epoch(shell->store);
    welcome.heartbeat_ms = (uint32_t)shell->settings->heartbeat_ms;
    welcome.lease_ms = (uint32_t)shell->settings->lease_ms;
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_WELCOME;
    message.welcome = &welcome;
    lt_router_send(router, peer, &message);
}

/* Why this Hello is refused; false: it is not. */
static bool hello_refused(lt_shell *shell, const lt_router *router, const Lefttail__Hello *hello,
                          const char *key, Lefttail__RefuseReason *reason, char text[160])
{
    const bool workers = router == shell->worker_router;
    const Lefttail__Role role = workers ? LEFTTAIL__ROLE__ROLE_WORKER : LEFTTAIL__ROLE__ROLE_CLIENT;
    text[0] = '\0';
    if (hello->protocol_min > hello->protocol_max || hello->protocol_max < LT_PROTOCOL_MIN ||
        hello->protocol_min > LT_PROTOCOL_MAX) {
        *reason = LEFTTAIL__REFUSE_REASON__REFUSE_PROTOCOL_VERSION;
        snprintf(text, 160, "this coordinator speaks protocol versions %d to %d, the peer %u to %u",
                 LT_PROTOCOL_MIN, LT_PROTOCOL_MAX, hello->protocol_min, hello->protocol_max);
    } else if (hello->role != role) {
        *reason = LEFTTAIL__REFUSE_REASON__REFUSE_ROLE;
        snprintf(text, 160, "this endpoint is for %s", workers ? "workers" : "clients");
    } else if (workers && hello->worker && hello->worker->numerics_version != LT_NUMERICS_VERSION) {
        *reason = LEFTTAIL__REFUSE_REASON__REFUSE_NUMERICS_VERSION;
        snprintf(text, 160,
                 "this worker's scores have numerics version %u, the coordinator's jobs need %d",
                 hello->worker->numerics_version, LT_NUMERICS_VERSION);
    } else if (shell->stopping) {
        *reason = LEFTTAIL__REFUSE_REASON__REFUSE_SHUTTING_DOWN;
        snprintf(text, 160, "the coordinator is stopping");
    } else if (lt_peers_is_struck(workers ? &shell->worker_peers : &shell->client_peers, key,
                                  lt_now_ms())) {
        *reason = LEFTTAIL__REFUSE_REASON__REFUSE_BAD_MESSAGE;
        snprintf(text, 160, "this key sent too many bad messages; wait a minute");
    }
    return text[0] != '\0';
}

static void fill_worker(lt_worker_record *worker, const Lefttail__Hello *hello)
{
    copy_word(worker->name, sizeof worker->name, hello->name);
    worker->cores = hello->worker->cores;
    worker->memory_bytes = hello->worker->memory_bytes;
    worker->numerics_version = hello->worker->numerics_version;
    copy_word(worker->instruction_set, sizeof worker->instruction_set,
              hello->worker->instruction_set);
    copy_word(worker->cpu, sizeof worker->cpu, hello->worker->cpu);
    worker->seen_wall_ms = lt_wall_ms();
}

/* The worker's record, tied to this session. NULL: another key's worker has this instance. */
static lt_worker_record *join_worker(lt_shell *shell, lt_session *session,
                                     const Lefttail__Hello *hello)
{
    lt_worker_record *worker =
        lt_peers_worker(&shell->worker_peers, hello->instance.data, session->key);
    if (!worker)
        return NULL;
    if (worker->peer != 0 && worker->peer != session->peer) {
        lt_session *old = lt_peers_find(&shell->worker_peers, worker->peer);
        worker->peer = session->peer;
        if (old)
            lt_peers_close(&shell->worker_peers, old);
    }
    if (session->worker && session->worker != worker)
        session->worker->peer = 0; /* one connection is one worker: the last it named */
    const bool is_new = worker->peer == 0;
    worker->peer = session->peer;
    session->worker = worker;
    fill_worker(worker, hello);
    if (is_new) {
        lt_log_info("worker_joined", "worker", "%s", worker->name, "cores", "%u", worker->cores,
                    "instruction_set", "%s", worker->instruction_set, "cpu", "%s", worker->cpu,
                    "build", "%.*s", 32, hello->build, NULL);
        lt_watch_tell_all(shell, "worker_joined", "%s (%u cores, %s)", worker->name, worker->cores,
                          worker->instruction_set);
    }
    return worker;
}

static void on_hello(lt_shell *shell, lt_router *router, lt_peer peer, const char *key,
                     const Lefttail__Hello *hello)
{
    const bool workers = router == shell->worker_router;
    Lefttail__RefuseReason reason = LEFTTAIL__REFUSE_REASON__REFUSE_UNSPECIFIED;
    char text[160];
    if (hello->instance.len != LT_INSTANCE_BYTES || strlen(hello->name) > LT_NAME_BYTES_MAX ||
        (workers && hello->role == LEFTTAIL__ROLE__ROLE_WORKER && !hello->worker)) {
        lt_shell_spoiled(shell, router, peer, key, "Hello is incomplete");
        return;
    }
    if (hello_refused(shell, router, hello, key, &reason, text)) {
        lt_log_warn("hello_refused", "name", "%s", hello->name, "why", "%s", text, NULL);
        lt_shell_refuse(router, peer, reason, text);
        return;
    }
    lt_session *session = lt_peers_find(peers_of(shell, router), peer);
    if (!session) {
        char name[LT_PEER_NAME_BYTES];
        copy_word(name, sizeof name, hello->name);
        session = lt_peers_open(peers_of(shell, router), peer, key, name);
    }
    if (!session) {
        lt_shell_refuse(router, peer, LEFTTAIL__REFUSE_REASON__REFUSE_SHUTTING_DOWN,
                        "too many peers are connected");
        return;
    }
    if (!workers) {
        send_welcome(shell, router, peer, hello);
        return;
    }
    const lt_worker_record *worker = join_worker(shell, session, hello);
    if (!worker) {
        lt_shell_spoiled(shell, router, peer, key, "another worker has this instance");
        return;
    }
    send_welcome(shell, router, peer, hello);
    lt_shell_step(shell, &(lt_event){.kind = LT_EVENT_WORKER_JOINED, .worker = worker->number},
                  NULL);
}

/* ---- what the routers report ---- */

static void on_message(lt_shell *shell, lt_router *router, lt_peer peer, const char *key,
                       const void *bytes, size_t count)
{
    Lefttail__Message *message = NULL;
    lt_error error;
    if (lt_wire_unpack(bytes, count, &message, &error) != LT_OK) {
        char text[LT_ERROR_TEXT_BYTES];
        lt_shell_spoiled(shell, router, peer, key, lt_error_text(&error, text, sizeof text));
        return;
    }
    lt_session *session = lt_peers_find(peers_of(shell, router), peer);
    if (message->body_case == LEFTTAIL__MESSAGE__BODY_HELLO) {
        on_hello(shell, router, peer, key, message->hello);
    } else if (!session) {
        shell->counts.strangers++;
        if (message->body_case != LEFTTAIL__MESSAGE__BODY_BYE)
            lt_shell_refuse(router, peer, LEFTTAIL__REFUSE_REASON__REFUSE_UNKNOWN_PEER,
                            "say Hello first");
    } else if (message->body_case == LEFTTAIL__MESSAGE__BODY_BYE) {
        lt_shell_forget(shell, router, session, LT_LEFT_BYE);
    } else if (router == shell->worker_router) {
        lt_shell_on_worker(shell, session, &message);
    } else {
        lt_shell_on_client(shell, session, message);
    }
    lt_wire_free(&message);
}

static void on_gone(lt_shell *shell, lt_router *router, lt_peer peer)
{
    lt_session *session = lt_peers_find(peers_of(shell, router), peer);
    if (session)
        lt_shell_forget(shell, router, session, LT_LEFT_GONE);
}

static void on_worker_message(void *context, lt_peer peer, const char *key, const void *bytes,
                              size_t count)
{
    lt_shell *shell = context;
    on_message(shell, shell->worker_router, peer, key, bytes, count);
}

static void on_client_message(void *context, lt_peer peer, const char *key, const void *bytes,
                              size_t count)
{
    lt_shell *shell = context;
    on_message(shell, shell->client_router, peer, key, bytes, count);
}

static void on_worker_garbage(void *context, lt_peer peer, const char *key, const char *why)
{
    lt_shell *shell = context;
    lt_shell_spoiled(shell, shell->worker_router, peer, key, why);
}

static void on_client_garbage(void *context, lt_peer peer, const char *key, const char *why)
{
    lt_shell *shell = context;
    lt_shell_spoiled(shell, shell->client_router, peer, key, why);
}

static void on_worker_gone(void *context, lt_peer peer)
{
    lt_shell *shell = context;
    on_gone(shell, shell->worker_router, peer);
}

static void on_client_gone(void *context, lt_peer peer)
{
    lt_shell *shell = context;
    on_gone(shell, shell->client_router, peer);
}

const lt_router_events lt_shell_worker_events = {NULL, on_worker_message, on_worker_garbage,
                                                 on_worker_gone};
const lt_router_events lt_shell_client_events = {NULL, on_client_message, on_client_garbage,
                                                 on_client_gone};

/* ---- Bye ---- */

void lt_shell_goodbye(lt_shell *shell, const char *reason)
{
    Lefttail__Bye bye;
    lefttail__bye__init(&bye);
    bye.reason = (char *)reason;
    Lefttail__Message message;
    lefttail__message__init(&message);
    message.body_case = LEFTTAIL__MESSAGE__BODY_BYE;
    message.bye = &bye;
    lt_router *routers[] = {shell->worker_router, shell->client_router};
    for (int i = 0; i < 2; i++) {
        size_t at = 0;
        uint64_t peer;
        void *session;
        while (routers[i] &&
               lt_table_next(&peers_of(shell, routers[i])->sessions, &at, &peer, &session))
            lt_router_send(routers[i], peer, &message);
    }
}
