/* RUN's body: careful and loaded_only as two bits (1), then path with its NUL, lease, pack, each
 * behind its length (4). */
#include "worker/engine_frame.h"

#include <string.h>

#include "common/limits.h"
#include "common/wire.h"

#define HEAD_BYTES 5

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void lt_engine_frame_put(lt_buf *out, lt_engine_frame kind, const void *body, size_t count)
{
    LT_ASSERT(count <= LT_ENGINE_FRAME_BYTES_MAX);
    uint8_t head[HEAD_BYTES];
    put_u32(head, (uint32_t)count);
    head[4] = (uint8_t)kind;
    lt_buf_add(out, head, sizeof head);
    if (count)
        lt_buf_add(out, body, count);
}

static void put_part(lt_buf *out, const void *bytes, size_t count)
{
    uint8_t length[4];
    put_u32(length, (uint32_t)count);
    lt_buf_add(out, length, sizeof length);
    if (count)
        lt_buf_add(out, bytes, count);
}

void lt_engine_frame_put_run(lt_buf *out, const lt_engine_run *run)
{
    lt_buf body = {0}, lease = {0};
    lt_wire_pack(&run->lease->base, &lease);
    lt_buf_putc(&body, (char)((run->careful ? 1 : 0) | (run->loaded_only ? 2 : 0)));
    put_part(&body, run->checkpoint_dir, strlen(run->checkpoint_dir) + 1);
    put_part(&body, lease.data, lease.len);
    put_part(&body, run->pack, run->pack_bytes);
    lt_engine_frame_put(out, LT_ENGINE_RUN, body.data, body.len);
    lt_buf_fini(&body);
    lt_buf_fini(&lease);
}

lt_status lt_engine_frame_take(const void *bytes, size_t count, lt_engine_frame *kind,
                               const uint8_t **body, size_t *body_bytes, size_t *whole,
                               lt_error *error)
{
    const uint8_t *head = bytes;
    *whole = 0;
    if (count < HEAD_BYTES)
        return LT_OK;
    const uint32_t length = get_u32(head);
    if (length > LT_ENGINE_FRAME_BYTES_MAX || head[4] > LT_ENGINE_FAILED)
        return lt_fail(error, LT_PROTOCOL, "engine", "not a frame: kind %u, %u bytes", head[4],
                       length);
    if (count - HEAD_BYTES < length)
        return LT_OK;
    *kind = (lt_engine_frame)head[4];
    *body = head + HEAD_BYTES;
    *body_bytes = length;
    *whole = HEAD_BYTES + (size_t)length;
    return LT_OK;
}

static bool take_part(const uint8_t **at, const uint8_t *end, const uint8_t **part,
                      size_t *part_bytes)
{
    if (end - *at < 4)
        return false;
    const uint32_t length = get_u32(*at);
    *at += 4;
    if ((size_t)(end - *at) < length)
        return false;
    *part = *at;
    *part_bytes = length;
    *at += length;
    return true;
}

lt_status lt_engine_frame_read_run(const uint8_t *body, size_t count, lt_engine_run *run,
                                   Lefttail__Lease **lease, lt_error *error)
{
    const uint8_t *at = body + 1, *end = body + count, *path, *packed, *pack;
    size_t path_bytes, packed_bytes, pack_bytes;
    *lease = NULL;
    if (count < 1 || !take_part(&at, end, &path, &path_bytes) ||
        !take_part(&at, end, &packed, &packed_bytes) || !take_part(&at, end, &pack, &pack_bytes) ||
        path_bytes == 0 || path[path_bytes - 1] != '\0')
        return lt_fail(error, LT_PROTOCOL, "engine", "not a run");
    ProtobufCMessage *message;
    LT_TRY(lt_wire_unpack_as(&lefttail__lease__descriptor, packed, packed_bytes,
                             &LT_WIRE_FRAME_LIMITS, &message, error));
    *lease = (Lefttail__Lease *)message;
    *run = (lt_engine_run){*lease, (const char *)path, pack, pack_bytes, body[0] & 1, body[0] & 2};
    return LT_OK;
}
