//===- Factorize.cpp - Layers of low rank ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With W = outs x patch and C the mean of x xᵀ, the best approximation of W x
// of rank r is U Uᵀ W x, where U are the first r eigenvectors of W C Wᵀ
// (arXiv 1505.06798); without data C is the identity, and that is the truncated
// singular value decomposition. Tucker's form (arXiv 1511.06530) projects the
// inputs, too, onto the first directions of the weight unfolded along them.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Factorize.h"
#include "../Growth/LayerBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/Support/Format.h"
#include <Eigen/Eigenvalues>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

llvm::json::Object FactorizeOptions::toJson() const {
  llvm::json::Object result{{"only", llvm::json::Array(only)},
                            {"freeze", llvm::json::Array(freeze)},
                            {"regards_data", statistics != nullptr}};
  if (rank)
    result["rank"] = *rank;
  else if (rankShare > 0)
    result["rank_share"] = rankShare;
  else
    result["energy"] = energy;
  if (form == FactorForm::Tucker)
    result["form"] = "tucker";
  if (!command.empty())
    result["command"] = command;
  return result;
}

llvm::json::Object FactorizeReport::toJson() const {
  llvm::json::Array list;
  for (const FactorizedLayer &layer : layers) {
    llvm::json::Object object{{"weight", layer.weight},
                              {"outs", layer.outs},
                              {"patch_size", layer.patchSize},
                              {"reason", layer.reason}};
    if (layer.rank > 0) {
      object["rank"] = layer.rank;
      if (layer.inRank > 0)
        object["in_rank"] = layer.inRank;
      object["energy"] = layer.energy;
    }
    list.push_back(std::move(object));
  }
  llvm::json::Object result = options.toJson();
  result["before"] = before.toJson();
  result["after"] = after.toJson();
  result["layers"] = std::move(list);
  return result;
}

void FactorizeReport::print(llvm::raw_ostream &os) const {
  for (const FactorizedLayer &layer : layers) {
    os << layer.weight << ", " << layer.outs << " x " << layer.patchSize
       << ": ";
    if (layer.rank > 0)
      os << "rank " << layer.rank
         << (layer.inRank > 0 ? " of " + std::to_string(layer.inRank) : "")
         << llvm::format(" keeps %.2f %%", 100 * layer.energy);
    if (!layer.reason.empty())
      os << (layer.rank > 0 ? ", stays: " : "stays: ") << layer.reason;
    os << '\n';
  }
}

namespace {

/// Directions, the ones with most energy first.
struct Directions {
  Matrix vectors;
  Eigen::VectorXd energies;

  explicit Directions(const Matrix &energy) {
    Eigen::SelfAdjointEigenSolver<Matrix> solver(energy);
    vectors = solver.eigenvectors().rowwise().reverse();
    energies = solver.eigenvalues().reverse().cwiseMax(0.0);
  }

  double getShare(int64_t rank) const {
    double whole = energies.sum();
    return whole > 0 ? energies.head(rank).sum() / whole : 1;
  }

  /// Of a matrix whose rank is at most `mostRank`.
  int64_t chooseRank(const FactorizeOptions &options, int64_t mostRank) const {
    if (options.rank)
      return std::min<int64_t>(*options.rank, energies.size());
    if (options.rankShare > 0)
      return std::clamp<int64_t>(std::llround(options.rankShare * mostRank), 1,
                                 energies.size());
    int64_t rank = 1;
    while (rank < energies.size() && getShare(rank) < options.energy)
      ++rank;
    return rank;
  }
};

/// A linear op that may be split, and its weight as a matrix.
class Layer {
public:
  Layer(const LinearLayer &layer, Matrix matrix, const PatchStatistics *seen)
      : layer(layer), matrix(std::move(matrix)),
        products(seen && !seen->gram.empty()
                     ? Matrix(Eigen::Map<const Matrix>(
                           seen->gram.data(), layer.patchSize, layer.patchSize))
                     : Matrix()),
        outs(getEnergy(this->matrix)) {}

  /// Chooses the ranks and puts two ops, or three, in the place of the op, if
  /// they have fewer weights.
  void split(const FactorizeOptions &options, FactorizedLayer &entry) {
    int64_t inputs = layer.countInputs(), places = layer.patchSize / inputs;
    int64_t rank =
        outs.chooseRank(options, std::min(layer.outs, layer.patchSize));
    Matrix outer = outs.vectors.leftCols(rank);
    entry.rank = rank;
    bool isTucker = options.form == FactorForm::Tucker && places > 1;
    if (!isTucker) {
      entry.energy = outs.getShare(rank);
      replace({}, outer.transpose() * matrix, outer, entry);
      return;
    }
    // A row for each input.
    Matrix unfolded(inputs, layer.outs * places);
    for (int64_t out = 0; out < layer.outs; ++out)
      unfolded.middleCols(out * places, places) =
          Eigen::Map<const Matrix>(matrix.row(out).data(), inputs, places);
    Directions ins(unfolded * unfolded.transpose());
    entry.inRank =
        ins.chooseRank(options, std::min(inputs, layer.outs * places));
    Matrix inner = ins.vectors.leftCols(entry.inRank);
    Matrix core(rank, entry.inRank * places), projected(rank, layer.patchSize);
    Matrix narrow = outer.transpose() * matrix;
    for (int64_t row = 0; row < rank; ++row) {
      Eigen::Map<Matrix> kernel(core.row(row).data(), entry.inRank, places);
      kernel = inner.transpose() *
               Eigen::Map<const Matrix>(narrow.row(row).data(), inputs, places);
      Eigen::Map<Matrix>(projected.row(row).data(), inputs, places) =
          inner * kernel;
    }
    double whole = getEnergy(matrix).trace();
    double lost = getEnergy(matrix - outer * projected).trace();
    entry.energy = whole > 0 ? 1 - lost / whole : 1;
    replace(inner.transpose(), core, outer, entry);
  }

private:
  /// How much of the results lies in each pair of directions: of what the
  /// weights make of data, or of the weights themselves.
  Matrix getEnergy(const Matrix &weights) const {
    if (products.size() == 0)
      return weights * weights.transpose();
    return weights * products * weights.transpose();
  }

  /// `first` may be empty.
  void replace(const Matrix &first, const Matrix &middle, const Matrix &last,
               FactorizedLayer &entry) {
    if (first.size() + middle.size() + last.size() >= matrix.size()) {
      entry.reason = "of high rank";
      return;
    }
    neuro::LayerOpInterface op = layer.op;
    OpBuilder builder(op);
    LayerBuilder layers(layer, builder);
    Value value = op->getOperand(layer.map.data);
    if (first.size() > 0)
      value = layers.multiply(value, "first", first);
    // The bias belongs to the results.
    Value bias = layer.map.bias ? op->getOperand(*layer.map.bias) : Value();
    if (value)
      value = layers.multiply(layers.repeat(value, "inner", middle), "outer",
                              last, bias);
    if (!value) {
      layers.eraseAll();
      entry.reason = "not understood";
      return;
    }
    Operation *read = op->getOperand(layer.map.weight).getDefiningOp();
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
    read->erase();
    neuro::ParamOp(layer.weight)->erase();
  }

  const LinearLayer &layer;
  Matrix matrix, products;
  Directions outs;
};

} // namespace

FailureOr<FactorizeReport>
neuroplast::structure::factorize(ModuleOp module,
                                 const FactorizeOptions &options) {
  if (!(options.energy >= 0 && options.energy <= 1))
    return module.emitError("the energy to keep must be from 0 to 1"),
           failure();
  if (options.rank && *options.rank < 1)
    return module.emitError("a rank must be at least 1"), failure();
  FactorizeReport report;
  report.options = options;
  report.before = measure(UnitAnalysis(module));
  for (const LinearLayer &linear :
       listLinearLayers(module, options.only, options.freeze)) {
    neuro::ParamOp weight = linear.weight;
    FactorizedLayer &entry = report.layers.emplace_back();
    entry.weight = weight.getSymName();
    entry.outs = linear.outs;
    entry.patchSize = linear.patchSize;
    entry.reason = linear.reason;
    if (entry.reason.empty() && linear.map.blocks > 1)
      entry.reason = "grouped";
    if (!entry.reason.empty())
      continue;
    std::optional<Matrix> matrix = linear.readWeight();
    if (!matrix)
      return weight.emitError("the elements of @")
                 << entry.weight << " cannot be read, or are no numbers",
             failure();
    Layer(linear, std::move(*matrix), linear.findStatistics(options.statistics))
        .split(options, entry);
  }
  report.after = measure(UnitAnalysis(module));
  if (llvm::any_of(report.layers, [](const FactorizedLayer &layer) {
        return layer.reason.empty();
      }))
    recordCommand(module, "factorize", options.toJson());
  return report;
}
