//===- LeastSquares.h - Fitting weights to what they should give ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_LEASTSQUARES_H
#define NEUROPLAST_CALIBRATION_LEASTSQUARES_H

#include <cstdint>
#include <vector>

namespace neuroplast::calibration {

/// Sums over samples of a patch `x` and the results `t` it should give.
/// Matrices are row by row.
struct Moments {
  Moments(int64_t patchSize, int64_t outs)
      : patchSize(patchSize), outs(outs), sumX(patchSize), sumT(outs),
        squareT(outs), gram(patchSize * patchSize), cross(patchSize * outs) {}

  int64_t patchSize, outs;
  double samples = 0;
  /// Sums of x, of t, of the squares of t, of x xᵀ and of x tᵀ.
  std::vector<double> sumX, sumT, squareT, gram, cross;
};

/// Weights, outs x patch size, and what is added to the results.
struct LinearFit {
  std::vector<double> weights;
  std::vector<double> offset;
};

/// Mean square of `t - (W x + b)`, summed over the outs.
double getResidual(const Moments &moments, const LinearFit &fit);

/// The variance of each result of a fit, by that of what it should give; 1 if
/// either is zero.
std::vector<double> getVarianceRatios(const Moments &moments,
                                      const LinearFit &fit);

/// The offset that gives the results their means.
std::vector<double> fitOffset(const Moments &moments,
                              const std::vector<double> &weights);

/// The weights that minimise the residual and `penalty`, relative to the mean
/// square of an element of x, times the square of the distance from `start`;
/// the offset changes freely, or stays if `fitsOffset` is false. False if the
/// equations have no finite solution.
bool solve(const Moments &moments, const LinearFit &start, bool fitsOffset,
           double penalty, LinearFit &fit);

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_LEASTSQUARES_H
