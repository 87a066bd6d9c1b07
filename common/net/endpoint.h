/* Where a socket listens or connects: "tcp://host:port", "tcp://[::1]:port", "ipc:///path". */
#ifndef LT_COMMON_NET_ENDPOINT_H
#define LT_COMMON_NET_ENDPOINT_H

#include <stdbool.h>

#include "common/status.h"

#define LT_ENDPOINT_BYTES_MAX 256 /* with the NUL */

/* Checks the form: scheme, host, port (0 to 65535; "*" and 0 only to bind), ipc path within what
 * a Unix socket can hold (107 bytes). LT_INPUT. */
lt_status lt_endpoint_check(const char *endpoint, bool to_bind, lt_error *error);

/* True when only this machine can reach it: ipc, and tcp on 127.0.0.0/8, [::1] or localhost.
 * A wildcard and an interface name are not local. */
bool lt_endpoint_is_local(const char *endpoint);

/* LT_DENIED, with what to do, when the endpoint is not local and there are no keys. Both sides call
 * it before they open a socket. */
lt_status lt_endpoint_check_keys(const char *endpoint, bool have_keys, lt_error *error);

#endif
