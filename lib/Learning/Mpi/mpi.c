/*===- mpi.c - What processes say to each other by MPI ---------*- C -*-===*\
|*
|* Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for licence information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

/* A library of its own, so that only those who train with several processes
   need one of MPI. An error of MPI ends all of them. */

#include "Messages.h"

#include <limits.h>
#include <mpi.h>

static int isOurs; /* Nobody else in this process speaks MPI. */

__attribute__((visibility("default"))) int32_t neuroplast_join(int32_t *number,
                                                               int32_t *count) {
  int provided = 0, isRunning = 0;
  MPI_Initialized(&isRunning);
  isOurs = !isRunning;
  int code = isOurs ? MPI_Init_thread(0, 0, MPI_THREAD_SERIALIZED, &provided)
                    : MPI_Query_thread(&provided);
  if (code != MPI_SUCCESS || provided < MPI_THREAD_SERIALIZED)
    return 1;
  MPI_Comm_rank(MPI_COMM_WORLD, number);
  MPI_Comm_size(MPI_COMM_WORLD, count);
  return 0;
}

__attribute__((visibility("default"))) void
neuroplast_add_up(void *numbers, int64_t count, int32_t isDouble) {
  /* MPI counts in int. */
  while (count > 0) {
    int some = count < INT_MAX ? (int)count : INT_MAX;
    MPI_Allreduce(MPI_IN_PLACE, numbers, some,
                  isDouble ? MPI_DOUBLE : MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    numbers =
        (char *)numbers +
        (int64_t)some * (int64_t)(isDouble ? sizeof(double) : sizeof(float));
    count -= some;
  }
}

__attribute__((visibility("default"))) void neuroplast_leave(void) {
  if (isOurs)
    MPI_Finalize();
}
