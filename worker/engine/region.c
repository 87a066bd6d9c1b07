#include "worker/engine/region.h"

#ifdef __SANITIZE_THREAD__
char lt_region_place;
#endif

void lt_region_meet(void)
{
    lt_region_leave();
#pragma omp barrier
    lt_region_enter();
}
