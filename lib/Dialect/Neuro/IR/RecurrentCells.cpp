//===- RecurrentCells.cpp - The cells of recurrent layers -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/RecurrentCells.h"

using namespace mlir;
using namespace neuroplast::neuro;

int64_t neuroplast::neuro::countGates(CellKind kind) {
  return kind == CellKind::RNN ? 1 : (kind == CellKind::GRU ? 3 : 4);
}

size_t neuroplast::neuro::countActivations(CellKind kind) {
  return kind == CellKind::RNN ? 1 : (kind == CellKind::GRU ? 2 : 3);
}

namespace {

/// What is known of an activation function: which constants it takes, and what
/// they are if the node lists none.
struct ActivationEntry {
  StringLiteral name;
  bool hasAlpha, hasBeta;
  double alpha, beta;
};
constexpr ActivationEntry kActivations[] = {
    {"sigmoid", false, false, 0, 0},     {"tanh", false, false, 0, 0},
    {"relu", false, false, 0, 0},        {"affine", true, true, 1, 0},
    {"leakyrelu", true, false, 0.01, 0}, {"thresholdedrelu", true, false, 1, 0},
    {"scaledtanh", true, true, 1, 1},    {"hardsigmoid", true, true, 0.2, 0.5},
    {"elu", true, false, 1, 0},          {"softsign", false, false, 0, 0},
    {"softplus", false, false, 0, 0}};

} // namespace

FailureOr<SmallVector<CellActivation>>
neuroplast::neuro::parseActivations(CellKind kind, unsigned directions,
                                    std::optional<ArrayAttr> names,
                                    std::optional<ArrayRef<float>> alphas,
                                    std::optional<ArrayRef<float>> betas) {
  SmallVector<std::string> list;
  if (names && !names->empty()) {
    for (StringRef name : names->getAsValueRange<StringAttr>())
      list.push_back(name.lower());
  } else {
    for (unsigned d = 0; d < directions; ++d) {
      if (kind != CellKind::RNN)
        list.push_back("sigmoid");
      list.push_back("tanh");
      if (kind == CellKind::LSTM)
        list.push_back("tanh");
    }
  }
  if (list.size() != countActivations(kind) * directions)
    return failure();
  SmallVector<CellActivation> result;
  size_t nextAlpha = 0, nextBeta = 0;
  auto take = [](std::optional<ArrayRef<float>> values, size_t &next,
                 double otherwise) -> double {
    return values && next < values->size() ? (*values)[next++] : otherwise;
  };
  for (const std::string &name : list) {
    const auto *entry = llvm::find_if(
        kActivations, [&](const auto &known) { return known.name == name; });
    if (entry == std::end(kActivations))
      return failure();
    CellActivation activation{name};
    if (entry->hasAlpha)
      activation.alpha = take(alphas, nextAlpha, entry->alpha);
    if (entry->hasBeta)
      activation.beta = take(betas, nextBeta, entry->beta);
    result.push_back(activation);
  }
  return result;
}
