/* The meeting points of an OpenMP region, with what the thread sanitizer must be told about them:
 * libgomp is not built for it, so it does not see that a region's threads begin after, and end
 * before, the thread that opened it, nor that they meet at barriers and locks.
 *
 *     lt_region_leave();                     the opener hands over what it wrote
 *     #pragma omp parallel
 *     {
 *         lt_region_enter(); ... lt_region_meet(); ... lt_region_leave();
 *     }
 *     lt_region_enter();                     and takes over what the threads wrote
 */
#ifndef LT_WORKER_ENGINE_REGION_H
#define LT_WORKER_ENGINE_REGION_H

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>

extern char lt_region_place; /* its address is all that counts */

static inline void lt_region_enter(void)
{
    __tsan_acquire(&lt_region_place);
}

static inline void lt_region_leave(void)
{
    __tsan_release(&lt_region_place);
}
#else
static inline void lt_region_enter(void) {}

static inline void lt_region_leave(void) {}
#endif

/* All threads of the innermost region wait for each other. */
void lt_region_meet(void);

#endif
