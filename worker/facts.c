#include "worker/facts.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"
#include "common/version.h"
#include "worker/engine/kernels/kernels.h"

static void read_cpu(char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        snprintf(out, out_bytes, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (file)
        fclose(file);
    if (!lt_utf8_valid(out, strlen(out)))
        snprintf(out, out_bytes, "unknown");
}

static uint32_t cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

lt_status lt_facts_read(lt_facts *facts, int threads, lt_error *error)
{
    const lt_kernels *kernels;
    lefttail__worker_facts__init(&facts->message);
    LT_TRY(lt_kernels_best(&kernels, error));
    const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    read_cpu(facts->cpu, sizeof facts->cpu);
    facts->message.cores = threads > 0 ? (uint32_t)threads : cores();
    facts->message.memory_bytes =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
    facts->message.instruction_set = (char *)kernels->name;
    facts->message.cpu = facts->cpu;
    facts->message.numerics_version = LT_NUMERICS_VERSION;
    return LT_OK;
}
