/* The inside of a session: one request, one reply. For client/remote_*.c alone. */
#ifndef LT_CLIENT_REMOTE_CALL_H
#define LT_CLIENT_REMOTE_CALL_H

#include "client/remote.h"

/* Numbers the message, sends it, waits. LT_PROTOCOL when the reply has another body than `expected`.
 * On LT_OK *reply is the caller's (lt_wire_free); on failure it is untouched. */
lt_status lt_remote_call(lt_remote *remote, Lefttail__Message *message, Lefttail__Message__BodyCase expected,
                         Lefttail__Message **reply, lt_error *error);

#endif
