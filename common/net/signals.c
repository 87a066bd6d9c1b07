#include "common/net/signals.h"

#include <signal.h>

#include "common/status.h"

static void on_signal(uv_signal_t *handle, int number)
{
    lt_signals *signals = handle->data;
    signals->on_stop(signals->context, number, ++signals->times);
}

void lt_signals_open(lt_signals *signals, uv_loop_t *loop,
                     void (*on_stop)(void *context, int signal_number, unsigned times),
                     void *context)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    *signals = (lt_signals){.on_stop = on_stop, .context = context};
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        LT_ASSERT(uv_signal_init(loop, &signals->handles[i]) == 0);
        signals->handles[i].data = signals;
        LT_ASSERT(uv_signal_start(&signals->handles[i], on_signal, numbers[i]) == 0);
        uv_unref((uv_handle_t *)&signals->handles[i]);
    }
}

void lt_signals_close(lt_signals *signals)
{
    for (int i = 0; i < 2; i++)
        if (signals->handles[i].data && !uv_is_closing((uv_handle_t *)&signals->handles[i]))
            uv_close((uv_handle_t *)&signals->handles[i], NULL);
}
