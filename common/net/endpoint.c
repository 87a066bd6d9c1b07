#include "common/net/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

struct parts {
    const char *host;
    size_t host_len;
    const char *port;
};

/* Splits what stands behind "tcp://". An IPv6 address is in brackets, which are left off. */
static bool split(const char *address, struct parts *out)
{
    if (*address == '[') {
        const char *close = strchr(address, ']');
        if (!close || close[1] != ':')
            return false;
        *out = (struct parts){address + 1, (size_t)(close - address - 1), close + 2};
        return out->host_len > 0;
    }
    const char *colon = strrchr(address, ':');
    if (!colon || memchr(address, ':', (size_t)(colon - address)))
        return false;
    *out = (struct parts){address, (size_t)(colon - address), colon + 1};
    return out->host_len > 0;
}

static bool port_is_good(const char *port, bool to_bind)
{
    if (to_bind && strcmp(port, "*") == 0)
        return true;
    if (!*port || strspn(port, "0123456789") != strlen(port) || strlen(port) > 5)
        return false;
    const int number = atoi(port);
    return number <= 65535 && (number > 0 || to_bind);
}

lt_status lt_endpoint_check(const char *endpoint, bool to_bind, lt_error *error)
{
    const char *form =
        to_bind ? "tcp://ADDRESS:PORT or ipc:///PATH" : "tcp://HOST:PORT or ipc:///PATH";
    if (strlen(endpoint) >= LT_ENDPOINT_BYTES_MAX)
        return lt_fail(error, LT_INPUT, NULL, "the endpoint is longer than %d bytes",
                       LT_ENDPOINT_BYTES_MAX - 1);
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        const size_t room = sizeof((struct sockaddr_un *)0)->sun_path - 1;
        if (strlen(endpoint + 6) > room)
            return lt_remedy(error,
                             lt_fail(error, LT_INPUT, endpoint,
                                     "the path is longer than the %zu bytes that a socket may have",
                                     room),
                             "use a shorter folder");
        if (endpoint[6] == '/' && endpoint[7])
            return LT_OK;
    }
    struct parts parts;
    if (strncmp(endpoint, "tcp://", 6) == 0 && split(endpoint + 6, &parts) &&
        port_is_good(parts.port, to_bind) &&
        (to_bind || (parts.host_len != 1 || *parts.host != '*')))
        return LT_OK;
    return lt_expected(error, lt_fail(error, LT_INPUT, NULL, "'%s' is not an endpoint", endpoint),
                       "%s", form);
}

bool lt_endpoint_is_local(const char *endpoint)
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return true;
    struct parts parts;
    if (strncmp(endpoint, "tcp://", 6) != 0 || !split(endpoint + 6, &parts))
        return false;
    const bool in_brackets = endpoint[6] == '[';
    char host[64];
    if (parts.host_len >= sizeof host)
        return false;
    memcpy(host, parts.host, parts.host_len);
    host[parts.host_len] = '\0';
    if (in_brackets)
        return strcmp(host, "::1") == 0;
    if (strcmp(host, "localhost") == 0)
        return true;
    /* Digits and dots only: "127.example.org" is somebody's machine. */
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host);
}

lt_status lt_endpoint_check_keys(const char *endpoint, bool have_keys, lt_error *error)
{
    if (have_keys || lt_endpoint_is_local(endpoint))
        return LT_OK;
    return lt_remedy(error,
                     lt_fail(error, LT_DENIED, endpoint,
                             "other machines can reach this endpoint, and there are no keys"),
                     "make keys with 'lefttail keygen DIR' and give --keys DIR");
}
