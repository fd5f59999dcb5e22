/*===- Messages.h - What processes say to each other -----------*- C -*-===*\
|*
|* Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for licence information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

/* What a library exports that lets processes work together; one thread at a
   time calls it. */

#ifndef NEUROPLAST_LIB_LEARNING_MPI_MESSAGES_H
#define NEUROPLAST_LIB_LEARNING_MPI_MESSAGES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Says which process this is, from zero, and how many there are. Not 0 if it
   cannot. */
int32_t neuroplast_join(int32_t *number, int32_t *count);

/* Makes numbers, floats or doubles, the sums of those of all processes, which
   have as many of them, and which all call this. */
void neuroplast_add_up(void *numbers, int64_t count, int32_t isDouble);

/* At the end, when nothing went wrong. */
void neuroplast_leave(void);

#ifdef __cplusplus
}
#endif

#endif
