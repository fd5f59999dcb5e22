//===- Losses.cpp - What training makes smaller ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Losses.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;
using neuro::Term;

std::optional<Loss> neuroplast::training::parseLoss(StringRef name) {
  return llvm::StringSwitch<std::optional<Loss>>(name)
      .Case("cross-entropy", Loss::CrossEntropy)
      .Case("mse", Loss::MeanSquares)
      .Case("mae", Loss::MeanMagnitude)
      .Default(std::nullopt);
}

RankedTensorType neuroplast::training::getLabelsType(Loss loss,
                                                     RankedTensorType output,
                                                     std::string &reason) {
  if (loss != Loss::CrossEntropy)
    return output;
  if (output.getRank() < 2 || output.isDynamicDim(1)) {
    reason = "cross-entropy needs an output whose second axis has classes";
    return {};
  }
  SmallVector<int64_t> shape(output.getShape());
  shape.erase(shape.begin() + 1);
  return RankedTensorType::get(shape,
                               IntegerType::get(output.getContext(), 64));
}

/// The mean of all elements.
static Term average(const Term &term) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, term.getRank()));
  return term.sum(axes, /*keep=*/false) /
         neuro::countElements(term, term.get(), axes);
}

static Term crossEntropy(const Term &output, const Term &labels) {
  neuro::TermBuilder &at = output.getBuilder();
  OpBuilder &b = at.builder;
  RankedTensorType type = output.getType();
  // Of a softmax along the classes the logits are known, and their logarithms
  // without rounding to zero first.
  Term logits;
  if (auto softmax = output.get().getDefiningOp<neuro::SoftmaxOp>();
      softmax &&
      neuro::detail::normalizeAxis(softmax.getAxis(), output.getRank()) == 1)
    logits = Term(at, softmax.getInput());
  else
    logits = output;
  Term logarithms(at,
                  neuro::LogSoftmaxOp::create(b, at.location, logits.get(), 1));
  SmallVector<Attribute> offOn{b.getFloatAttr(type.getElementType(), 0),
                               b.getFloatAttr(type.getElementType(), 1)};
  Term values(
      at, neuro::ConstantOp::create(
              b, at.location,
              DenseElementsAttr::get(
                  RankedTensorType::get({2}, type.getElementType()), offOn)));
  Term chosen(at, neuro::OneHotOp::create(
                      b, at.location, labels.get(), values.get(), Value(),
                      b.getI64IntegerAttr(type.getDimSize(1)),
                      b.getI64IntegerAttr(1)));
  return average((logarithms * chosen).sum(1) * -1);
}

Term neuroplast::training::buildLoss(Loss loss, const Term &output,
                                     const Term &labels) {
  switch (loss) {
  case Loss::CrossEntropy:
    return crossEntropy(output, labels);
  case Loss::MeanSquares:
    return average((output - labels) * (output - labels));
  case Loss::MeanMagnitude:
    return average((output - labels).abs());
  }
  llvm_unreachable("all losses are covered");
}
