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

std::optional<Loss::Kind> Loss::parseKind(StringRef name) {
  return llvm::StringSwitch<std::optional<Kind>>(name)
      .Case("cross-entropy", Kind::CrossEntropy)
      .Case("soft-cross-entropy", Kind::SoftCrossEntropy)
      .Case("kl", Kind::Divergence)
      .Case("bce", Kind::BinaryCrossEntropy)
      .Case("mse", Kind::MeanSquares)
      .Case("mae", Kind::MeanMagnitude)
      .Case("huber", Kind::Huber)
      .Case("cosine", Kind::Cosine)
      .Default(std::nullopt);
}

StringRef Loss::getKinds() {
  return "cross-entropy, soft-cross-entropy, kl, bce, mse, mae, huber and "
         "cosine";
}

RankedTensorType Loss::getLabelsType(RankedTensorType output,
                                     std::string &reason) const {
  bool needsClasses = kind == Kind::CrossEntropy ||
                      kind == Kind::SoftCrossEntropy ||
                      kind == Kind::Divergence || kind == Kind::Cosine;
  if (needsClasses && (output.getRank() < 2 || output.isDynamicDim(1))) {
    reason = "the loss needs an output whose second axis has a known size, as "
             "that of classes";
    return {};
  }
  if (!hasClasses())
    return output;
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

/// The logarithms of the probabilities of classes. Of a softmax along them the
/// logits are known, and the logarithms without rounding to zero first.
static Term findLogProbabilities(const Term &output) {
  neuro::TermBuilder &at = output.getBuilder();
  Value logits = output.get();
  if (auto softmax = logits.getDefiningOp<neuro::SoftmaxOp>();
      softmax &&
      neuro::detail::normalizeAxis(softmax.getAxis(), output.getRank()) == 1)
    logits = softmax.getInput();
  return {at, neuro::LogSoftmaxOp::create(at.builder, at.location, logits, 1)};
}

/// Labels that are classes as probabilities of all of them.
static Term spreadOut(const Term &labels, RankedTensorType type,
                      double smoothing) {
  neuro::TermBuilder &at = labels.getBuilder();
  OpBuilder &b = at.builder;
  Type element = type.getElementType();
  double rest = smoothing / static_cast<double>(type.getDimSize(1));
  SmallVector<Attribute> offOn{b.getFloatAttr(element, rest),
                               b.getFloatAttr(element, 1 - smoothing + rest)};
  auto values = neuro::ConstantOp::create(
      b, at.location,
      DenseElementsAttr::get(RankedTensorType::get({2}, element), offOn));
  return {at,
          neuro::OneHotOp::create(b, at.location, labels.get(), values, Value(),
                                  b.getI64IntegerAttr(type.getDimSize(1)),
                                  b.getI64IntegerAttr(1))};
}

static Term crossEntropy(const Term &output, const Term &probabilities) {
  return average((findLogProbabilities(output) * probabilities).sum(1) * -1);
}

Term Loss::build(const Term &output, const Term &labels) const {
  Term difference;
  switch (kind) {
  case Kind::CrossEntropy:
    return crossEntropy(output, spreadOut(labels, output.getType(), smoothing));
  case Kind::SoftCrossEntropy:
    return crossEntropy(output, labels);
  case Kind::Divergence: {
    // What has no probability takes no part, though its logarithm is infinite.
    Term own = (labels > 0).select(labels * labels.log(), 0);
    return crossEntropy(output, labels) + average(own.sum(1));
  }
  case Kind::BinaryCrossEntropy: {
    Value logits = output.get();
    if (auto sigmoid = logits.getDefiningOp<neuro::SigmoidOp>())
      logits = sigmoid.getInput();
    Term z(output.getBuilder(), logits);
    return average(z.softplus() - z * labels);
  }
  case Kind::MeanSquares:
    difference = output - labels;
    return average(difference * difference);
  case Kind::MeanMagnitude:
    return average((output - labels).abs());
  case Kind::Huber: {
    difference = output - labels;
    Term size = difference.abs();
    return average(
        (size < delta)
            .select(difference * difference * 0.5, (size - delta / 2) * delta));
  }
  case Kind::Cosine: {
    Term product = (output * labels).sum(1);
    Term norms = ((output * output).sum(1) * (labels * labels).sum(1)).sqrt();
    return 1 - average(product / norms);
  }
  }
  llvm_unreachable("all losses are covered");
}
