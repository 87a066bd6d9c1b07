/* AVX2 with FMA and F16C: everything but the tiles. */
#include "worker/engine/kernels/family.h"
#include "worker/engine/kernels/tile.h"
#include "worker/engine/kernels/v16_avx2.h"

#include "worker/engine/kernels/math.inc.h"
#include "worker/engine/kernels/rows.inc.h"
#include "worker/engine/kernels/tile.inc.h"

#define FAMILY avx2
#define TILE_F32 lt_tile_f32_avx2
#define TILE_BF16 lt_tile_bf16_avx2
#define TILE_ROWS_MAX LT_TILE_ROWS_AVX2
#include "worker/engine/kernels/family.inc.h"
