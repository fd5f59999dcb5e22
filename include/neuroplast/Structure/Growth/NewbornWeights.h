//===- NewbornWeights.h - The weights of units that joined ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_NEWBORNWEIGHTS_H
#define NEUROPLAST_STRUCTURE_GROWTH_NEWBORNWEIGHTS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Growth/Dropin.h"
#include "neuroplast/Structure/Statistics.h"

namespace neuroplast::structure {

/// A parameter that has elements of newborns: which ones, by newborn, for each
/// of them in the same order.
struct NewbornWeight {
  neuro::ParamOp param;
  /// The axis along which the newborns stand.
  unsigned axis;
  std::vector<std::vector<int64_t>> elements;
};

/// Some parameters of the newborns of a unit set. All of a newborn's numbers in
/// them are a vector.
struct NewbornWeights : std::vector<NewbornWeight> {
  using Vector = std::vector<double>;
  size_t newborns = 0;

  /// The methods fail, after an error, if a parameter cannot be read or if
  /// gradients are those of another network.
  llvm::FailureOr<std::vector<Vector>> gather() const;
  /// Zero where nothing learns.
  llvm::FailureOr<std::vector<Vector>>
  gatherGradients(const Gradients &gradients) const;
  llvm::LogicalResult scatter(llvm::ArrayRef<Vector> numbers);
  /// Makes all of them zero.
  llvm::LogicalResult clear();
  /// Lets each newborn's numbers be a short vector along their gradients, apart
  /// from those of others (see `separate`), through which gradients of other
  /// weights can be measured.
  llvm::LogicalResult whisper(const Gradients &gradients, double leastShare,
                              bool beginsAnew);
};

/// The matrices of the newborns of a unit set that has grown unnoticed: those
/// that make them, and those that read them, which are zero there. What is of
/// two newborns, as a weight between them, is in neither; nor is a bias or a
/// scale, of which each has one element.
struct NewbornSet {
  NewbornWeights incoming, outgoing;
};

/// By unit set that has grown; the outgoing weights are still zero.
std::vector<NewbornSet> listNewborns(mlir::ModuleOp grown,
                                     const DropinReport &report);

/// What the mean gradient of a parameter is; empty where nothing learns. Fails,
/// after an error, if gradients are those of another network.
llvm::FailureOr<llvm::ArrayRef<float>> findGradient(const Gradients &gradients,
                                                    neuro::ParamOp param);

/// Takes from vectors what longer ones have of them (Gram and Schmidt). Of one
/// that has less than such a share of its square left nothing stays; or it does
/// as a whole, if what it is compared with `beginsAnew` there.
void separate(llvm::MutableArrayRef<NewbornWeights::Vector> vectors,
              double leastShare, bool beginsAnew);

/// Arithmetic of vectors of the same length.
double multiply(llvm::ArrayRef<double> a, llvm::ArrayRef<double> b);
void addMultiple(llvm::MutableArrayRef<double> sum, double factor,
                 llvm::ArrayRef<double> vector);
void scale(llvm::MutableArrayRef<double> vector, double factor);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_NEWBORNWEIGHTS_H
