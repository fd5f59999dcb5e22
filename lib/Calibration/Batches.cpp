//===- Batches.cpp - Data for calibration ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/Batches.h"

using namespace mlir;
using namespace neuroplast;

/// Some examples of a tensor.
static HostTensor slice(const HostTensor &tensor, int64_t first,
                        int64_t count) {
  HostTensor result;
  result.dtype = tensor.dtype;
  result.shape = tensor.shape;
  result.shape[0] = count;
  size_t size = tensor.bytes.size() / std::max<int64_t>(tensor.shape[0], 1);
  auto start = tensor.bytes.begin() + first * size;
  result.bytes.assign(start, start + count * size);
  result.texts = tensor.texts;
  return result;
}

llvm::Expected<std::vector<NamedTensors>>
calibration::makeBatches(func::FuncOp main, const NamedTensors &data,
                         int64_t most) {
  auto fail = [](const Twine &reason) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), reason);
  };
  std::optional<int64_t> fixed, examples;
  bool countsAlike = most > 0;
  size_t found = 0;
  for (BlockArgument argument : main.getArguments()) {
    auto name = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                  "neuro.name");
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    auto it = name ? data.find(name.str()) : data.end();
    if (it == data.end())
      return fail("the data have no input '" +
                  (name ? name.getValue() : StringRef("?")) + "'");
    ++found;
    const std::vector<int64_t> &shape = it->second.shape;
    if (!type || type.getRank() != static_cast<int64_t>(shape.size()))
      return fail("input '" + name.getValue() + "' has another number of axes");
    for (int64_t axis = 1; axis < type.getRank(); ++axis)
      if (!type.isDynamicDim(axis) && type.getDimSize(axis) != shape[axis])
        return fail("input '" + name.getValue() + "' has size " +
                    Twine(shape[axis]) + " along axis " + Twine(axis) +
                    ", expected " + Twine(type.getDimSize(axis)));
    if (shape.empty()) {
      countsAlike = false;
      continue;
    }
    countsAlike &= !examples || *examples == shape[0];
    examples = shape[0];
    if (type.isDynamicDim(0))
      continue;
    countsAlike &= !fixed || *fixed == type.getDimSize(0);
    fixed = type.getDimSize(0);
  }
  if (found != data.size())
    return fail("the data have arrays that are no inputs of the model");
  if (!countsAlike || !examples || *examples == 0)
    return std::vector<NamedTensors>{data};
  int64_t size = std::min(most, *examples);
  while (*examples % size != 0 && size > (most + 1) / 2)
    --size;
  if (fixed)
    size = *fixed;
  if (size < 1 || size > *examples)
    return fail("the model takes batches of " + Twine(size) +
                " examples, and the data have " + Twine(*examples));
  std::vector<NamedTensors> batches;
  for (int64_t first = 0; first + size <= *examples; first += size) {
    NamedTensors &batch = batches.emplace_back();
    for (const auto &[name, tensor] : data)
      batch[name] = slice(tensor, first, size);
  }
  return batches;
}
