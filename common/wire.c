/* The scan recurses once per nested message, and LT_WIRE_DEPTH_MAX bounds that. Each level keeps
 * one counter per field of its type on the stack, so nothing is allocated; the levels are linked,
 * and the path in an error is read off the links only when there is an error.
 *
 * Memory of the unpacking is counted with what malloc really gave, in an allocator that refuses
 * beyond its budget; protobuf-c then unwinds and returns NULL. The blocks are plain malloc
 * blocks, so that the generated free functions work with a NULL allocator. */
#include "common/wire.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define FIELDS_MAX 64

struct level {
    const struct level *outer;
    const ProtobufCMessageDescriptor *descriptor;
    const ProtobufCFieldDescriptor *field; /* being read */
    uint32_t counts[FIELDS_MAX];           /* times seen, by index of the field */
    unsigned depth;
};

struct scanner {
    const uint8_t *start;
    const lt_wire_limits *limits;
    lt_error *error;
};

struct span {
    const uint8_t *at, *end;
};

static void put_path(const struct level *level, lt_buf *out)
{
    if (level->outer)
        put_path(level->outer, out);
    else
        lt_buf_puts(out, level->descriptor->short_name);
    if (!level->field)
        return;
    lt_buf_printf(out, ".%s", level->field->name);
    if (level->field->label == PROTOBUF_C_LABEL_REPEATED)
        lt_buf_printf(out, "[%u]", level->counts[level->field - level->descriptor->fields] - 1);
}

static lt_status refuse(const struct scanner *scanner, const struct level *level, const uint8_t *at,
                        lt_status status, const char *what)
{
    lt_buf where = {0};
    put_path(level, &where);
    lt_buf_printf(&where, " at byte %zu", (size_t)(at - scanner->start));
    lt_fail(scanner->error, status, lt_buf_str(&where), "%s", what);
    lt_buf_fini(&where);
    return status;
}

/* False: it does not end, or is wider than 64 bits. */
static bool read_varint(struct span *span, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && span->at < span->end; shift += 7) {
        const uint8_t byte = *span->at++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static ProtobufCWireType wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

static bool fits(ProtobufCType type, uint64_t value)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return value <= 1;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
        return value <= UINT32_MAX;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        return (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX;
    default:
        return true;
    }
}

/* One number of the field, from a varint or fixed bytes. */
static lt_status scan_number(const struct scanner *scanner, const struct level *level,
                             struct span *span)
{
    const uint8_t *at = span->at;
    const ProtobufCWireType wire_type = wire_type_of(level->field->type);
    uint64_t value;
    if (wire_type == PROTOBUF_C_WIRE_TYPE_VARINT) {
        if (!read_varint(span, &value))
            return refuse(scanner, level, at, LT_PROTOCOL, "a number does not end");
        if (!fits(level->field->type, value))
            return refuse(scanner, level, at, LT_PROTOCOL, "a number is out of its type's range");
        return LT_OK;
    }
    const size_t width = wire_type == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;
    if ((size_t)(span->end - span->at) < width)
        return refuse(scanner, level, at, LT_PROTOCOL, "a number does not end");
    span->at += width;
    return LT_OK;
}

/* Repeated numbers in one length-prefixed run. The tag itself has been counted once. */
static lt_status scan_packed(const struct scanner *scanner, struct level *level, struct span run)
{
    uint32_t *count = &level->counts[level->field - level->descriptor->fields];
    *count -= 1;
    while (run.at < run.end) {
        if (++*count > scanner->limits->repeats_max)
            return refuse(scanner, level, run.at, LT_LIMIT, "too many numbers");
        LT_TRY(scan_number(scanner, level, &run));
    }
    return LT_OK;
}

static lt_status scan_message(const struct scanner *scanner,
                              const ProtobufCMessageDescriptor *descriptor, struct span span,
                              const struct level *outer);

static lt_status scan_body(const struct scanner *scanner, struct level *level, struct span body)
{
    switch (level->field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return scan_message(scanner, level->field->descriptor, body, level);
    case PROTOBUF_C_TYPE_STRING:
        if (memchr(body.at, 0, (size_t)(body.end - body.at)))
            return refuse(scanner, level, body.at, LT_PROTOCOL, "a string holds a NUL");
        if (!lt_utf8_valid((const char *)body.at, (size_t)(body.end - body.at)))
            return refuse(scanner, level, body.at, LT_PROTOCOL, "a string is not UTF-8");
        return LT_OK;
    case PROTOBUF_C_TYPE_BYTES:
        return LT_OK;
    default:
        return scan_packed(scanner, level, body);
    }
}

static lt_status scan_value(const struct scanner *scanner, struct level *level, struct span *span,
                            uint32_t wire_type)
{
    const ProtobufCFieldDescriptor *field = level->field;
    const ProtobufCWireType expected = wire_type_of(field->type);
    const bool packed = field->label == PROTOBUF_C_LABEL_REPEATED &&
                        wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    if (wire_type != expected && !packed)
        return refuse(scanner, level, span->at, LT_PROTOCOL, "the wire type is not the field's");
    if (wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return scan_number(scanner, level, span);
    uint64_t len;
    const uint8_t *at = span->at;
    if (!read_varint(span, &len) || len > (uint64_t)(span->end - span->at))
        return refuse(scanner, level, at, LT_PROTOCOL, "a length goes past the end");
    struct span body = {span->at, span->at + len};
    span->at = body.end;
    return scan_body(scanner, level, body);
}

/* Counts the field and refuses what may not come again. *oneofs has a bit for each oneof of the
 * message that is set, by the order of their first members. */
static lt_status count_field(const struct scanner *scanner, struct level *level, const uint8_t *at)
{
    const ProtobufCFieldDescriptor *field = level->field;
    const size_t index = (size_t)(field - level->descriptor->fields);
    level->counts[index]++;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        if (level->counts[index] > scanner->limits->repeats_max)
            return refuse(scanner, level, at, LT_LIMIT, "repeated too often");
        return LT_OK;
    }
    if (level->counts[index] > 1)
        return refuse(scanner, level, at, LT_PROTOCOL, "given twice");
    if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        return LT_OK;
    for (size_t i = 0; i < level->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &level->descriptor->fields[i];
        if (other != field && level->counts[i] && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            other->quantifier_offset == field->quantifier_offset)
            return refuse(scanner, level, at, LT_PROTOCOL, "two members of one oneof");
    }
    return LT_OK;
}

static lt_status scan_message(const struct scanner *scanner,
                              const ProtobufCMessageDescriptor *descriptor, struct span span,
                              const struct level *outer)
{
    LT_ASSERT(descriptor->n_fields <= FIELDS_MAX);
    struct level level = {
        .outer = outer, .descriptor = descriptor, .depth = outer ? outer->depth + 1 : 1};
    if (level.depth > scanner->limits->depth_max || level.depth > LT_WIRE_DEPTH_MAX)
        return refuse(scanner, &level, span.at, LT_LIMIT, "nested too deeply");
    while (span.at < span.end) {
        const uint8_t *at = span.at;
        uint64_t tag;
        level.field = NULL;
        if (!read_varint(&span, &tag) || tag > UINT32_MAX)
            return refuse(scanner, &level, at, LT_PROTOCOL, "bad tag");
        level.field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
        if (!level.field)
            return refuse(scanner, &level, at, LT_PROTOCOL, "unknown field");
        LT_TRY(count_field(scanner, &level, at));
        LT_TRY(scan_value(scanner, &level, &span, (uint32_t)(tag & 7)));
    }
    return LT_OK;
}

lt_status lt_wire_scan(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                       size_t count, const lt_wire_limits *limits, lt_error *error)
{
    if (count > limits->bytes_max)
        return lt_fail(error, LT_LIMIT, descriptor->short_name, "%zu bytes are more than %zu",
                       count, limits->bytes_max);
    if (count == 0)
        return LT_OK;
    const struct scanner scanner = {bytes, limits, error};
    return scan_message(&scanner, descriptor, (struct span){bytes, (const uint8_t *)bytes + count},
                        NULL);
}

struct budget {
    size_t left;
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *budget = data;
    if (size > budget->left)
        return NULL;
    void *memory = malloc(size ? size : 1);
    if (!memory)
        return NULL;
    const size_t usable = malloc_usable_size(memory);
    budget->left -= usable < budget->left ? usable : budget->left;
    return memory;
}

static void budget_free(void *data, void *memory)
{
    struct budget *budget = data;
    if (memory)
        budget->left += malloc_usable_size(memory);
    free(memory);
}

lt_status lt_wire_unpack_as(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                            size_t count, const lt_wire_limits *limits, ProtobufCMessage **out,
                            lt_error *error)
{
    static const uint8_t nothing[1] = {0};
    *out = NULL;
    LT_TRY(lt_wire_scan(descriptor, bytes, count, limits, error));
    struct budget budget = {limits->memory_bytes_max ? limits->memory_bytes_max
                                                     : count * LT_WIRE_MEMORY_FACTOR + (64u << 10)};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    *out = protobuf_c_message_unpack(descriptor, &allocator, count, count ? bytes : nothing);
    if (!*out)
        return lt_fail(error, LT_LIMIT, descriptor->short_name,
                       "%zu bytes cannot be unpacked within the memory that so many may take",
                       count);
    return LT_OK;
}

lt_status lt_wire_unpack(const void *bytes, size_t count, Lefttail__Message **out, lt_error *error)
{
    ProtobufCMessage *message;
    *out = NULL;
    LT_TRY(lt_wire_unpack_as(&lefttail__message__descriptor, bytes, count, &LT_WIRE_FRAME_LIMITS,
                             &message, error));
    *out = (Lefttail__Message *)message;
    if ((*out)->body_case != LEFTTAIL__MESSAGE__BODY__NOT_SET)
        return LT_OK;
    lt_wire_free(out);
    return lt_fail(error, LT_PROTOCOL, "Message", "it has no body");
}

void lt_wire_free(Lefttail__Message **message)
{
    if (*message)
        lefttail__message__free_unpacked(*message, NULL);
    *message = NULL;
}

void lt_wire_pack(const ProtobufCMessage *message, lt_buf *out)
{
    const size_t bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *end = (uint8_t *)lt_buf_reserve(out, bytes);
    const size_t packed = protobuf_c_message_pack(message, end);
    LT_ASSERT(packed == bytes);
    out->len += bytes;
    *lt_buf_reserve(out, 0) = '\0';
}

const char *lt_wire_body_word(const Lefttail__Message *message)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        &lefttail__message__descriptor, (unsigned)message->body_case);
    return field ? field->name : "nothing";
}

void lt_wire_put_floats(const float *values, size_t count, void *bytes)
{
    uint8_t *out = bytes;
    for (size_t i = 0; i < count; i++, out += 4) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        for (unsigned k = 0; k < 4; k++)
            out[k] = (uint8_t)(bits >> (8 * k));
    }
}

void lt_wire_get_floats(const void *bytes, float *values, size_t count)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < count; i++, in += 4) {
        const uint32_t bits =
            (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
        memcpy(&values[i], &bits, 4);
    }
}
