/* A row: the outcome of one (scorer, item). What makes two rows the same, and what a failure is
 * called. The wire's Row is the form that travels and is stored. */
#ifndef LT_COMMON_ROW_H
#define LT_COMMON_ROW_H

#include "common/digest.h"
#include "lefttail.pb-c.h"

/* CRC32C over item, state, logits, tokens, tokens_cut, flags and reason, each number as 32 bits
 * little endian, the logits with their count in front. Made where the row is made, checked
 * wherever it arrives and when it is read back. */
uint32_t lt_row_crc(const Lefttail__Row *row);

/* Checks what the wire cannot: state known, logits a multiple of 4 bytes and label_count of them
 * when scored (all finite) and none when failed, a reason exactly when failed, crc right, detail
 * within its limit and valid UTF-8 without NUL. LT_PROTOCOL names the field. */
lt_status lt_row_check(const Lefttail__Row *row, uint32_t label_count, lt_error *error);

/* "no_tokens", "engine_died", ...: the words of rows.jsonl and report.json; "unknown" for others. */
const char *lt_failure_word(Lefttail__FailureReason reason);
const char *lt_failure_sentence(Lefttail__FailureReason reason); /* for people */

/* True for reasons that are a property of the text: a retry elsewhere gives the same. */
bool lt_failure_is_final(Lefttail__FailureReason reason);

/* The numerics class of a spec: SHA-256 of its packed bytes. Rows are stored under it. */
lt_digest lt_spec_class(const Lefttail__ScorerSpec *spec);

#endif
