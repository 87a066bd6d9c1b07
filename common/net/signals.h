/* SIGTERM and SIGINT in a libuv loop. The handles do not keep the loop alive. SIGPIPE is ignored.
 */
#ifndef LT_COMMON_NET_SIGNALS_H
#define LT_COMMON_NET_SIGNALS_H

#include <uv.h>

typedef struct lt_signals {
    uv_signal_t handles[2];
    void (*on_stop)(void *context, int signal_number,
                    unsigned times); /* times: 1 for the first of either */
    void *context;
    unsigned times;
} lt_signals;

void lt_signals_open(lt_signals *signals, uv_loop_t *loop,
                     void (*on_stop)(void *context, int signal_number, unsigned times),
                     void *context);
void lt_signals_close(
    lt_signals *signals); /* memory stays in use until the loop has run once more */

#endif
