//===- SequenceLoss.cpp - Losses of sequences without times ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SequenceLoss.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using neuro::Term;

namespace {

/// The logarithm of nothing, as a number that can be computed with.
constexpr double kNever = -1e30;

/// The states that an alignment goes through: a blank, and for each label it
/// and another blank.
class Alignment {
public:
  Alignment(const Term &logarithms, const Term &labels, int64_t blank)
      : at(logarithms.getBuilder()), logarithms(logarithms),
        examples(labels.getType().getDimSize(0)),
        places(labels.getType().getDimSize(1)), states(2 * places + 1) {
    Term isLabel = labels > labels.number(-1);
    count = isLabel.cast(getElement()).sum({1});
    Term known = isLabel.select(labels, static_cast<double>(blank));
    Term blanks = known.number(static_cast<double>(blank));
    classes = interleave(blanks, known);
    // From a label to the next one, unless it is the same again.
    Term never = logarithms.number(kNever);
    Term skipped = never.broadcastTo({examples, 1});
    if (places > 1) {
      Term same =
          known.slice(1, 1, places - 1).isEqual(known.slice(1, 0, places - 1));
      skipped = neuro::concatenate({skipped, same.select(never, 0)}, 1);
    }
    skips = interleave(never, skipped);
  }

  Term build() {
    int64_t times = logarithms.getType().getDimSize(1);
    SmallVector<Value> emitted = gather(times);
    Term first = logarithms.number(0).broadcastTo({examples, 2});
    Term reached = neuro::concatenate({first, never(states - 2)}, 1);
    for (int64_t time = 0; time < times; ++time) {
      if (time > 0)
        reached =
            sumOf({reached, shift(reached, 1), shift(reached, 2) + skips});
      reached = reached + Term(at, emitted[time]).reshape({examples, states});
    }
    Term last = count * 2, place = numberStates();
    Term ends = place.isEqual(last) || place.isEqual(last - 1);
    Term total = logSum(ends.select(reached, kNever));
    Term labels = (count > 0).select(count, 1).reshape({examples});
    return -(total / labels);
  }

private:
  Type getElement() const { return logarithms.getType().getElementType(); }

  Term never(int64_t size) const {
    return logarithms.number(kNever).broadcastTo({examples, size});
  }

  /// What belongs to blanks and what belongs to labels, by states.
  Term interleave(const Term &ofBlanks, const Term &ofLabels) const {
    Term spread = ofBlanks.broadcastTo({examples, places});
    Term pairs = neuro::concatenate(
        {spread.expandAxes({2}), ofLabels.expandAxes({2})}, 2);
    return neuro::concatenate({pairs.reshape({examples, 2 * places}),
                               ofBlanks.broadcastTo({examples, 1})},
                              1);
  }

  /// The logarithms of the states' classes, time by time.
  SmallVector<Value> gather(int64_t times) const {
    Term indices =
        classes.expandAxes({1}).broadcastTo({examples, times, states});
    Value all = neuro::GatherElementsOp::create(
        at.builder, at.location, logarithms.get(), indices.get(), /*axis=*/2);
    auto type = RankedTensorType::get({examples, 1, states}, getElement());
    SmallVector<Type> types(times, type);
    SmallVector<int64_t> sizes(times, 1);
    return neuro::SplitOp::create(at.builder, at.location, types, all,
                                  /*axis=*/1, sizes)
        .getOutputs();
  }

  /// What was reached in a state before.
  Term shift(const Term &reached, int64_t by) const {
    return neuro::concatenate({never(by), reached.slice(1, 0, states - by)}, 1);
  }

  /// Sums of probabilities, of their logarithms.
  Term sumOf(ArrayRef<Term> terms) const {
    SmallVector<Term> columns;
    for (const Term &term : terms)
      columns.push_back(term.expandAxes({2}));
    return logSum(neuro::concatenate(columns, 2));
  }
  Term logSum(const Term &term) const {
    return {at, neuro::ReduceLogSumExpOp::create(
                    at.builder, at.location, term.get(),
                    ArrayRef<int64_t>{term.getRank() - 1}, /*keepdims=*/false)};
  }

  Term numberStates() const {
    SmallVector<Attribute> numbers;
    for (int64_t state : llvm::seq<int64_t>(0, states))
      numbers.push_back(FloatAttr::get(getElement(), state));
    auto type = RankedTensorType::get({1, states}, getElement());
    return {at,
            neuro::ConstantOp::create(at.builder, at.location,
                                      DenseElementsAttr::get(type, numbers))};
  }

  neuro::TermBuilder &at;
  Term logarithms;
  int64_t examples, places, states;
  Term count;   ///< of labels, for each example
  Term classes; ///< of states
  Term skips; ///< the logarithm of whether a state may follow the last but one
};

} // namespace

Term neuroplast::training::buildSequenceLoss(const Term &logarithms,
                                             const Term &labels,
                                             int64_t blank) {
  return Alignment(logarithms, labels, blank).build();
}
