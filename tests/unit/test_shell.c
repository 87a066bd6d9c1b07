/* A coordinator process spoken to over its sockets, by a client and by workers that say what real ones
 * say, and what they never should. */
#include "shell_peer.h"

#include <sys/resource.h>

/* ---- what clients do ---------------------------------------------------------------------------- */

static void client_offer(test_peer *client, const test_job *job, size_t blob_count)
{
    Lefttail__BlobOffer offer = LEFTTAIL__BLOB_OFFER__INIT;
    Lefttail__BlobRef refs[JOB_PACKS + 3], *ref_at[JOB_PACKS + 3];
    for (size_t i = 0; i < blob_count; i++) {
        lefttail__blob_ref__init(&refs[i]);
        refs[i].digest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)job->blobs[i].digest.bytes};
        refs[i].bytes = job->blobs[i].bytes.len;
        ref_at[i] = &refs[i];
    }
    offer.blobs = ref_at;
    offer.n_blobs = blob_count;
    client->request++;
    PEER_SEND(client, BLOB_OFFER, blob_offer, &offer);
}

static void client_put(test_peer *client, const test_blob *blob, size_t offset, size_t count)
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
static size_t client_upload(test_peer *client, const test_job *job)
{
    client_offer(client, job, job->count);
    Lefttail__Message *need = peer_expect(client, LEFTTAIL__MESSAGE__BODY_BLOB_NEED);
    assert_int_equal(need->request, client->request);
    const size_t needed = need->blob_need->n_blobs;
    for (size_t n = 0; n < needed; n++) {
        for (size_t i = 0; i < job->count; i++) {
            if (memcmp(job->blobs[i].digest.bytes, need->blob_need->blobs[n]->digest.data, LT_DIGEST_BYTES) != 0)
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

static Lefttail__Message *client_submit(test_peer *client, const test_job *job)
{
    Lefttail__Submit submit = LEFTTAIL__SUBMIT__INIT;
    submit.manifest = (ProtobufCBinaryData){LT_DIGEST_BYTES, (uint8_t *)job->blobs[job->count - 1].digest.bytes};
    client->request++;
    PEER_SEND(client, SUBMIT, submit, &submit);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_JOB_REPLY);
    assert_string_equal(reply->job_reply->job->job, job->id);
    return reply;
}

static void client_run(test_peer *client, const test_job *job)
{
    client_upload(client, job);
    Lefttail__Message *reply = client_submit(client, job);
    assert_false(reply->job_reply->existed);
    lt_wire_free(&reply);
}

static void client_watch(test_peer *client, const test_job *job)
{
    Lefttail__WatchRequest watch = LEFTTAIL__WATCH_REQUEST__INIT;
    watch.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, WATCH_REQUEST, watch_request, &watch);
}

/* Reads watch events until one has this word. */
static Lefttail__Message *client_event(test_peer *client, const char *word)
{
    for (;;) {
        Lefttail__Message *event = peer_expect(client, LEFTTAIL__MESSAGE__BODY_WATCH_EVENT);
        if (strcmp(event->watch_event->event, word) == 0)
            return event;
        lt_wire_free(&event);
    }
}

/* All rows of a job; the message holds them. Small jobs are one page. */
static Lefttail__Message *client_rows(test_peer *client, const test_job *job)
{
    Lefttail__RowsRequest ask = LEFTTAIL__ROWS_REQUEST__INIT;
    ask.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, ROWS_REQUEST, rows_request, &ask);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_ROWS_REPLY);
    assert_true(reply->rows_reply->end);
    return reply;
}

static Lefttail__Message *client_status(test_peer *client, const test_job *job)
{
    Lefttail__StatusRequest ask = LEFTTAIL__STATUS_REQUEST__INIT;
    ask.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, STATUS_REQUEST, status_request, &ask);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_STATUS_REPLY);
    assert_int_equal(reply->status_reply->n_jobs, 1);
    return reply;
}

/* ---- what workers do ------------------------------------------------------------------------------ */

static void worker_credit(test_peer *worker, uint32_t leases)
{
    Lefttail__Credit credit = LEFTTAIL__CREDIT__INIT;
    credit.leases = leases;
    PEER_SEND(worker, CREDIT, credit, &credit);
}

/* The row that every honest worker gets for an item of this pack: its logit tells them apart. */
static void make_row(Lefttail__Row *row, uint8_t logit[4], const Lefttail__Lease *lease, uint32_t item)
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
static void worker_send(test_peer *worker, const Lefttail__Lease *lease, uint64_t sequence, uint32_t first, uint32_t count, float shift)
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

static void worker_ack(test_peer *worker, const Lefttail__Lease *lease, uint64_t sequence)
{
    Lefttail__Message *ack = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_ACK);
    assert_int_equal(ack->ack->lease, lease->lease);
    assert_int_equal(ack->ack->sequence, sequence);
    lt_wire_free(&ack);
}

/* Takes `count` leases one after another and scores them in two batches each. */
static void worker_score(test_peer *worker, unsigned count)
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

static test_peer *open_client(const test_place *place)
{
    test_peer *client = peer_open(place->clients, LEFTTAIL__ROLE__ROLE_CLIENT, "client");
    peer_welcome(client, 1);
    return client;
}

static test_peer *open_worker(const test_place *place, const char *name, uint32_t credits)
{
    test_peer *worker = peer_open(place->workers, LEFTTAIL__ROLE__ROLE_WORKER, name);
    peer_welcome(worker, 1);
    worker_credit(worker, credits);
    return worker;
}

/* Every item once, and every logit what an honest worker says. */
static void check_rows(test_peer *client, const test_job *job)
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

/* ---- tests ---------------------------------------------------------------------------------------- */

static void a_job_goes_from_submit_to_rows(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("plain");
    test_peer *client = open_client(place), *worker = open_worker(place, "w1", 2);
    client_run(client, job);
    client_watch(client, job);
    worker_score(worker, JOB_PACKS);
    Lefttail__Message *event = client_event(client, "job_done");
    const Lefttail__JobStatus *status = event->watch_event->job;
    assert_int_equal(status->state, LEFTTAIL__JOB_STATE__JOB_DONE);
    assert_int_equal(status->rows_scored, JOB_ROWS);
    assert_int_equal(status->n_cells, JOB_VARIANTS);
    assert_int_equal(status->cells[0]->scored, JOB_ROWS / JOB_VARIANTS);
    lt_wire_free(&event);
    check_rows(client, job);

    assert_int_equal(client_upload(client, job), 0); /* the same work again */
    Lefttail__Message *reply = client_submit(client, job);
    assert_true(reply->job_reply->existed);
    assert_int_equal(reply->job_reply->job->state, LEFTTAIL__JOB_STATE__JOB_DONE);
    lt_wire_free(&reply);

    Lefttail__WorkersRequest ask = LEFTTAIL__WORKERS_REQUEST__INIT;
    client->request++;
    PEER_SEND(client, WORKERS_REQUEST, workers_request, &ask);
    reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_WORKERS_REPLY);
    assert_int_equal(reply->workers_reply->n_workers, 1);
    assert_string_equal(reply->workers_reply->workers[0]->state, "idle");
    assert_int_equal(reply->workers_reply->workers[0]->rows_done, JOB_ROWS);
    lt_wire_free(&reply);
    peer_close(worker, "done");
    peer_close(client, "done");
    job_free(job);
}

static void a_killed_coordinator_goes_on_where_it_was(void **state)
{
    test_place *place = *state;
    test_job *job = job_make("killed");
    test_peer *client = open_client(place), *worker = open_worker(place, "w1", 1);
    client_run(client, job);
    Lefttail__Message *message = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
    worker_send(worker, message->lease, 1, 0, 3, 0);
    worker_ack(worker, message->lease, 1);
    place_stop(place, SIGKILL);
    place_start(place);
    lt_dialler_again(worker->dialler, "test");
    peer_welcome(worker, 2);
    worker_send(worker, message->lease, 2, 3, 2, 0); /* of a lease of the earlier life */
    worker_ack(worker, message->lease, 2);
    lt_wire_free(&message);
    worker_credit(worker, 1);

    lt_dialler_again(client->dialler, "test");
    peer_welcome(client, 2);
    Lefttail__Message *reply = client_status(client, job);
    assert_int_equal(reply->status_reply->jobs[0]->rows_scored, 5);
    lt_wire_free(&reply);
    client_watch(client, job);
    for (unsigned i = 0; i < JOB_PACKS; i++) {
        message = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
        const unsigned first = message->lease->done.data[0] == 0x1f ? 5 : 0;
        worker_send(worker, message->lease, 1, first, PACK_ITEMS - first, 0);
        worker_ack(worker, message->lease, 1);
        lt_wire_free(&message);
    }
    reply = client_event(client, "job_done");
    lt_wire_free(&reply);
    check_rows(client, job);
    place_stop(place, SIGKILL); /* the job has ended: its status and its rows are still there */
    place_start(place);
    lt_dialler_again(client->dialler, "test");
    peer_welcome(client, 3);
    reply = client_status(client, job);
    assert_int_equal(reply->status_reply->jobs[0]->state, LEFTTAIL__JOB_STATE__JOB_DONE);
    assert_int_equal(reply->status_reply->jobs[0]->rows_scored, JOB_ROWS);
    assert_int_equal(reply->status_reply->jobs[0]->n_cells, JOB_VARIANTS);
    lt_wire_free(&reply);
    check_rows(client, job);
    peer_close(worker, NULL);
    peer_close(client, NULL);
    job_free(job);
}

static void a_lease_of_another_worker_is_not_taken(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("stolen");
    test_peer *client = open_client(place), *owner = open_worker(place, "owner", 3);
    client_run(client, job);
    Lefttail__Message *leases[JOB_PACKS];
    for (int i = 0; i < JOB_PACKS; i++)
        leases[i] = peer_expect(owner, LEFTTAIL__MESSAGE__BODY_LEASE);
    test_peer *thief = open_worker(place, "thief", 0);
    worker_send(thief, leases[0]->lease, 1, 0, PACK_ITEMS, 1000); /* overheard, token and all */
    peer_drain(thief, 200);
    Lefttail__Message *reply = client_status(client, job);
    assert_int_equal(reply->status_reply->jobs[0]->rows_scored, 0);
    lt_wire_free(&reply);
    client_watch(client, job);
    for (int i = 0; i < JOB_PACKS; i++) {
        worker_send(owner, leases[i]->lease, 1, 0, PACK_ITEMS, 0);
        worker_ack(owner, leases[i]->lease, 1);
    }
    reply = client_event(client, "job_done");
    lt_wire_free(&reply);
    check_rows(client, job);
    worker_send(owner, leases[1]->lease, 2, 0, PACK_ITEMS, 5); /* late, and with other bits: the first stay */
    worker_ack(owner, leases[1]->lease, 2);
    check_rows(client, job);
    for (int i = 0; i < JOB_PACKS; i++)
        lt_wire_free(&leases[i]);
    peer_close(thief, NULL);
    peer_close(owner, NULL);
    peer_close(client, NULL);
    job_free(job);
}

static void bad_rows_end_the_session_and_the_work_goes_on(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("bad");
    test_peer *client = open_client(place), *liar = open_worker(place, "liar", 1);
    client_run(client, job);
    Lefttail__Message *message = peer_expect(liar, LEFTTAIL__MESSAGE__BODY_LEASE);
    Lefttail__Row row, *row_at[] = {&row};
    uint8_t logit[4];
    make_row(&row, logit, message->lease, 0);
    row.crc32c ^= 1;
    Lefttail__Results results = LEFTTAIL__RESULTS__INIT;
    results.lease = message->lease->lease;
    results.epoch = message->lease->epoch;
    results.token = message->lease->token;
    results.sequence = 1;
    results.rows = row_at;
    results.n_rows = 1;
    PEER_SEND(liar, RESULTS, results, &results);
    const uint64_t until_ms = lt_now_ms() + WAIT_MS;
    while (!liar->refused)
        assert_true(peer_turn(liar, until_ms));
    assert_non_null(strstr(liar->why.what, "checksum"));
    lt_wire_free(&message);
    client_watch(client, job);
    test_peer *worker = open_worker(place, "honest", 2);
    worker_score(worker, JOB_PACKS);
    message = client_event(client, "job_done");
    lt_wire_free(&message);
    check_rows(client, job);
    peer_close(worker, NULL);
    peer_close(liar, NULL);
    peer_close(client, NULL);
    job_free(job);
}

static void an_upload_survives_its_client(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("upload");
    test_blob *manifest = &job->blobs[job->count - 1];
    test_peer *client = open_client(place);
    client_put(client, manifest, 0, 50);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_BLOB_NEED);
    lt_wire_free(&reply);
    peer_close(client, NULL);
    client = open_client(place);
    client_offer(client, job, job->count);
    reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_BLOB_NEED);
    assert_int_equal(reply->blob_need->n_blobs, job->count);
    assert_int_equal(reply->blob_need->blobs[job->count - 1]->offset, 50);
    lt_wire_free(&reply);

    client->request++; /* nothing but the manifest's start is here: a submit says what is missing */
    Lefttail__Submit submit = LEFTTAIL__SUBMIT__INIT;
    submit.manifest = (ProtobufCBinaryData){LT_DIGEST_BYTES, manifest->digest.bytes};
    PEER_SEND(client, SUBMIT, submit, &submit);
    reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_ERROR_REPLY);
    assert_string_equal(reply->error_reply->status, "not_found");
    lt_wire_free(&reply);

    lt_buf wrong = {0}; /* the right length, other bytes */
    lt_buf_add(&wrong, manifest->bytes.data, manifest->bytes.len);
    wrong.data[60] ^= 1;
    const test_blob forged = {wrong, manifest->digest};
    client_put(client, &forged, 50, wrong.len - 50);
    reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_ERROR_REPLY);
    assert_string_equal(reply->error_reply->status, "bad_input");
    lt_wire_free(&reply);
    assert_int_equal(client_upload(client, job), job->count);
    reply = client_submit(client, job);
    lt_wire_free(&reply);
    lt_buf_fini(&wrong);
    peer_close(client, NULL);
    job_free(job);
}

static void a_cancelled_job_can_be_submitted_again(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("cancelled");
    test_peer *client = open_client(place), *worker = open_worker(place, "w1", 1);
    client_run(client, job);
    worker_score(worker, 1);
    Lefttail__Message *message = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
    lt_wire_free(&message);
    Lefttail__CancelRequest cancel = LEFTTAIL__CANCEL_REQUEST__INIT;
    cancel.job = (char *)job->id;
    client->request++;
    PEER_SEND(client, CANCEL_REQUEST, cancel_request, &cancel);
    message = peer_expect(client, LEFTTAIL__MESSAGE__BODY_JOB_REPLY);
    assert_int_equal(message->job_reply->job->state, LEFTTAIL__JOB_STATE__JOB_CANCELLED);
    lt_wire_free(&message);
    message = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_REVOKE);
    lt_wire_free(&message);

    message = client_submit(client, job);
    assert_int_equal(message->job_reply->job->state, LEFTTAIL__JOB_STATE__JOB_RUNNING);
    assert_int_equal(message->job_reply->job->rows_known, PACK_ITEMS);
    lt_wire_free(&message);
    client_watch(client, job);
    worker_score(worker, JOB_PACKS - 1);
    message = client_event(client, "job_done");
    lt_wire_free(&message);
    check_rows(client, job);
    peer_close(worker, NULL);
    peer_close(client, NULL);
    job_free(job);
}

static void limit_files(const test_place *place, rlim_t bytes)
{
    const struct rlimit limit = {bytes, RLIM_INFINITY};
    assert_int_equal(prlimit(place->coordinator, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void a_full_disk_stops_the_acks_and_nothing_else(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("full");
    test_peer *client = open_client(place), *worker = open_worker(place, "w1", 1);
    client_run(client, job);
    Lefttail__Message *lease = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
    limit_files(place, 4096);
    worker_send(worker, lease->lease, 1, 0, PACK_ITEMS, 0);
    assert_null(peer_wait(worker, LEFTTAIL__MESSAGE__BODY_ACK, 700));
    Lefttail__Message *reply = client_status(client, job);
    assert_int_equal(reply->status_reply->jobs[0]->rows_scored, 0);
    lt_wire_free(&reply);
    limit_files(place, RLIM_INFINITY);
    peer_welcome(worker, 2); /* it was asked to say Hello again and sends again what has no ack */
    worker_send(worker, lease->lease, 1, 0, PACK_ITEMS, 0);
    worker_ack(worker, lease->lease, 1);
    worker_credit(worker, 1);
    client_watch(client, job);
    for (int i = 1; i < JOB_PACKS; i++) {
        Lefttail__Message *next = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
        while (next->lease->lease == lease->lease->lease) { /* repeated for the new session */
            lt_wire_free(&next);
            next = peer_expect(worker, LEFTTAIL__MESSAGE__BODY_LEASE);
        }
        worker_send(worker, next->lease, 1, 0, PACK_ITEMS, 0);
        worker_ack(worker, next->lease, 1);
        lt_wire_free(&next);
    }
    reply = client_event(client, "job_done");
    lt_wire_free(&reply);
    check_rows(client, job);
    lt_wire_free(&lease);
    peer_close(worker, NULL);
    peer_close(client, NULL);
    job_free(job);
}

static void garbage_ends_one_session_and_no_other(void **state)
{
    const test_place *place = *state;
    test_peer *client = open_client(place), *fuzzer = open_client(place);
    assert_int_equal(lt_dialler_send_bytes(fuzzer->dialler, "\xff\xff\xff\xff\xff\xff", 6), LT_OK);
    const uint64_t until_ms = lt_now_ms() + WAIT_MS;
    while (!fuzzer->refused)
        assert_true(peer_turn(fuzzer, until_ms));
    Lefttail__StatusRequest ask = LEFTTAIL__STATUS_REQUEST__INIT;
    client->request++;
    PEER_SEND(client, STATUS_REQUEST, status_request, &ask);
    Lefttail__Message *reply = peer_expect(client, LEFTTAIL__MESSAGE__BODY_STATUS_REPLY);
    assert_int_equal(reply->status_reply->n_jobs, 0);
    lt_wire_free(&reply);
    peer_close(fuzzer, NULL);
    peer_close(client, NULL);
}

static void the_wrong_door_is_shut(void **state)
{
    const test_place *place = *state;
    test_peer *lost = peer_open(place->workers, LEFTTAIL__ROLE__ROLE_CLIENT, "lost");
    const uint64_t until_ms = lt_now_ms() + WAIT_MS;
    while (!lost->refused)
        assert_true(peer_turn(lost, until_ms));
    assert_non_null(strstr(lost->why.what, "workers"));
    peer_close(lost, NULL);
}

static void work_of_a_silent_worker_goes_to_another(void **state)
{
    const test_place *place = *state;
    test_job *job = job_make("silent");
    test_peer *client = open_client(place), *silent = open_worker(place, "silent", 3);
    client_run(client, job);
    Lefttail__Message *message = peer_expect(silent, LEFTTAIL__MESSAGE__BODY_LEASE);
    lt_wire_free(&message);
    client_watch(client, job);
    test_peer *worker = open_worker(place, "w2", 1);
    worker_score(worker, JOB_PACKS); /* after the lease, or the worker, has timed out */
    message = client_event(client, "job_done");
    lt_wire_free(&message);
    check_rows(client, job);
    peer_close(worker, NULL);
    peer_close(silent, NULL);
    peer_close(client, NULL);
    job_free(job);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_open, place_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_goes_from_submit_to_rows),
        TEST(a_killed_coordinator_goes_on_where_it_was),
        TEST(a_lease_of_another_worker_is_not_taken),
        TEST(bad_rows_end_the_session_and_the_work_goes_on),
        TEST(an_upload_survives_its_client),
        TEST(a_cancelled_job_can_be_submitted_again),
        TEST(a_full_disk_stops_the_acks_and_nothing_else),
        TEST(garbage_ends_one_session_and_no_other),
        TEST(the_wrong_door_is_shut),
        TEST(work_of_a_silent_worker_goes_to_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
