/* The table of a family; included last, with FAMILY, TILE_F32, TILE_BF16 and TILE_ROWS_MAX
 * defined, and OPERAND_BF16 where the family has operands of its own. */
#define FAMILY_TABLE_(name) lt_kernels_##name
#define FAMILY_TABLE(name) FAMILY_TABLE_(name)
#define FAMILY_WORD_(name) #name
#define FAMILY_WORD(name) FAMILY_WORD_(name)

const lt_kernels FAMILY_TABLE(FAMILY) = {
    .name = FAMILY_WORD(FAMILY),
    .widen = rows_widen,
    .widen_add = rows_widen_add,
    .round_bf16 = rows_round_bf16,
    .add = rows_add,
    .activate = rows_activate,
    .gate = rows_gate,
    .layer_norm = rows_layer_norm,
    .rms_norm = rows_rms_norm,
    .rotate = rows_rotate,
    .sum_rows = rows_sum_rows,
    .scale = rows_scale,
    .tile_f32 = TILE_F32,
    .tile_bf16 = TILE_BF16,
#ifdef OPERAND_BF16
    .operand_bf16 = OPERAND_BF16,
#endif
    .tile_rows_max = TILE_ROWS_MAX,
    .finish = tile_finish,
    .softmax = rows_softmax,
    .normalise = rows_normalise,
    .pack_rows_f32 = pack_rows_f32,
    .pack_rows_bf16 = pack_rows_bf16,
    .pack_columns_f32 = pack_columns_f32,
    .pack_columns_bf16 = pack_columns_bf16,
};
