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
// singular value decomposition.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Factorize.h"
#include "LinearLayers.h"
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
  else
    result["energy"] = energy;
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
         << llvm::format(" keeps %.2f %%", 100 * layer.energy);
    if (!layer.reason.empty())
      os << (layer.rank > 0 ? ", stays: " : "stays: ") << layer.reason;
    os << '\n';
  }
}

namespace {

/// A linear op that may be split, and its weight as a matrix.
class Layer {
public:
  Layer(const LinearLayer &layer, Matrix matrix)
      : layer(layer), op(layer.op), weight(layer.weight), map(layer.map),
        outAxis(map.outAxisOfWeight), outs(layer.outs), size(layer.patchSize),
        matrix(std::move(matrix)) {}

  /// Finds the directions of the results, the ones with most energy first.
  void decompose(const PatchStatistics *seen) {
    Matrix energy;
    if (seen && !seen->gram.empty())
      energy = matrix *
               Eigen::Map<const Matrix>(seen->gram.data(), size, size) *
               matrix.transpose();
    else
      energy = matrix * matrix.transpose();
    Eigen::SelfAdjointEigenSolver<Matrix> solver(energy);
    directions = solver.eigenvectors().rowwise().reverse();
    energies = solver.eigenvalues().reverse().cwiseMax(0.0);
  }

  double getShare(int64_t rank) const {
    double whole = energies.sum();
    return whole > 0 ? energies.head(rank).sum() / whole : 1;
  }

  int64_t chooseRank(double share) const {
    int64_t rank = 1;
    while (rank < outs && getShare(rank) < share)
      ++rank;
    return rank;
  }

  /// Puts two ops in the place of the op; whether there are such.
  bool split(int64_t rank) {
    auto read =
        cast<neuro::GetParamOp>(op->getOperand(map.weight).getDefiningOp());
    OpBuilder builder(op);
    Matrix outer = directions.leftCols(rank);
    Matrix inner = outer.transpose() * matrix;
    SmallVector<int64_t> shape(weight.getType().getShape());
    shape[outAxis] = rank;
    auto innerType = weight.getType().clone(shape);
    // The out axis, the one of the patch next to it, and ones.
    SmallVector<int64_t> outerShape(shape.size(), 1);
    outerShape[outAxis] = outs;
    outerShape[outAxis == 0 ? 1 : 0] = rank;
    auto outerType = weight.getType().clone(outerShape);
    std::string innerBytes(innerType.getNumElements() * sizeof(float), 0);
    for (int64_t out = 0; out < rank; ++out)
      for (int64_t i = 0; i < size; ++i)
        write(innerBytes, layer.getElement(out, i, rank), inner(out, i));
    std::string outerBytes(outerType.getNumElements() * sizeof(float), 0);
    for (int64_t out = 0; out < outs; ++out)
      for (int64_t i = 0; i < rank; ++i)
        write(outerBytes, outAxis == 0 ? out * rank + i : i * outs + out,
              outer(out, i));

    neuro::ParamOp innerParam = addParam("inner", innerType, innerBytes);
    neuro::ParamOp outerParam = addParam("outer", outerType, outerBytes);
    auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<int64_t> narrow(resultType.getShape());
    narrow[map.outAxisOfResult] = rank;
    // The bias belongs to the results.
    SmallVector<Value> operands(op->getOperands());
    Value bias = map.bias ? operands[*map.bias] : Value();
    if (bias)
      operands.erase(operands.begin() + *map.bias);
    operands[map.weight] = neuro::GetParamOp::create(
        builder, read.getLoc(), innerType, innerParam.getSymName());
    OperationState state(op->getLoc(), op->getName(), operands,
                         resultType.clone(narrow), op->getAttrs());
    Operation *first = builder.create(state);
    Value outerValue = neuro::GetParamOp::create(
        builder, read.getLoc(), outerType, outerParam.getSymName());
    Value result =
        op.buildOutMap(builder, first->getResult(0), outerValue, bias);
    if (!result) {
      for (Operation *made :
           {first, outerValue.getDefiningOp(),
            operands[map.weight].getDefiningOp(), innerParam.getOperation(),
            outerParam.getOperation()})
        made->erase();
      return false;
    }
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
    read.erase();
    weight.erase();
    return true;
  }

private:
  static void write(std::string &bytes, int64_t index, double number) {
    auto narrow = static_cast<float>(number);
    memcpy(bytes.data() + index * sizeof(float), &narrow, sizeof(float));
  }

  neuro::ParamOp addParam(StringRef part, RankedTensorType type,
                          std::string bytes) {
    SymbolTable symbols(weight->getParentOfType<ModuleOp>());
    OpBuilder builder(weight);
    auto param = cast<neuro::ParamOp>(builder.clone(*weight));
    std::string name = (weight.getSymName() + "." + part).str();
    param.setSymName(name);
    param.setSourceNameAttr(nullptr);
    param.setValueAttr(makeElements(type, name, std::move(bytes)));
    param->remove();
    symbols.insert(param, Block::iterator(weight));
    return param;
  }

  const LinearLayer &layer;
  neuro::LayerOpInterface op;
  neuro::ParamOp weight;
  neuro::LinearMap map;
  unsigned outAxis;
  int64_t outs, size;
  Matrix matrix, directions;
  Eigen::VectorXd energies;
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
    Layer layer(linear, std::move(*matrix));
    layer.decompose(linear.findStatistics(options.statistics));
    entry.rank = options.rank ? std::min(*options.rank, linear.outs)
                              : layer.chooseRank(options.energy);
    entry.energy = layer.getShare(entry.rank);
    if (entry.rank * (linear.outs + linear.patchSize) >=
        linear.outs * linear.patchSize)
      entry.reason = "of high rank";
    else if (!layer.split(entry.rank))
      entry.reason = "not understood";
  }
  report.after = measure(UnitAnalysis(module));
  if (llvm::any_of(report.layers, [](const FactorizedLayer &layer) {
        return layer.reason.empty();
      }))
    recordCommand(module, "factorize", options.toJson());
  return report;
}
