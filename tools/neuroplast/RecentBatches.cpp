//===- RecentBatches.cpp - What a network has seen lately -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RecentBatches.h"

using namespace neuroplast;
using namespace neuroplast::driver;

void RecentBatches::add(NamedTensors batch) {
  if (batches.size() == kMost)
    batches.erase(batches.begin());
  batches.push_back(std::move(batch));
}

llvm::LogicalResult RecentBatches::edit(learning::Learner &learner,
                                        mlir::ModuleOp network,
                                        const EditCommand &command) const {
  std::vector<NamedTensors> inputs = batches;
  for (NamedTensors &batch : inputs)
    batch.erase("labels");
  return command.run(
      {network, inputs, [&] { return learner.measureGradients(batches); }});
}
