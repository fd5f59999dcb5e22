//===- Accuracy.cpp - What of labels a network gets right -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/Accuracy.h"

#include <numeric>

using namespace neuroplast;
using namespace neuroplast::learning;

static int64_t readLabel(const HostTensor &labels, int64_t index) {
  int64_t label;
  memcpy(&label, labels.bytes.data() + index * sizeof label, sizeof label);
  return label;
}

/// Classes of an output lie so far apart.
static int64_t findBest(const HostTensor &output, int64_t first,
                        int64_t classes, int64_t stride) {
  auto read = [&](int64_t c) {
    int64_t index = first + c * stride;
    if (output.dtype == NEUROPLAST_FLOAT64)
      return reinterpret_cast<const double *>(output.bytes.data())[index];
    return static_cast<double>(
        reinterpret_cast<const float *>(output.bytes.data())[index]);
  };
  int64_t best = 0;
  for (int64_t c = 1; c < classes; ++c)
    if (read(c) > read(best))
      best = c;
  return best;
}

/// The labels of an example, up to the first that is none.
static std::vector<int64_t> readSequence(const HostTensor &labels,
                                         int64_t example) {
  std::vector<int64_t> sequence;
  for (int64_t i = 0; i < labels.shape[1]; ++i) {
    int64_t label = readLabel(labels, example * labels.shape[1] + i);
    if (label < 0)
      break;
    sequence.push_back(label);
  }
  return sequence;
}

/// Labels to insert, to remove or to replace.
static int64_t countEdits(llvm::ArrayRef<int64_t> from,
                          llvm::ArrayRef<int64_t> to) {
  std::vector<int64_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t corner = row[0];
    row[0] = static_cast<int64_t>(i) + 1;
    for (size_t j = 0; j < to.size(); ++j) {
      int64_t replaced = corner + (from[i] != to[j]);
      corner = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row.back();
}

std::string Accuracy::check(const HostTensor &labels,
                            const HostTensor &output) const {
  if (labels.dtype != NEUROPLAST_INT64)
    return "";
  int64_t classes = output.shape[isOfSequences ? 2 : 1];
  for (int64_t i = 0; i < labels.getNumElements(); ++i)
    if (int64_t label = readLabel(labels, i);
        label >= classes || (label < 0 && !isOfSequences))
      return "labels hold " + std::to_string(label) + ", but there are " +
             std::to_string(classes) + " classes";
  return isOfSequences ? checkSequences(labels, output) : "";
}

std::string Accuracy::checkSequences(const HostTensor &labels,
                                     const HostTensor &output) const {
  for (int64_t example = 0; example < labels.shape[0]; ++example) {
    std::vector<int64_t> sequence = readSequence(labels, example);
    auto needed = static_cast<int64_t>(sequence.size());
    for (size_t i = 0; i < sequence.size(); ++i) {
      if (sequence[i] == blank)
        return "labels hold " + std::to_string(blank) +
               ", the class of times that say nothing";
      needed += i > 0 && sequence[i] == sequence[i - 1];
    }
    for (int64_t i = static_cast<int64_t>(sequence.size()); i < labels.shape[1];
         ++i)
      if (readLabel(labels, example * labels.shape[1] + i) >= 0)
        return "labels go on behind one that is negative";
    if (needed > output.shape[1])
      return "an example has labels for " + std::to_string(needed) +
             " times, and the output " + std::to_string(output.shape[1]);
  }
  return "";
}

void Accuracy::add(const HostTensor &labels, const HostTensor &output) {
  if (isOfSequences)
    return addSequences(labels, output);
  // Classes lie along axis 1, with so many places behind it.
  int64_t classes = output.shape[1], inner = 1;
  for (int64_t size : llvm::ArrayRef(output.shape).drop_front(2))
    inner *= size;
  for (int64_t i = 0; i < labels.getNumElements(); ++i) {
    int64_t first = i / inner * classes * inner + i % inner;
    right += findBest(output, first, classes, inner) == readLabel(labels, i);
  }
  count += labels.getNumElements();
}

void Accuracy::addSequences(const HostTensor &labels,
                            const HostTensor &output) {
  int64_t times = output.shape[1], classes = output.shape[2];
  for (int64_t example = 0; example < labels.shape[0]; ++example) {
    std::vector<int64_t> spelt, sequence = readSequence(labels, example);
    int64_t before = blank;
    for (int64_t time = 0; time < times; ++time) {
      int64_t best = findBest(output, (example * times + time) * classes,
                              classes, /*stride=*/1);
      if (best != before && best != blank)
        spelt.push_back(best);
      before = best;
    }
    auto length = static_cast<int64_t>(sequence.size());
    right += std::max<int64_t>(0, length - countEdits(spelt, sequence));
    count += length;
  }
}
