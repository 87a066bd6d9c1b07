/* A coordinator process spoken to over its sockets: what clients and workers do on a good day. */
#include "shell_says.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_open, place_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_goes_from_submit_to_rows),
        TEST(an_upload_survives_its_client),
        TEST(a_cancelled_job_can_be_submitted_again),
        TEST(the_wrong_door_is_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
