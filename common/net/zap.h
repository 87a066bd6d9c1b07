/* Who may connect: the ZAP answerer of a coordinator, on a thread of its own. It must be open
 * before a router with keys is; without it, or when it has died, nobody gets in (routers enforce
 * their domain). One per process. */
#ifndef LT_COMMON_NET_ZAP_H
#define LT_COMMON_NET_ZAP_H

#include <stdint.h>

#include "common/net/keys.h"

#define LT_ZAP_WORKERS "workers" /* the domains: a client's key can never lease work */
#define LT_ZAP_CLIENTS "clients"

typedef struct lt_zap lt_zap;

lt_status lt_zap_open(lt_zap **out, lt_error *error);

/* Replaces a domain's list with *list (taken over; left empty). Connections that are up stay up:
 * refuse their next Hello by key. Any thread. */
void lt_zap_allow(lt_zap *zap, const char *domain, lt_allow_list *list);

typedef struct lt_zap_counts {
    uint64_t accepted, refused;
} lt_zap_counts;
lt_zap_counts lt_zap_counts_of(lt_zap *zap);

/* Ends the thread; call after the routers are closed. Safe on NULL; leaves NULL. */
void lt_zap_close(lt_zap **zap);

#endif
