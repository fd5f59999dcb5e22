//===- Losses.cpp - What training makes smaller ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Losses.h"
#include "SequenceLoss.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
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
      .Case("ctc", Kind::Sequence)
      .Case("contrastive", Kind::Contrastive)
      .Default(std::nullopt);
}

StringRef Loss::getKinds() {
  return "cross-entropy, soft-cross-entropy, kl, bce, mse, mae, huber, cosine, "
         "ctc and contrastive";
}

namespace {

/// What probabilities of classes are made of, and the axis of the classes.
struct Logits {
  Term values;
  int64_t axis = 1;

  /// Whether a softmax says which axis it is.
  static bool isKnown(const Term &output) {
    return isa_and_nonnull<neuro::SoftmaxOp, neuro::LogSoftmaxOp>(
        output.get().getDefiningOp());
  }

  /// Of a softmax the logits are known, and the logarithms without rounding to
  /// zero first.
  static Logits find(const Term &output) {
    Operation *op = output.get().getDefiningOp();
    auto at = [&](int64_t axis) {
      return neuro::detail::normalizeAxis(axis, output.getRank());
    };
    if (auto softmax = dyn_cast_or_null<neuro::SoftmaxOp>(op))
      return {Term(output.getBuilder(), softmax.getInput()),
              at(softmax.getAxis())};
    if (auto softmax = dyn_cast_or_null<neuro::LogSoftmaxOp>(op))
      return {output, at(softmax.getAxis())};
    return {output};
  }
};

} // namespace

/// What the elements of an output are the sigmoids of, or themselves.
static Term findSigmoidLogits(const Term &output) {
  auto sigmoid = output.get().getDefiningOp<neuro::SigmoidOp>();
  return sigmoid ? Term(output.getBuilder(), sigmoid.getInput()) : output;
}

RankedTensorType Loss::getSequenceType(const Term &output,
                                       std::string &reason) const {
  RankedTensorType type = output.getType();
  // Half precision has no number for what is next to impossible.
  bool isRight = type.getRank() == 3 && type.hasStaticShape() &&
                 !type.getElementType().isF16() &&
                 (Logits::find(output).axis == 2 || !Logits::isKnown(output));
  if (!isRight)
    reason = "ctc needs an output of known sizes, of more than half precision, "
             "whose axes are examples, times and classes";
  else if (blank < 0 || blank >= type.getDimSize(2))
    reason = "there is no class " + std::to_string(blank) +
             " for times that say nothing";
  else if (mostLabels < 1)
    reason = "ctc needs labels of two axes: examples, and the labels of each";
  else if (mostLabels > type.getDimSize(1))
    reason = "ctc cannot spread " + std::to_string(mostLabels) +
             " labels over " + std::to_string(type.getDimSize(1)) + " times";
  else
    return RankedTensorType::get({type.getDimSize(0), mostLabels},
                                 IntegerType::get(type.getContext(), 64));
  return {};
}

RankedTensorType Loss::getLabelsType(const Term &output,
                                     std::string &reason) const {
  RankedTensorType type = output.getType();
  if (kind == Kind::Sequence)
    return getSequenceType(output, reason);
  if (kind == Kind::Contrastive) {
    if (type.getRank() == 2 && type.hasStaticShape())
      return RankedTensorType::get(type.getShape().take_front(),
                                   IntegerType::get(type.getContext(), 64));
    reason = "contrastive needs an output of known sizes whose axes are "
             "examples and features";
    return {};
  }
  bool isOfClasses = kind == Kind::CrossEntropy ||
                     kind == Kind::SoftCrossEntropy || kind == Kind::Divergence;
  int64_t axis = isOfClasses ? Logits::find(output).axis : 1;
  if ((isOfClasses || kind == Kind::Cosine) &&
      (type.getRank() <= axis || type.isDynamicDim(axis))) {
    reason = "the loss needs an output whose axis " + std::to_string(axis) +
             " has a known size, as that of classes";
    return {};
  }
  if (isOfClasses && blankWeight != 1 && blank >= type.getDimSize(axis)) {
    reason = "there is no class " + std::to_string(blank) +
             " for times that say nothing";
    return {};
  }
  if (!hasClasses())
    return type;
  if (axis != 1) {
    reason = "cross-entropy needs classes along axis 1, and the softmax has "
             "them along axis " +
             std::to_string(axis);
    return {};
  }
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + 1);
  return RankedTensorType::get(shape, IntegerType::get(type.getContext(), 64));
}

Term neuroplast::training::average(const Term &term) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, term.getRank()));
  return term.sum(axes, /*keep=*/false) /
         neuro::countElements(term, term.get(), axes);
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

/// A term at a temperature.
static Term cool(const Term &logits, double temperature) {
  return temperature == 1 ? logits : logits / temperature;
}

/// The cross-entropy of each place, of softened logits.
static Term crossEntropy(const Term &output, const Term &probabilities,
                         double temperature) {
  auto [logits, axis] = Logits::find(output);
  neuro::TermBuilder &at = output.getBuilder();
  Term logarithms(
      at, neuro::LogSoftmaxOp::create(at.builder, at.location,
                                      cool(logits, temperature).get(), axis));
  return (logarithms * probabilities).sum(axis) * -1;
}

Term Loss::weigh(const Term &places, const Term &labels, int64_t axis) const {
  if (blankWeight == 1)
    return average(places);
  Term weights = labels.slice(axis, blank, 1) * (blankWeight - 1) + 1;
  return average(places * weights) / average(weights).averageOverProcesses();
}

/// Compares all examples of a batch with all others.
static Term contrast(const Term &output, const Term &labels,
                     double temperature) {
  neuro::TermBuilder &at = output.getBuilder();
  int64_t count = output.getType().getDimSize(0);
  Type element = output.getType().getElementType();
  SmallVector<Attribute> others(count * count,
                                at.builder.getFloatAttr(element, 1));
  for (int64_t i = 0; i < count; ++i)
    others[i * count + i] = at.builder.getFloatAttr(element, 0);
  Term isOther(
      at, neuro::ConstantOp::create(
              at.builder, at.location,
              DenseElementsAttr::get(
                  RankedTensorType::get({count, count}, element), others)));
  Term directions = output / ((output * output).sum(1) + 1e-12).sqrt();
  Term likeness = directions.matmul(directions.transposeMatrix()) / temperature;
  Term isSame =
      labels.expandAxes(1).isEqual(labels.expandAxes(0)).cast(element) *
      isOther;
  Term ofAll = (likeness.exp() * isOther).sum(1).log();
  Term peers = isSame.sum(1), none = peers.number(0);
  Term own = (isSame * (ofAll - likeness)).sum(1);
  Term ofExample = (peers > 0).select(
      own / (peers > 0).select(peers, peers.number(1)), none);
  Term compared =
      (peers > 0).select(peers.number(1), none).sum({0, 1}, /*keep=*/false);
  return ofExample.sum({0, 1}, /*keep=*/false) /
         (compared > 0).select(compared, compared.number(1));
}

Term Loss::buildLabels(const Term &output) const {
  neuro::TermBuilder &at = output.getBuilder();
  if (kind == Kind::SoftCrossEntropy || kind == Kind::Divergence) {
    auto [logits, axis] = Logits::find(output);
    return {at,
            neuro::SoftmaxOp::create(at.builder, at.location,
                                     cool(logits, temperature).get(), axis)};
  }
  if (kind == Kind::BinaryCrossEntropy)
    return cool(findSigmoidLogits(output), temperature).sigmoid();
  return output;
}

Term Loss::build(const Term &output, const Term &labels) const {
  neuro::TermBuilder &at = output.getBuilder();
  // Gradients stay as large as they were.
  auto warm = [&](const Term &loss) {
    return temperature == 1 ? loss : loss * (temperature * temperature);
  };
  int64_t axis = Logits::find(output).axis;
  Term difference;
  switch (kind) {
  case Kind::CrossEntropy:
    return warm(average(crossEntropy(
        output, spreadOut(labels, output.getType(), smoothing), temperature)));
  case Kind::SoftCrossEntropy:
    return warm(weigh(crossEntropy(output, labels, temperature), labels, axis));
  case Kind::Divergence: {
    // What has no probability takes no part, though its logarithm is infinite.
    Term own = (labels > 0).select(labels * labels.log(), 0);
    return warm(weigh(crossEntropy(output, labels, temperature) + own.sum(axis),
                      labels, axis));
  }
  case Kind::BinaryCrossEntropy: {
    Term z = cool(findSigmoidLogits(output), temperature);
    return average(z.softplus() - z * labels) * (temperature * temperature);
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
  case Kind::Sequence: {
    Term logits = cool(Logits::find(output).values, temperature);
    Term logarithms(at, neuro::LogSoftmaxOp::create(at.builder, at.location,
                                                    logits.get(), /*axis=*/2));
    return average(buildSequenceLoss(logarithms, labels, blank));
  }
  case Kind::Contrastive:
    return contrast(output, labels, temperature);
  case Kind::Cosine: {
    Term product = (output * labels).sum(1);
    Term norms = ((output * output).sum(1) * (labels * labels).sum(1)).sqrt();
    return 1 - average(product / norms);
  }
  }
  llvm_unreachable("all losses are covered");
}
