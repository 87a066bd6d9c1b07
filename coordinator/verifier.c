#include "coordinator/verifier.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/table.h"

enum { TASKS_MAX = 65536 };

struct waiter {
    lt_verifier_done_fn *done;
    void *context;
    struct waiter *next;
};

struct task {
    uv_work_t work;
    lt_verifier *verifier;
    lt_digest digest;
    char *path; /* NULL: the part */
    uint64_t bytes;
    lt_status status;
    lt_error *error;        /* only after a failure */
    struct waiter *waiters; /* newest first */
};

struct lt_verifier {
    uv_loop_t *loop;
    lt_blobs *blobs;
    lt_table tasks; /* by the digest's first bytes */
    bool closed;
};

static uint64_t key_of(const lt_digest *digest)
{
    uint64_t key;
    memcpy(&key, digest->bytes, sizeof key);
    return key | 1;
}

static struct task *find(const lt_verifier *verifier, const lt_digest *digest)
{
    return lt_table_find(&verifier->tasks, key_of(digest));
}

lt_verifier *lt_verifier_new(uv_loop_t *loop, lt_blobs *blobs)
{
    lt_verifier *verifier = lt_alloc(sizeof *verifier);
    verifier->loop = loop;
    verifier->blobs = blobs;
    return verifier;
}

static void verifier_free(lt_verifier *verifier)
{
    lt_table_fini(&verifier->tasks);
    free(verifier);
}

/* On a thread of the pool. */
static void verify(uv_work_t *work)
{
    struct task *task = work->data;
    lt_error error = {0};
    task->status = task->path ? lt_blobs_verify_path(task->verifier->blobs, &task->digest,
                                                     task->path, task->bytes, &error)
                              : lt_blobs_verify_part(task->verifier->blobs, &task->digest, &error);
    if (task->status != LT_OK) {
        task->error = lt_alloc(sizeof error);
        *task->error = error;
    }
}

static void task_free(struct task *task)
{
    for (struct waiter *waiter = task->waiters, *next; waiter; waiter = next) {
        next = waiter->next;
        free(waiter);
    }
    free(task->error);
    free(task->path);
    free(task);
}

static void finished(uv_work_t *work, int cancelled)
{
    (void)cancelled;
    struct task *task = work->data;
    lt_verifier *verifier = task->verifier;
    lt_table_remove(&verifier->tasks, key_of(&task->digest));
    for (struct waiter *waiter = task->waiters; waiter && !verifier->closed; waiter = waiter->next)
        waiter->done(waiter->context, &task->digest, task->status, task->error);
    task_free(task);
    if (verifier->closed && verifier->tasks.count == 0)
        verifier_free(verifier);
}

bool lt_verifier_busy(const lt_verifier *verifier, const lt_digest *digest)
{
    return find(verifier, digest) != NULL;
}

static struct task *start(lt_verifier *verifier, const lt_digest *digest, const char *path,
                          uint64_t bytes)
{
    struct task *task = lt_alloc(sizeof *task);
    task->work.data = task;
    task->verifier = verifier;
    task->digest = *digest;
    task->path = path ? lt_strdup(path) : NULL;
    task->bytes = bytes;
    lt_table_put(&verifier->tasks, key_of(digest), task);
    uv_queue_work(verifier->loop, &task->work, verify, finished);
    return task;
}

lt_status lt_verifier_add(lt_verifier *verifier, const lt_digest *digest, const char *path,
                          uint64_t bytes, lt_verifier_done_fn *done, void *context, lt_error *error)
{
    struct task *task = find(verifier, digest);
    if (verifier->tasks.count >= TASKS_MAX || (task && !lt_digest_equal(&task->digest, digest)))
        return lt_remedy(error, lt_fail(error, LT_LIMIT, NULL, "too many files are being verified"),
                         "try again");
    if (!task)
        task = start(verifier, digest, path, bytes);
    struct waiter *waiter = lt_alloc(sizeof *waiter);
    *waiter = (struct waiter){done, context, task->waiters};
    task->waiters = waiter;
    return LT_OK;
}

void lt_verifier_close(lt_verifier **verifier_at)
{
    lt_verifier *verifier = *verifier_at;
    if (!verifier)
        return;
    verifier->closed = true;
    size_t at = 0;
    uint64_t key;
    for (void *task; lt_table_next(&verifier->tasks, &at, &key, &task);)
        uv_cancel((uv_req_t *)&((struct task *)task)->work); /* those that have not begun */
    if (verifier->tasks.count == 0)
        verifier_free(verifier);
    *verifier_at = NULL;
}
