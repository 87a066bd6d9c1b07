/* The process's one ZeroMQ context: ending one of two would disturb the other (libzmq closes
 * its random source with a context). */
#ifndef LT_COMMON_NET_CONTEXT_H
#define LT_COMMON_NET_CONTEXT_H

/* Made at the first call; the socket files use it. Any thread. Aborts if it cannot be made. Raises
 * the process's soft limit of open files to the hard one: a coordinator has one for every peer. */
void *lt_net_context(void);

/* Ends the context when every socket of the process is closed (lt_router_close, lt_dealer_close
 * and a run of the loop; lt_zap_close). Waits up to the linger time of what is still being sent.
 * Call once, at the end of main; safe if there never was a context. */
void lt_net_fini(void);

#endif
