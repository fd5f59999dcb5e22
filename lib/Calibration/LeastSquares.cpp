//===- LeastSquares.cpp - Fitting weights to what they should give --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/LeastSquares.h"
#include <Eigen/Dense>

using namespace neuroplast::calibration;
using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using ConstMatrix = Eigen::Map<const Matrix>;
using ConstVector = Eigen::Map<const Vector>;

double neuroplast::calibration::getResidual(const Moments &moments,
                                            const LinearFit &fit) {
  int64_t size = moments.patchSize, outs = moments.outs;
  ConstMatrix weights(fit.weights.data(), outs, size);
  ConstMatrix gram(moments.gram.data(), size, size);
  ConstMatrix cross(moments.cross.data(), size, outs);
  ConstVector sumX(moments.sumX.data(), size);
  ConstVector sumT(moments.sumT.data(), outs);
  ConstVector squareT(moments.squareT.data(), outs);
  ConstVector offset(fit.offset.data(), outs);
  Vector sumY = weights * sumX;
  double sum = squareT.sum() + (weights * gram).cwiseProduct(weights).sum() +
               moments.samples * offset.squaredNorm() -
               2 * weights.cwiseProduct(cross.transpose()).sum() -
               2 * offset.dot(sumT) + 2 * offset.dot(sumY);
  return sum / moments.samples;
}

std::vector<double>
neuroplast::calibration::getVarianceRatios(const Moments &moments,
                                           const LinearFit &fit) {
  int64_t size = moments.patchSize, outs = moments.outs;
  ConstMatrix weights(fit.weights.data(), outs, size);
  ConstMatrix gram(moments.gram.data(), size, size);
  ConstVector sumX(moments.sumX.data(), size);
  ConstVector sumT(moments.sumT.data(), outs);
  ConstVector squareT(moments.squareT.data(), outs);
  Vector sumY = weights * sumX;
  Vector squareY = (weights * gram).cwiseProduct(weights).rowwise().sum();
  std::vector<double> ratios;
  for (int64_t out = 0; out < outs; ++out) {
    double is = squareY[out] - sumY[out] * sumY[out] / moments.samples;
    double was = squareT[out] - sumT[out] * sumT[out] / moments.samples;
    ratios.push_back(is > 0 && was > 0 ? is / was : 1);
  }
  return ratios;
}

std::vector<double>
neuroplast::calibration::fitOffset(const Moments &moments,
                                   const std::vector<double> &weights) {
  int64_t size = moments.patchSize, outs = moments.outs;
  Vector fitted = (ConstVector(moments.sumT.data(), outs) -
                   ConstMatrix(weights.data(), outs, size) *
                       ConstVector(moments.sumX.data(), size)) /
                  moments.samples;
  return {fitted.data(), fitted.data() + fitted.size()};
}

bool neuroplast::calibration::solve(const Moments &moments,
                                    const LinearFit &start, bool fitsOffset,
                                    double penalty, LinearFit &fit) {
  int64_t size = moments.patchSize, outs = moments.outs;
  ConstMatrix weights(start.weights.data(), outs, size);
  ConstVector sumX(moments.sumX.data(), size);
  ConstVector sumT(moments.sumT.data(), outs);
  ConstVector offset(start.offset.data(), outs);
  Matrix gram = ConstMatrix(moments.gram.data(), size, size);
  Matrix cross = ConstMatrix(moments.cross.data(), size, outs);
  if (fitsOffset) {
    gram -= sumX * sumX.transpose() / moments.samples;
    cross -= sumX * sumT.transpose() / moments.samples;
  } else {
    cross -= sumX * offset.transpose();
  }
  // Equations for the change of the weights.
  Matrix right = cross - gram * weights.transpose();
  double scale = gram.trace() / size;
  if (!(scale > 0))
    scale = 1;
  gram.diagonal().array() += penalty * scale;
  Eigen::LDLT<Matrix> decomposition(gram);
  Matrix change = decomposition.solve(right);
  if (decomposition.info() != Eigen::Success || !change.allFinite())
    return false;
  Matrix result = weights + change.transpose();
  fit.weights.assign(result.data(), result.data() + result.size());
  fit.offset = start.offset;
  if (fitsOffset)
    fit.offset = fitOffset(moments, fit.weights);
  return true;
}
