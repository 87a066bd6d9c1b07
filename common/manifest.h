/* The two documents of a job, read back from untrusted bytes and checked. Both sides of the
 * network and the report use these; nobody else unpacks a manifest or a pack. */
#ifndef LT_COMMON_MANIFEST_H
#define LT_COMMON_MANIFEST_H

#include "common/digest.h"
#include "lefttail.pb-c.h"

/* Unpacks and checks: version, counts within limits.h, names unique and non-empty, indices in
 * range, accounts adding up, digests 32 bytes, packs grouped by set, prompts contiguous, spec
 * fields known, labels within LT_LABELS_MAX. The result is freed with lefttail__manifest__free_unpacked(m, NULL). */
lt_status lt_manifest_read(const void *bytes, size_t count, Lefttail__Manifest **out, lt_error *error);

/* The job's fingerprint: SHA-256 of the manifest packed with every Checkpoint.path empty. Its
 * first 16 hex digits are the job id (id has 17 bytes with the NUL). */
lt_digest lt_manifest_fingerprint(Lefttail__Manifest *manifest);
void lt_manifest_job_id(Lefttail__Manifest *manifest, char id[17]);

/* Unpacks and checks against its reference: item and prompt counts, variants ascending and in
 * range, samples ascending, ids non-empty. Freed with lefttail__pack__free_unpacked(p, NULL). */
lt_status lt_pack_read(const void *bytes, size_t count, const Lefttail__PackRef *ref, size_t variant_count,
                       Lefttail__Pack **out, lt_error *error);

/* True if the scorer scores that set. */
bool lt_scorer_has_set(const Lefttail__Scorer *scorer, uint32_t set);

/* Rows that the whole job will have: for every pack, items times the scorers of its set. */
uint64_t lt_manifest_rows(const Lefttail__Manifest *manifest);

#endif
