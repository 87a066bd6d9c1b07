/* What the job*.c files share: the source of a job, and the steps of reading it. Only theirs. */
#ifndef LT_COMMON_INPUT_JOB_FILE_H
#define LT_COMMON_INPUT_JOB_FILE_H

#include "common/input/job.h"

struct lt_job_file {
    char *path, *dir;
    lt_arena arena; /* tree, filters, per-variant files */
    const lt_yaml_node *root;
};

/* Loads the text by the schema. `x_axis` (may be NULL) is a key that variants may have besides
 * their own; so are `numbers`, names ending in NULL. */
lt_status lt_job_load(const char *path, const char *text, size_t len, const lt_yaml_node *root,
                      const char *const *numbers, lt_job **out, lt_error *error);
void lt_job_unload(lt_job *job); /* what lt_job_load has allocated */

/* Everything that one field says about another. Resolves defaults that depend on others. */
lt_status lt_job_check(lt_job *job, lt_error *error);

#endif
