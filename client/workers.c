/* lefttail workers */
#include "client/command.h"
#include "client/job_view.h"
#include "client/options.h"
#include "common/clock.h"
#include "common/wire.h"

static json_t *worker_json(const Lefttail__WorkerStatus *worker)
{
    static const Lefttail__WorkerFacts none = LEFTTAIL__WORKER_FACTS__INIT;
    const Lefttail__WorkerFacts *facts = worker->facts ? worker->facts : &none;
    char joined[32], seen[32];
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:I, s:f, s:i, s:i, s:I, s:s, s:s, s:s, s:s}", "name",
                  worker->name, "state", worker->state, "leases", (int)worker->leases, "rows_done",
                  (json_int_t)worker->rows_done, "rows_per_second", worker->rows_per_second,
                  "failures", (int)worker->failures, "cores", (int)facts->cores, "memory_bytes",
                  (json_int_t)facts->memory_bytes, "instruction_set", facts->instruction_set, "cpu",
                  facts->cpu, "joined", lt_wall_text(worker->joined_wall_ms, joined), "seen",
                  lt_wall_text(worker->seen_wall_ms, seen));
    LT_ASSERT(json != NULL);
    return json;
}

static lt_status print_workers(const Lefttail__WorkersReply *workers, bool json, lt_error *error)
{
    if (json) {
        json_t *list = json_array();
        for (size_t i = 0; i < workers->n_workers; i++)
            json_array_append_new(list, worker_json(workers->workers[i]));
        return lt_json_print(json_pack("{s:o}", "workers", list), error);
    }
    if (workers->n_workers == 0)
        puts("no workers");
    else
        printf("%-32s  %-8s  %6s  %10s  %8s  %5s  %s\n", "WORKER", "STATE", "LEASES", "ROWS",
               "ROWS/S", "CORES", "KERNELS");
    for (size_t i = 0; i < workers->n_workers; i++) {
        const Lefttail__WorkerStatus *worker = workers->workers[i];
        printf("%-32s  %-8s  %6u  %10llu  %8.1f  %5u  %s\n", worker->name, worker->state,
               worker->leases, (unsigned long long)worker->rows_done, worker->rows_per_second,
               worker->facts ? worker->facts->cores : 0,
               worker->facts ? worker->facts->instruction_set : "");
    }
    return LT_OK;
}

static lt_status list_workers(const lt_client_options *options, lt_error *error)
{
    lt_remote *remote;
    Lefttail__Message *reply = NULL;
    LT_TRY(lt_client_open(options, &remote, error));
    lt_status status = lt_remote_workers(remote, &reply, error);
    lt_remote_close(&remote);
    if (status == LT_OK)
        status = print_workers(reply->workers_reply, options->json, error);
    lt_wire_free(&reply);
    return status;
}

int lt_command_workers(int argc, char **argv)
{
    lt_client_options options = {0};
    int code = lt_client_options_read(
        &options, "workers", "Lists the workers of a coordinator and what they do.", NULL, 0,
        "lefttail workers --coordinator tcp://10.0.0.1:7302", NULL, 0, argc, argv);
    lt_error error = {0};
    if (code < 0)
        code = list_workers(&options, &error) == LT_OK ? 0 : lt_command_fail("workers", &error);
    lt_client_options_fini(&options);
    return code;
}
