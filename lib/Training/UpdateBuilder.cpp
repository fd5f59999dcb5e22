//===- UpdateBuilder.cpp - From gradients to updates ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "UpdateBuilder.h"
#include "Lasso.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;
using neuro::Term;

Term neuroplast::training::selectWhere(Value mask, const Term &set,
                                       const Term &other) {
  return mask ? (Term(set.getBuilder(), mask) > 0).select(set, other) : set;
}

/// The mean of a gradient over processes, which add it up while they go on
/// with others.
Value UpdateBuilder::averageOverProcesses(Value gradient) {
  if (options.processes == 1)
    return gradient;
  neuro::TermBuilder early = at;
  early.builder.setInsertionPointAfterValue(gradient);
  Value sum = Term(early, gradient).allReduce().get();
  return (Term(at, sum) / static_cast<double>(options.processes)).get();
}

/// A gradient without that of elements that stay as they are.
Term UpdateBuilder::keepPlastic(const Learner &learner, Value gradient) {
  Term whole(at, gradient);
  return selectWhere(learner.plasticity, whole, whole.number(0));
}

/// The mean of the gradients of a parameter over the parts of an update, as
/// far as there were any.
Term UpdateBuilder::addUp(const Learner &learner, const Term &gradient) {
  if (!learner.sum)
    return gradient;
  return Term(at, learner.sum) + gradient / static_cast<double>(options.parts);
}

/// What a value becomes with the last part of an update; before, it is
/// another one.
Value UpdateBuilder::ifComplete(const Term &term, Value before) {
  if (!numbers.part)
    return term.get();
  Term isLast =
      Term(at, numbers.part) > static_cast<double>(options.parts) - 1.5;
  return isLast.select(term, Term(at, before)).get();
}

/// The gradient with that of what holds a parameter.
Term UpdateBuilder::hold(const Learner &learner, const Term &gradient) {
  if (!learner.anchor)
    return gradient;
  Term way = Term(at, learner.parameter) - Term(at, learner.anchor);
  return gradient + way * Term(at, learner.importance) * options.holdStrength;
}

/// A term without what is masked of a parameter: it has no gradient, and
/// moments from before it was masked do not move it.
Term UpdateBuilder::mask(const Learner &learner, const Term &term) {
  return selectWhere(learner.mask, term, term.number(0));
}

/// Makes gradients shorter whose common norm is more than it may be.
void UpdateBuilder::clip(MutableArrayRef<Value> gradients) {
  Type f32 = at.builder.getF32Type();
  Term squares;
  for (Value gradient : gradients) {
    Term g = Term(at, gradient).cast(f32);
    Term sum = (g * g).sum(llvm::to_vector(llvm::seq<int64_t>(0, g.getRank())),
                           /*keep=*/false);
    squares = squares ? squares + sum : sum;
  }
  Term norm = squares.sqrt();
  Term factor = (norm > options.clipNorm).select(options.clipNorm / norm, 1);
  for (Value &gradient : gradients) {
    Term g(at, gradient);
    gradient = (g * factor.cast(g.getType().getElementType())).get();
  }
}

SmallVector<Value> UpdateBuilder::build(ArrayRef<Learner> learners,
                                        ArrayRef<structure::MadeUnits> units,
                                        MutableArrayRef<Value> gradients) {
  for (auto [learner, gradient] : llvm::zip_equal(learners, gradients)) {
    gradient = averageOverProcesses(gradient);
    gradient =
        addUp(learner, mask(learner, keepPlastic(learner, gradient))).get();
  }
  SmallVector<Value> sums(gradients);
  for (auto [learner, gradient] : llvm::zip_equal(learners, gradients))
    gradient = hold(learner, Term(at, gradient)).get();
  if (options.clipNorm > 0)
    clip(gradients);
  SmallVector<Term> parameters;
  SmallVector<SmallVector<Term>> newStates;
  for (auto [learner, gradient] : llvm::zip_equal(learners, gradients)) {
    SmallVector<Term> states;
    for (Value state : learner.states)
      states.emplace_back(at, state);
    Optimizer optimizer = options.optimizer;
    if (learner.isUndecayed)
      optimizer.weightDecay = 0;
    Update update =
        buildUpdate(optimizer, Term(at, learner.parameter), Term(at, gradient),
                    states, Term(at, numbers.rate), Term(at, numbers.step));
    parameters.push_back(update.parameter);
    newStates.push_back(std::move(update.states));
  }
  Lasso(at, options, numbers.rate).shrink(learners, units, parameters);
  SmallVector<Value> updated;
  for (auto [learner, moved, states, sum] :
       llvm::zip_equal(learners, parameters, newStates, sums)) {
    Term parameter =
        selectWhere(learner.plasticity, moved, Term(at, learner.parameter));
    updated.push_back(ifComplete(mask(learner, parameter), learner.parameter));
    for (auto [state, old] : llvm::zip_equal(states, learner.states))
      updated.push_back(ifComplete(state, old));
    if (learner.sum)
      updated.push_back(ifComplete(Term(at, sum).number(0), sum));
    if (learner.movement) {
      Term before(at, learner.movement);
      Term after = before - Term(at, learner.parameter) * Term(at, sum);
      updated.push_back(ifComplete(after, learner.movement));
    }
  }
  return updated;
}
