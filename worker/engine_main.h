/* The engine process: `lefttail-worker --engine`, started by a worker with a socket on descriptor
 * LT_ENGINE_FD. Loads checkpoints, scores runs, sends rows. It has no network socket and no keys,
 * and dies with its worker. */
#ifndef LT_WORKER_ENGINE_MAIN_H
#define LT_WORKER_ENGINE_MAIN_H

#define LT_ENGINE_FD 3

/* Returns the process's exit code: 0 when the worker closed the socket. threads 0: all cores. */
int lt_engine_main(int threads);

#endif
