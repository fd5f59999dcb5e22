//===- Lasso.cpp - Weights that are drawn to zero -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lasso.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;
using neuro::Term;
using structure::MadeUnits;
using structure::Maker;

/// How many elements of a maker go with each of so many units.
static int64_t countElements(const Maker &maker, int64_t units) {
  RankedTensorType type = neuro::ParamOp(maker.param).getType();
  return type.getNumElements() / type.getDimSize(maker.axis) *
         (static_cast<int64_t>(maker.places.size()) / units);
}

Term Lasso::makeIndices(ArrayRef<int64_t> indices) {
  auto type = RankedTensorType::get({static_cast<int64_t>(indices.size())},
                                    at.builder.getI64Type());
  return {at, neuro::ConstantOp::create(at.builder, at.location,
                                        DenseElementsAttr::get(type, indices))};
}

Term Lasso::pick(const Term &list, ArrayRef<int64_t> places) {
  if (llvm::equal(places, llvm::seq<int64_t>(0, list.getType().getDimSize(0))))
    return list;
  return list.gatherElements(makeIndices(places), 0);
}

Term Lasso::buildFactors(const MadeUnits &units,
                         const llvm::DenseMap<Operation *, size_t> &positions,
                         ArrayRef<Term> parameters) {
  Term squares;
  int64_t elements = 0;
  for (const Maker &maker : units.makers) {
    Term weight =
        parameters[positions.lookup(maker.param)].cast(at.builder.getF32Type());
    auto others = llvm::to_vector(llvm::seq<int64_t>(0, weight.getRank()));
    others.erase(others.begin() + maker.axis);
    Term sums = (weight * weight).sum(others, /*keep=*/false);
    int64_t perUnit = static_cast<int64_t>(maker.places.size()) / units.count;
    Term own = pick(sums, maker.places);
    if (perUnit > 1)
      own = own.reshape({units.count, perUnit}).sum({1}, /*keep=*/false);
    squares = squares ? squares + own : own;
    elements += countElements(maker, units.count);
  }
  Term norm = squares.sqrt();
  Term bound = Term(at, rate) *
               (options.groupLasso * std::sqrt(static_cast<double>(elements)));
  return (norm > bound).select(1 - bound / norm, 0);
}

void Lasso::shrinkUnits(ArrayRef<Learner> learners, ArrayRef<MadeUnits> units,
                        MutableArrayRef<Term> parameters) {
  llvm::DenseMap<Operation *, size_t> positions;
  for (auto [position, learner] : llvm::enumerate(learners))
    positions[learner.op] = position;
  /// Of a parameter the factors of all units that it makes, and which of them
  /// each place of the axis has.
  struct Shares {
    unsigned axis;
    SmallVector<Term> factors;
    std::vector<int64_t> factorOfPlace;
    int64_t count = 0;
  };
  llvm::MapVector<size_t, Shares> sharesOf;
  for (const MadeUnits &made : units) {
    Term factors = buildFactors(made, positions, parameters);
    for (const Maker &maker : made.makers) {
      Shares &shares = sharesOf[positions.lookup(maker.param)];
      neuro::ParamOp param = maker.param;
      shares.axis = maker.axis;
      shares.factorOfPlace.resize(param.getType().getDimSize(maker.axis), -1);
      auto perUnit = maker.places.size() / made.count;
      for (auto [index, place] : llvm::enumerate(maker.places))
        shares.factorOfPlace[place] =
            shares.count + static_cast<int64_t>(index / perUnit);
      shares.factors.push_back(factors);
      shares.count += made.count;
    }
  }
  for (auto &[position, shares] : sharesOf) {
    // Places without such units stay.
    if (llvm::is_contained(shares.factorOfPlace, -1)) {
      shares.factors.push_back(shares.factors.front().number(1).reshape({1}));
      llvm::replace(shares.factorOfPlace, int64_t(-1), shares.count);
    }
    Term factors = shares.factors.size() == 1
                       ? shares.factors.front()
                       : neuro::concatenate(shares.factors, 0);
    factors = pick(factors, shares.factorOfPlace);
    Term &parameter = parameters[position];
    SmallVector<int64_t> shape(parameter.getRank(), 1);
    shape[shares.axis] = factors.getType().getDimSize(0);
    parameter =
        parameter *
        factors.cast(parameter.getType().getElementType()).reshape(shape);
  }
}

void Lasso::shrink(ArrayRef<Learner> learners, ArrayRef<MadeUnits> units,
                   MutableArrayRef<Term> parameters) {
  if (options.lasso > 0)
    for (auto [learner, parameter] : llvm::zip_equal(learners, parameters))
      if (!learner.isUndecayed) {
        Term bound = Term(at, rate).cast(parameter.getType().getElementType()) *
                     options.lasso;
        parameter = (parameter.abs() > bound)
                        .select(parameter - parameter.sign() * bound, 0);
      }
  if (options.groupLasso > 0)
    shrinkUnits(learners, units, parameters);
}
