/* AVX512_BF16: avx512 with other bf16 tiles. */
#include "worker/engine/kernels/family.h"
#include "worker/engine/kernels/tile.h"
#include "worker/engine/kernels/v16_avx512.h"

#include "worker/engine/kernels/math.inc.h"
#include "worker/engine/kernels/rows.inc.h"
#include "worker/engine/kernels/tile.inc.h"

#define FAMILY avx512_bf16
#define TILE_F32 lt_tile_f32_avx512
#define TILE_BF16 lt_tile_bf16_avx512_bf16
#define OPERAND_BF16 lt_operand_bf16_avx512_bf16
#define TILE_ROWS_MAX LT_TILE_ROWS_AVX512
#include "worker/engine/kernels/family.inc.h"
