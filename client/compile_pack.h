/* Cuts a joined prompt set into packs. */
#ifndef LT_CLIENT_COMPILE_PACK_H
#define LT_CLIENT_COMPILE_PACK_H

#include "client/compile.h"
#include "common/buf.h"

typedef struct lt_pack_writer {
    lt_compile_pack *each; /* may be NULL */
    void *context;
    Lefttail__Manifest *manifest; /* gets the references */
    uint32_t items_target;
    size_t packs_cap;
    lt_buf bytes;   /* the pack, packed; reused */
    lt_arena arena; /* the messages that point into the set; reused */
} lt_pack_writer;

lt_status lt_pack_writer_set(lt_pack_writer *writer, uint32_t set, const lt_joined *joined,
                             lt_error *error);
void lt_pack_writer_fini(lt_pack_writer *writer);

#endif
