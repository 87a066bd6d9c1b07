/* Keys in a folder, allow lists, endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <zmq.h>

#include "common/file.h"
#include "common/net/endpoint.h"
#include "common/net/keys.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/lefttail-keys-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    return lt_dir_remove(dir, NULL);
}

static char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void made_keys_are_read_by_their_owners(void **state)
{
    (void)state;
    lt_error error = {0};
    struct stat st;
    lt_keys coordinator, worker;
    assert_int_equal(lt_keys_make(dir, &error), LT_OK);
    assert_int_equal(stat(in_dir("worker.secret"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(lt_keys_read(dir, LT_KEY_COORDINATOR, &coordinator, &error), LT_OK);
    assert_int_equal(lt_keys_read(dir, LT_KEY_WORKER, &worker, &error), LT_OK);
    assert_string_equal(worker.coordinator_public, coordinator.own_public);
    lt_allow_list list;
    assert_int_equal(lt_allow_list_read(dir, LT_KEY_WORKER, &list, &error), LT_OK);
    assert_int_equal(list.count, 1);
    assert_true(lt_allow_list_has(&list, worker.own_public));
    assert_false(lt_allow_list_has(&list, coordinator.own_public));
    lt_allow_list_fini(&list);
    assert_false(lt_allow_list_has(&list, worker.own_public));
}

static void keys_are_never_overwritten(void **state)
{
    (void)state;
    lt_error error = {0};
    assert_int_equal(lt_file_write(in_dir("client.secret"), "mine\n", 5, &error), LT_OK);
    assert_int_equal(lt_keys_make(dir, &error), LT_CONFLICT);
    assert_non_null(strstr(error.where, "client.secret"));
    assert_false(lt_file_exists(in_dir("coordinator.secret")));
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
    (void)state;
    lt_error error = {0};
    lt_keys keys;
    assert_int_equal(lt_keys_make(dir, &error), LT_OK);
    assert_int_equal(chmod(in_dir("client.secret"), 0640), 0);
    assert_int_equal(lt_keys_read(dir, LT_KEY_CLIENT, &keys, &error), LT_DENIED);
    assert_non_null(strstr(error.remedy, "chmod 600"));
    assert_string_equal(keys.own_secret, "");
}

static void a_broken_key_file_is_named(void **state)
{
    (void)state;
    lt_error error = {0};
    lt_keys keys;
    assert_int_equal(lt_keys_read(dir, LT_KEY_CLIENT, &keys, &error), LT_NOT_FOUND);
    assert_int_equal(lt_keys_make(dir, &error), LT_OK);
    assert_int_equal(lt_file_write(in_dir("coordinator.public"), "too short\n", 10, &error), LT_OK);
    assert_int_equal(lt_keys_read(dir, LT_KEY_CLIENT, &keys, &error), LT_INPUT);
    assert_non_null(strstr(error.where, "coordinator.public"));
}

static void allow_lists_take_comments_and_name_bad_lines(void **state)
{
    (void)state;
    char keys[2][41], secret[41], text[512];
    lt_error error = {0};
    lt_allow_list list;
    for (int i = 0; i < 2; i++)
        assert_int_equal(zmq_curve_keypair(keys[i], secret), 0);
    snprintf(text, sizeof text, "# ours\n\n%s  node7, rack 2\n  %s\n", keys[0], keys[1]);
    assert_int_equal(lt_file_write(in_dir("clients.allow"), text, strlen(text), &error), LT_OK);
    assert_int_equal(lt_allow_list_read(dir, LT_KEY_CLIENT, &list, &error), LT_OK);
    assert_int_equal(list.count, 2);
    assert_true(lt_allow_list_has(&list, keys[0]) && lt_allow_list_has(&list, keys[1]));
    lt_allow_list_fini(&list);
    snprintf(text, sizeof text, "# ours\n%s\nnot-a-key node8\n", keys[0]);
    assert_int_equal(lt_file_write(in_dir("clients.allow"), text, strlen(text), &error), LT_OK);
    assert_int_equal(lt_allow_list_read(dir, LT_KEY_CLIENT, &list, &error), LT_INPUT);
    assert_non_null(strstr(error.where, "clients.allow:3"));
    assert_int_equal(list.count, 0);
}

static void endpoints_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"tcp://host.example:7401", "tcp://10.0.0.1:1",
                                       "tcp://[fe80::1]:65535", "ipc:///run/x"};
    static const char *const bad[] = {"",
                                      "host:1",
                                      "tcp://host",
                                      "tcp://:7",
                                      "tcp://host:65536",
                                      "tcp://host:x",
                                      "tcp://host:0",
                                      "tcp://*:7",
                                      "tcp://::1:7",
                                      "tcp://[::1]",
                                      "ipc://relative",
                                      "ipc:///",
                                      "udp://h:1"};
    lt_error error = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(lt_endpoint_check(good[i], false, &error), LT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(lt_endpoint_check(bad[i], false, &error), LT_INPUT);
    assert_int_equal(lt_endpoint_check("tcp://*:*", true, &error), LT_OK);
    assert_int_equal(lt_endpoint_check("tcp://0.0.0.0:0", true, &error), LT_OK);
    char path[200] = "ipc:///";
    memset(path + 7, 'x', 150);
    assert_int_equal(lt_endpoint_check(path, true, &error), LT_INPUT);
}

static void only_this_machine_is_local(void **state)
{
    (void)state;
    static const char *const local[] = {"ipc:///x", "tcp://127.0.0.1:1", "tcp://127.9.9.9:1",
                                        "tcp://localhost:1", "tcp://[::1]:1"};
    static const char *const remote[] = {"tcp://0.0.0.0:1",
                                         "tcp://*:1",
                                         "tcp://eth0:1",
                                         "tcp://127.example.org:1",
                                         "tcp://[::]:1",
                                         "tcp://10.0.0.1:1",
                                         "tcp://localhost.example.org:1"};
    lt_error error = {0};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(lt_endpoint_is_local(local[i]));
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
        assert_false(lt_endpoint_is_local(remote[i]));
        assert_int_equal(lt_endpoint_check_keys(remote[i], false, &error), LT_DENIED);
        assert_int_equal(lt_endpoint_check_keys(remote[i], true, &error), LT_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_keys_are_read_by_their_owners, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(keys_are_never_overwritten, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_secret_that_others_can_read_is_refused, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(a_broken_key_file_is_named, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(allow_lists_take_comments_and_name_bad_lines, make_dir,
                                        drop_dir),
        cmocka_unit_test(endpoints_are_checked),
        cmocka_unit_test(only_this_machine_is_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
