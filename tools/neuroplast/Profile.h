//===- Profile.h - What the time of a run goes into -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_PROFILE_H
#define NEUROPLAST_TOOLS_NEUROPLAST_PROFILE_H

#include "neuroplast/Runtime/Model.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::driver {

/// A row of a profile: a kernel call, or all that is none.
struct ProfileRow {
  std::string nodes, kernel;
  double milliseconds; ///< Of one run.
  double calls;        ///< In one run: one, or as many as a loop has steps.
  double share;        ///< Of the time of the run.
  double gigaflops;    ///< A second; 0 if not known.
  double ofPeak;       ///< Of what the cores that share the work could do.
};

/// The profile of a model that ran so often on so many threads, the longest
/// first; `peak` is that of one core, in operations per nanosecond.
std::vector<ProfileRow> makeProfile(const Model &model, double runs,
                                    double peak, unsigned threads);

void printProfile(llvm::raw_ostream &os, llvm::ArrayRef<ProfileRow> rows);
llvm::json::Array toJson(llvm::ArrayRef<ProfileRow> rows);
/// A picture with a bar for each of the longest rows: how long it takes, and
/// how much of the peak it reaches.
void drawProfile(llvm::raw_ostream &os, llvm::ArrayRef<ProfileRow> rows);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_PROFILE_H
