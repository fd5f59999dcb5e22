//===- profile.h - What parts of a compiled model take ----------*- C -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_SUPPORT_PROFILE_H
#define NEUROPLAST_LIB_RUNTIME_SUPPORT_PROFILE_H

#include <stdint.h>

/* The time of a part of a model, and how often it ran: a part of a loop in each
   of its steps. */
typedef struct NeuroplastTime {
  int64_t nanoseconds, calls;
} NeuroplastTime;

#endif /* NEUROPLAST_LIB_RUNTIME_SUPPORT_PROFILE_H */
