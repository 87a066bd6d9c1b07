/* The assembler reads the files as they are: no generated source, no limit on string literals. */
#include "coordinator/report/assets.h"

#define X(name, file)                                                                              \
    __asm__(".section .rodata\n"                                                                   \
            ".global lt_asset_bytes_" #name "\n"                                                   \
            ".global lt_asset_end_" #name "\n"                                                     \
            "lt_asset_bytes_" #name ":\n"                                                          \
            ".incbin \"" LT_ASSET_DIR "/" file "\"\n"                                              \
            "lt_asset_end_" #name ":\n"                                                            \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char lt_asset_bytes_##name[], lt_asset_end_##name[];                              \
    lt_asset lt_asset_##name(void)                                                                 \
    {                                                                                              \
        return (lt_asset){lt_asset_bytes_##name,                                                   \
                          (size_t)(lt_asset_end_##name - lt_asset_bytes_##name)};                  \
    }
LT_ASSET_LIST(X)
#undef X
