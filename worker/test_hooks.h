/* Faults on demand, for tests only: environment variables that make an engine process fail at a
 * text. They do nothing when they are not set.
 *
 *   LEFTTAIL_TEST_ENGINE_CRASH=TEXT  abort when a response contains TEXT
 *   LEFTTAIL_TEST_ENGINE_HANG=TEXT   never return from such a response
 *   LEFTTAIL_TEST_SLOW_MS=N          sleep so long after every text */
#ifndef LT_WORKER_TEST_HOOKS_H
#define LT_WORKER_TEST_HOOKS_H

#include "worker/engine/scorer.h"

/* Called when an item was scored and before its row is sent. Scoring threads, one at a time. */
void lt_test_hooks_on_item(const lt_item *item);

#endif
