/* The engine process, as its worker sees it: one at a time, started again when it dies. A run is
 * given to it when it is ready; rows come back as they are made, then the run's end. Loop thread
 * only; callbacks come from the loop. */
#ifndef LT_WORKER_ENGINE_PROCESS_H
#define LT_WORKER_ENGINE_PROCESS_H

#include <uv.h>

#include "common/digest.h"
#include "worker/engine_frame.h"

typedef struct lt_engine lt_engine;

#define LT_ENGINE_END_LIST(X)                                                                      \
    X(DONE)      /* all rows were sent */                                                          \
    X(CANCELLED) /* as asked; some rows may have been sent */                                      \
    X(FAILED)    /* cannot be done: reason and detail say why; FAILURE_NONE: was loaded_only */    \
    X(DIED)      /* the process ended: detail has the signal; the item if the run was careful */
typedef enum lt_engine_end_kind {
#define X(name) LT_ENGINE_END_##name,
    LT_ENGINE_END_LIST(X)
#undef X
} lt_engine_end_kind;

typedef struct lt_engine_end {
    lt_engine_end_kind kind;
    Lefttail__FailureReason reason;
    char detail[LT_ERROR_TEXT_BYTES];
    bool item_known;
    uint32_t item; /* index in the pack */
} lt_engine_end;

typedef struct lt_engine_events {
    void *context;
    void (*on_ready)(void *context);                   /* idle: after a start, and after each end */
    void (*on_loaded)(void *context);                  /* it has just read the run's checkpoint */
    void (*on_row)(void *context, Lefttail__Row *row); /* unchecked; the callee's to free */
    void (*on_sign)(void *context);                    /* any sign of life: rows, ticks, items */
    void (*on_end)(void *context, const lt_engine_end *end); /* then on_ready, when it is */
} lt_engine_events;

/* Starts `program --engine --threads N`. LT_IO when the first start fails. */
lt_status lt_engine_open(lt_engine **out, uv_loop_t *loop, const char *program, int threads,
                         const lt_engine_events *events, lt_error *error);

bool lt_engine_is_ready(const lt_engine *engine);
void lt_engine_start_run(lt_engine *engine, const lt_engine_run *run); /* is_ready must hold */

/* True when this process has loaded the class and, as far as is known here, still has it: a run
 * with loaded_only is worth trying. */
bool lt_engine_has_loaded(const lt_engine *engine, const lt_digest *class);

/* Ends the run in work: CANCELLED comes when the engine has stopped, at the latest after two
 * seconds, when it is killed. Nothing without a run. */
void lt_engine_cancel(lt_engine *engine);

/* Kills it now, for one that makes no steps: the run ends as DIED, with `why` in its detail. */
void lt_engine_kill(lt_engine *engine, const char *why);

/* How many times it ended without being told to. */
unsigned lt_engine_deaths(const lt_engine *engine);
int lt_engine_pid(const lt_engine *engine); /* 0: not running */

/* Kills it without callbacks; run the loop afterwards. Safe on NULL; leaves NULL. */
void lt_engine_close(lt_engine **engine);

#endif
