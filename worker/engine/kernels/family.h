/* The tables that the family files define. Only kernels.c chooses among them; a CPU without the
 * instructions must not call into one. */
#ifndef LT_WORKER_ENGINE_KERNELS_FAMILY_H
#define LT_WORKER_ENGINE_KERNELS_FAMILY_H

#include "worker/engine/kernels/kernels.h"

#define X(name) extern const lt_kernels lt_kernels_##name;
LT_KERNEL_FAMILY_LIST(X)
#undef X

#endif
