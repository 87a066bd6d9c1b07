/* What clients and workers of a test say to a coordinator. */
#ifndef LT_TESTS_SHELL_SAYS_H
#define LT_TESTS_SHELL_SAYS_H

#include "shell_peer.h"

/* ---- what clients do ---- */

static inline void client_offer(test_peer *client, const test_job *job, size_t blob_count)
{
    Lefttail__BlobOffer offer = LEFTTAIL__BLOB_OFFER__INIT;
    Lefttail__BlobRef refs[JOB_PACKS + 3], *ref_at[JOB_PACKS + 3];
    for (size_t i = 0; i < blob_count; i++) {
        lefttail__blob_ref__init(&refs[i]);
        refs[i].digest =
            (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)job->blobs[i].digest.bytes};
        refs[i].bytes = job->blobs[i].bytes.len;
        ref_at[i] = &refs[i];
    }
    offer.blobs = ref_at;
    offer.n_blobs = blob_count;
    client->request++;
    PEER_SEND(client, BLOB_OFFER, blob_offer, &offer);
}

static inline void client_put(test_peer *client, const test_blob *blob, size_t offset, size_t count)
{
    Lefttail__BlobChunk chunk = LEFTTAIL__BLOB_CHUNK__INIT;
    chunk.digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)blob->digest.bytes};
    chunk.offset = offset;
    chunk.blob_bytes = blob->bytes.len;
    chunk.data = (ProtobufCBinaryData){count, (uint8_t *)blob->bytes.data + offset};
    chunk.raw_bytes = (uint32_t)count;
    chunk.crc32c = lt_crc32c(0, blob->bytes.data + offset, count);
    client->request++;
    PEER_SEND(client, BLOB_CHUNK, blob_chunk, &chunk);
}

/* Offers all, sends what is needed; returns how many blobs that were. */
static inline size_t client_upload(test_peer *client, const test_job *job)
{
    client_offer(client, job, job->count);
    Lefttail__Message *need = peer_expect(client, LEFTTAIL__MESSAGE__BODY_BLOB_NEED);
    assert_int_equal(need->request, client->request);
    const size_t needed = need->blob_need->n_blobs;
    for (size_t n = 0; n < needed; n++) {
        for (size_t i = 0; i < job->count; i++) {
            if (memcmp(job->blobs[i].digest.bytes, need->blob_need->blobs[n]->digest.data,
                       LT_DIGEST_BYTES) != 0)
                continue;
            const size_t offset = need->blob_need->blobs[n]->offset;
            client_put(client, &job->blobs[i], offset, job->blobs[i].bytes.len - offset);
            Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_BLOB_NEED);
            assert_int_equal(reply->blob_need->blobs[0]->offset, job->blobs[i].bytes.len);
            lt_wire_free(&reply);
        }
    }
    lt_wire_free(&need);
    return needed;
}

static inline Lefttail__Message *client_submit(test_peer *client, const test_job *job)
{
    Lefttail__Submit submit = LEFTTAIL__SUBMIT__INIT;
    submit.manifest =
        (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)job->blobs[job->count - 1].digest.bytes};
    client->request++;
    PEER_SEND(client, SUBMIT, submit, &submit);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_JOB_REPLY);
    assert_string_equal(reply->job_reply->job->job, job->id);
    return reply;
}

static inline void client_run(test_peer *client, const test_job *job)
{
    client_upload(client, job);
    Lefttail__Message *reply = client_submit(client, job);
    assert_false(reply->job_reply->existed);
    lt_wire_free(&reply);
}

static inline void client_watch(test_peer *client, const test_job *job)
{
    Lefttail__WatchRequest watch = LEFTTAIL__WATCH_REQUEST__INIT;
    watch.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, WATCH_REQUEST, watch_request, &watch);
}

/* Reads watch events until one has this word. */
static inline Lefttail__Message *client_event(test_peer *client, const char *word)
{
    for (;;) {
        Lefttail__Message *event = peer_expect(client, LEFTTAIL__MESSAGE__BODY_WATCH_EVENT);
        if (strcmp(event->watch_event->event, word) == 0)
            return event;
        lt_wire_free(&event);
    }
}

/* All rows of a job; the message holds them. Small jobs are one page. */
static inline Lefttail__Message *client_rows(test_peer *client, const test_job *job)
{
    Lefttail__RowsRequest ask = LEFTTAIL__ROWS_REQUEST__INIT;
    ask.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, ROWS_REQUEST, rows_request, &ask);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_ROWS_REPLY);
    assert_true(reply->rows_reply->end);
    return reply;
}

static inline Lefttail__Message *client_status(test_peer *client, const test_job *job)
{
    Lefttail__StatusRequest ask = LEFTTAIL__STATUS_REQUEST__INIT;
    ask.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, STATUS_REQUEST, status_request, &ask);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_STATUS_REPLY);
    assert_int_equal(reply->status_reply->n_jobs, 1);
    return reply;
}

/* ---- what workers do ---- */

static inline void worker_credit(test_peer *worker, uint32_t leases)
{
    Lefttail__Credit credit = LEFTTAIL__CREDIT__INIT;
    credit.leases = leases;
    PEER_SEND(worker, CREDIT, credit, &credit);
}

/* The row that every honest worker gets for an item of this pack: its logit tells them apart. */
static inline void make_row(Lefttail__Row *row, uint8_t logit[4], const Lefttail__Lease *lease,
                            uint32_t item)
{
    lefttail__row__init(row);
    const float value = (float)lease->pack.data[0] + (float)item / 100;
    lt_wire_put_floats(&value, 1, logit);
    row->item = item;
    row->state = LEFTTAIL__ROW_STATE__ROW_SCORED;
    row->logits = (ProtobufCBinaryData){4, logit};
    row->tokens = 3 + item;
    row->crc32c = lt_row_crc(row);
}

/* Sends rows of the lease's items first..first+count-1 (relative); `spoil` is added to the crc. */
static inline void worker_send(test_peer *worker, const Lefttail__Lease *lease, uint64_t sequence,
                               uint32_t first, uint32_t count, float shift)
{
    Lefttail__Row rows[PACK_ITEMS], *row_at[PACK_ITEMS];
    uint8_t logits[PACK_ITEMS][4];
    for (uint32_t i = 0; i < count; i++) {
        make_row(&rows[i], logits[i], lease, lease->first_item + first + i);
        if (shift != 0) {
            float value;
            lt_wire_get_floats(logits[i], &value, 1);
            value += shift;
            lt_wire_put_floats(&value, 1, logits[i]);
            rows[i].crc32c = lt_row_crc(&rows[i]);
        }
        row_at[i] = &rows[i];
    }
    Lefttail__Results results = LEFTTAIL__RESULTS__INIT;
    results.lease = lease->lease;
    results.epoch = lease->epoch;
    results.token = lease->token;
    results.sequence = sequence;
    results.rows = row_at;
    results.n_rows = count;
    PEER_SEND(worker, RESULTS, results, &results);
}

static inline void worker_ack(test_peer *worker, const Lefttail__Lease *lease, uint64_t sequence)
{
    Lefttail__Message *ack = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_ACK);
    assert_int_equal(ack->ack->lease, lease->lease);
    assert_int_equal(ack->ack->sequence, sequence);
    lt_wire_free(&ack);
}

/* Takes `count` leases one after another and scores them in two batches each. */
static inline void worker_score(test_peer *worker, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        Lefttail__Message *message = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
        const Lefttail__Lease *lease = message->lease;
        assert_int_equal(lease->item_count, PACK_ITEMS);
        assert_int_equal(lease->label_count, 1);
        worker_send(worker, lease, 1, 0, 3, 0);
        worker_send(worker, lease, 2, 3, PACK_ITEMS - 3, 0);
        worker_ack(worker, lease, 1);
        worker_ack(worker, lease, 2);
        lt_wire_free(&message);
    }
}

static inline test_peer *open_client(const test_place *place)
{
    test_peer *client = peer_open(place->clients, LEFTTAIL__ROLE__ROLE_CLIENT, "client");
    peer_welcome(client, 1);
    return client;
}

static inline test_peer *open_worker(const test_place *place, const char *name, uint32_t credits)
{
    test_peer *worker = peer_open(place->workers, LEFTTAIL__ROLE__ROLE_WORKER, name);
    peer_welcome(worker, 1);
    worker_credit(worker, credits);
    return worker;
}

/* Every item once, and every logit what an honest worker says. */
static inline void check_rows(test_peer *client, const test_job *job)
{
    Lefttail__Message *reply = client_rows(client, job);
    assert_int_equal(reply->rows_reply->n_groups, JOB_PACKS);
    for (size_t g = 0; g < JOB_PACKS; g++) {
        const Lefttail__RowGroup *group = reply->rows_reply->groups[g];
        assert_int_equal(group->pack_index, g);
        assert_int_equal(group->n_rows, PACK_ITEMS);
        for (uint32_t i = 0; i < PACK_ITEMS; i++) {
            Lefttail__Lease lease = LEFTTAIL__LEASE__INIT;
            lease.pack.data = (uint8_t *)job->blobs[2 + g].digest.bytes;
            Lefttail__Row expected;
            uint8_t logit[4];
            make_row(&expected, logit, &lease, i);
            assert_int_equal(group->rows[i]->item, i);
            assert_memory_equal(group->rows[i]->logits.data, logit, 4);
        }
    }
    lt_wire_free(&reply);
}

#endif
