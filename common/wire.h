/* Bytes from outside to messages, and back. Everything is generic over protobuf-c's descriptors,
 * so it serves the frames of a socket and the documents (Manifest, Pack) alike.
 *
 * A scan walks the bytes once, without allocating, and refuses what protobuf-c would accept at
 * a price: unknown fields, singular fields given twice, two members of one oneof, groups, a
 * wire type that is not the field's, lengths beyond the bytes, too much depth or repetition,
 * numbers wider than their type, strings that are not UTF-8 or hold a NUL. Only then is
 * anything unpacked, and the unpacking has a hard budget of memory.
 *
 * Nothing here blocks or keeps state; any thread may call. */
#ifndef LT_COMMON_WIRE_H
#define LT_COMMON_WIRE_H

#include "common/buf.h"
#include "common/limits.h"
#include "common/status.h"
#include "lefttail.pb-c.h"

typedef struct lt_wire_limits {
    size_t bytes_max;   /* of the packed form */
    unsigned depth_max; /* nested messages, the outermost counts 1; at most LT_WIRE_DEPTH_MAX */
    size_t repeats_max; /* of one field within one message */
    size_t memory_bytes_max; /* that unpacking may hold at any time; 0: LT_WIRE_MEMORY_FACTOR times
                              * the packed form + 64 KiB */
} lt_wire_limits;

/* What holds for a frame of a socket. For a document, give another bytes_max. */
#define LT_WIRE_FRAME_LIMITS                                                                       \
    ((lt_wire_limits){LT_FRAME_BYTES_MAX, LT_WIRE_DEPTH_MAX, LT_WIRE_REPEATS_MAX, 0})

/* Checks bytes[0..count) against the descriptor. LT_PROTOCOL or LT_LIMIT; the error's `where` is
 * the path of the field ("Results.rows[3].logits") and the offset. Empty bytes are a message of
 * defaults. */
lt_status lt_wire_scan(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                       size_t count, const lt_wire_limits *limits, lt_error *error);

/* Scan, then unpack. *out is freed with the type's own NAME__free_unpacked(m, NULL) or with
 * protobuf_c_message_free_unpacked(m, NULL); NULL on failure. */
lt_status lt_wire_unpack_as(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                            size_t count, const lt_wire_limits *limits, ProtobufCMessage **out,
                            lt_error *error);

/* A frame: one Message with a body (one without is LT_PROTOCOL). Free with lt_wire_free. */
lt_status lt_wire_unpack(const void *bytes, size_t count, Lefttail__Message **out, lt_error *error);
void lt_wire_free(Lefttail__Message **message); /* safe on NULL; leaves NULL */

/* Appends the packed form of any message; pass &message->base. Equal content gives equal bytes. */
void lt_wire_pack(const ProtobufCMessage *message, lt_buf *out);

/* "results", "hello", ...: the body's field name, for log lines. Static storage. */
const char *lt_wire_body_word(const Lefttail__Message *message);

/* Logits travel as little-endian float32 bit patterns. `bytes` need not be aligned. */
void lt_wire_put_floats(const float *values, size_t count, void *bytes);
void lt_wire_get_floats(const void *bytes, float *values, size_t count);

#endif
