#include "common/net/dialler.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/version.h"
#include "common/wire.h"

#define HELLO_MS 3000
#define AGAIN_MS_MIN 50
#define AGAIN_MS_FIRST 1000 /* the jitter's width, doubled for each try in a row */
#define AGAIN_MS_MAX 10000
#define INSTANCE_BYTES 16

enum state { RESTING, SAID_HELLO, WELCOME, REFUSED, CLOSED };

struct lt_dialler {
    lt_dealer *dealer;
    lt_dialler_events events;
    uv_timer_t timer; /* what is due next in this state */
    enum state state;
    char *endpoint, *name, *instruction_set, *cpu;
    Lefttail__WorkerFacts facts;
    bool has_facts;
    Lefttail__Role role;
    uint8_t instance[INSTANCE_BYTES];
    uint32_t hello_ms, silence_ms;
    uint64_t heard_ms, epoch, random;
    unsigned tries; /* Hellos in a row without Welcome */
};

static void on_timer(uv_timer_t *timer);

static uint64_t next_random(lt_dialler *dialler) /* splitmix64 */
{
    uint64_t z = dialler->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void arm(lt_dialler *dialler, uint64_t ms)
{
    uv_timer_start(&dialler->timer, on_timer, ms, 0);
}

static void say_hello(lt_dialler *dialler)
{
    Lefttail__Hello hello = LEFTTAIL__HELLO__INIT;
    hello.protocol_min = LT_PROTOCOL_MIN;
    hello.protocol_max = LT_PROTOCOL_MAX;
    hello.role = dialler->role;
    hello.name = dialler->name;
    hello.build = LT_VERSION;
    hello.instance = (ProtobufCBinaryData){INSTANCE_BYTES, dialler->instance};
    hello.worker = dialler->has_facts ? &dialler->facts : NULL;
    Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
    message.body_case = LEFTTAIL__MESSAGE__BODY_HELLO;
    message.hello = &hello;
    lt_dealer_drop_parked(dialler->dealer); /* it was for the session before */
    lt_dealer_send(dialler->dealer, &message);
    dialler->state = SAID_HELLO;
    dialler->tries++;
    arm(dialler, dialler->hello_ms);
}

/* Rests for a random time before the next Hello: a coordinator that comes back meets its workers
 * one after another. */
static void rest(lt_dialler *dialler)
{
    uint64_t width_ms = (uint64_t)AGAIN_MS_FIRST << (dialler->tries < 4 ? dialler->tries : 4);
    if (width_ms > AGAIN_MS_MAX)
        width_ms = AGAIN_MS_MAX;
    dialler->state = RESTING;
    arm(dialler, AGAIN_MS_MIN + next_random(dialler) % width_ms);
}

void lt_dialler_again(lt_dialler *dialler, const char *why)
{
    if (dialler->state != WELCOME)
        return;
    dialler->tries = 0;
    rest(dialler);
    dialler->events.on_lost(dialler->events.context, why);
}

/* A refused key shows as nothing at all, so a worker says what to look at, now and then; a client
 * has a person before it, and a timeout of its own. */
static void complain(const lt_dialler *dialler)
{
    const bool now = dialler->tries == 2 || dialler->tries % 20 == 0;
    if (dialler->role == LEFTTAIL__ROLE__ROLE_WORKER && now)
        lt_log_warn("no_welcome", "endpoint", "%s", dialler->endpoint, "hellos", "%u",
                    dialler->tries, "check", "%s",
                    "that the coordinator runs there and that both sides' keys fit", NULL);
}

static void on_timer(uv_timer_t *timer)
{
    lt_dialler *dialler = timer->data;
    if (dialler->state == RESTING) {
        say_hello(dialler);
    } else if (dialler->state == SAID_HELLO) {
        complain(dialler);
        rest(dialler);
    } else if (dialler->state == WELCOME && dialler->silence_ms) {
        const uint64_t quiet_ms = lt_now_ms() - dialler->heard_ms;
        if (quiet_ms >= dialler->silence_ms)
            lt_dialler_again(dialler, "the coordinator has been silent for too long");
        else
            arm(dialler, dialler->silence_ms - quiet_ms);
    }
}

/* ---- what comes in ---- */

static void take_welcome(lt_dialler *dialler, const Lefttail__Welcome *welcome)
{
    if (dialler->state == WELCOME && dialler->epoch == welcome->epoch)
        return; /* the answer to a Hello that was repeated */
    if (dialler->state == REFUSED)
        return;
    dialler->state = WELCOME;
    dialler->epoch = welcome->epoch;
    dialler->tries = 0;
    uv_timer_stop(&dialler->timer);
    if (dialler->silence_ms)
        arm(dialler, dialler->silence_ms);
    dialler->events.on_welcome(dialler->events.context, welcome);
}

static void take_final_refusal(lt_dialler *dialler, const Lefttail__Refuse *refuse)
{
    lt_error error = {0};
    const char *text = *refuse->text ? refuse->text : "no reason was given";
    lt_fail(&error, LT_DENIED, dialler->endpoint, "the coordinator refuses this peer: %s", text);
    if (refuse->reason == LEFTTAIL__REFUSE_REASON__REFUSE_PROTOCOL_VERSION) {
        error.status = LT_UNSUPPORTED;
        lt_expected(&error, LT_UNSUPPORTED, "protocol %u to %u, where this program speaks %d to %d",
                    refuse->protocol_min, refuse->protocol_max, LT_PROTOCOL_MIN, LT_PROTOCOL_MAX);
        lt_remedy(&error, LT_UNSUPPORTED, "use the same release on both sides");
    }
    dialler->state = REFUSED;
    uv_timer_stop(&dialler->timer);
    dialler->events.on_refused(dialler->events.context, &error);
}

static void take_refuse(lt_dialler *dialler, const Lefttail__Refuse *refuse)
{
    const bool unknown = refuse->reason == LEFTTAIL__REFUSE_REASON__REFUSE_UNKNOWN_PEER;
    if (dialler->state == REFUSED || dialler->state == RESTING)
        return;
    if (unknown && dialler->state == SAID_HELLO)
        return; /* about something sent before that Hello */
    if (unknown) {
        lt_dialler_again(dialler, "the coordinator does not know this session");
    } else if (refuse->reason == LEFTTAIL__REFUSE_REASON__REFUSE_SHUTTING_DOWN) {
        if (dialler->state == WELCOME)
            lt_dialler_again(dialler, "the coordinator is shutting down");
        else
            rest(dialler);
    } else {
        take_final_refusal(dialler, refuse);
    }
}

static void on_dealer_message(void *context, const void *bytes, size_t count)
{
    lt_dialler *dialler = context;
    Lefttail__Message *message;
    lt_error error = {0};
    dialler->heard_ms = lt_now_ms();
    if (lt_wire_unpack(bytes, count, &message, &error) != LT_OK) {
        lt_log_failure(LT_LOG_ERROR, "bad_message", &error);
        return;
    }
    if (message->body_case == LEFTTAIL__MESSAGE__BODY_WELCOME)
        take_welcome(dialler, message->welcome);
    else if (message->body_case == LEFTTAIL__MESSAGE__BODY_REFUSE)
        take_refuse(dialler, message->refuse);
    else if (dialler->state == WELCOME && message->body_case == LEFTTAIL__MESSAGE__BODY_BYE)
        lt_dialler_again(dialler, "the coordinator said goodbye");
    else if (dialler->state == WELCOME)
        dialler->events.on_message(dialler->events.context, message);
    lt_wire_free(&message);
}

static void on_dealer_garbage(void *context, const char *why)
{
    lt_dialler *dialler = context;
    lt_log_error("bad_message", "endpoint", "%s", dialler->endpoint, "error", "%s", why, NULL);
}

/* ---- life ---- */

static void copy_facts(lt_dialler *dialler, const Lefttail__WorkerFacts *facts)
{
    lefttail__worker_facts__init(&dialler->facts);
    if (!facts)
        return;
    dialler->has_facts = true;
    dialler->facts = *facts;
    dialler->facts.instruction_set = dialler->instruction_set = lt_strdup(facts->instruction_set);
    dialler->facts.cpu = dialler->cpu = lt_strdup(facts->cpu);
}

static void free_dialler(lt_dialler *dialler)
{
    free(dialler->endpoint);
    free(dialler->name);
    free(dialler->instruction_set);
    free(dialler->cpu);
    free(dialler);
}

lt_status lt_dialler_open(lt_dialler **out, uv_loop_t *loop, const lt_dialler_options *options,
                          const lt_dialler_events *events, lt_error *error)
{
    *out = NULL;
    lt_dialler *dialler = lt_alloc(sizeof *dialler);
    const lt_dealer_options dealer_options = {.endpoint = options->endpoint, .keys = options->keys};
    const lt_dealer_events dealer_events = {dialler, on_dealer_message, on_dealer_garbage};
    const lt_status status =
        lt_dealer_open(&dialler->dealer, loop, &dealer_options, &dealer_events, error);
    if (status != LT_OK) {
        free(dialler);
        return status;
    }
    dialler->events = *events;
    dialler->endpoint = lt_strdup(options->endpoint);
    dialler->name = lt_strdup(options->name);
    dialler->role = options->role;
    dialler->hello_ms = options->hello_ms ? options->hello_ms : HELLO_MS;
    dialler->silence_ms = options->silence_ms;
    copy_facts(dialler, options->facts);
    randombytes_buf(dialler->instance, sizeof dialler->instance);
    dialler->random = options->seed;
    if (!options->seed)
        randombytes_buf(&dialler->random, sizeof dialler->random);
    uv_timer_init(loop, &dialler->timer);
    dialler->timer.data = dialler;
    say_hello(dialler);
    *out = dialler;
    return LT_OK;
}

bool lt_dialler_is_welcome(const lt_dialler *dialler)
{
    return dialler->state == WELCOME;
}

lt_status lt_dialler_send(lt_dialler *dialler, const Lefttail__Message *message)
{
    if (dialler->state != WELCOME)
        return LT_CONFLICT;
    return lt_dealer_send(dialler->dealer, message);
}

lt_status lt_dialler_send_bytes(lt_dialler *dialler, const void *bytes, size_t count)
{
    if (dialler->state != WELCOME)
        return LT_CONFLICT;
    return lt_dealer_send_bytes(dialler->dealer, bytes, count);
}

size_t lt_dialler_parked_bytes(const lt_dialler *dialler)
{
    return lt_dealer_parked_bytes(dialler->dealer);
}

static void on_closed(uv_handle_t *handle)
{
    free_dialler(handle->data);
}

void lt_dialler_close(lt_dialler **dialler, const char *bye_reason)
{
    if (!*dialler)
        return;
    if ((*dialler)->state == WELCOME) {
        Lefttail__Bye bye = LEFTTAIL__BYE__INIT;
        bye.reason = (char *)bye_reason;
        Lefttail__Message message = LEFTTAIL__MESSAGE__INIT;
        message.body_case = LEFTTAIL__MESSAGE__BODY_BYE;
        message.bye = &bye;
        lt_dealer_send((*dialler)->dealer, &message);
    } else {
        lt_dealer_drop_parked((*dialler)->dealer);
    }
    (*dialler)->state = CLOSED;
    lt_dealer_close(&(*dialler)->dealer);
    uv_close((uv_handle_t *)&(*dialler)->timer, on_closed);
    *dialler = NULL;
}
