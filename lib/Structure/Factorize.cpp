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
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <Eigen/Eigenvalues>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

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
  Layer(neuro::LayerOpInterface op, neuro::ParamOp weight,
        const neuro::LinearMap &map)
      : op(op), weight(weight), map(map) {
    outAxis = map.outAxisOfWeight;
    outs = weight.getType().getDimSize(outAxis);
    size = weight.getType().getNumElements() / std::max<int64_t>(outs, 1);
    for (int64_t extent : weight.getType().getShape().drop_front(outAxis + 1))
      beneath *= extent;
  }

  int64_t getOuts() const { return outs; }
  int64_t getPatchSize() const { return size; }

  bool readWeight() {
    auto elements = TensorElements::read(weight.getValue());
    if (!elements)
      return false;
    matrix.resize(outs, size);
    for (int64_t out = 0; out < outs; ++out)
      for (int64_t i = 0; i < size; ++i)
        matrix(out, i) = elements->getNumber(getIndex(out, outs, i));
    return matrix.allFinite();
  }

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
        write(innerBytes, getIndex(out, rank, i), inner(out, i));
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
  int64_t getIndex(int64_t out, int64_t numOuts, int64_t i) const {
    return i / beneath * numOuts * beneath + out * beneath + i % beneath;
  }

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

  neuro::LayerOpInterface op;
  neuro::ParamOp weight;
  neuro::LinearMap map;
  unsigned outAxis = 0;
  int64_t outs = 0, size = 0, beneath = 1;
  Matrix matrix, directions;
  Eigen::VectorXd energies;
};

bool matchesAny(StringRef name, const std::vector<std::string> &patterns) {
  UnitSetSummary set;
  set.members = {("@" + name + "[0]").str()};
  return llvm::any_of(patterns, [&](const std::string &pattern) {
    return matches(set, pattern);
  });
}

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
  llvm::StringMap<unsigned> reads;
  module.walk([&](neuro::GetParamOp read) { ++reads[read.getName()]; });
  SmallVector<neuro::LayerOpInterface> ops;
  module.walk([&](neuro::LayerOpInterface op) {
    if (op.getLinearMap())
      ops.push_back(op);
  });
  for (neuro::LayerOpInterface op : ops) {
    neuro::LinearMap map = *op.getLinearMap();
    auto read = op->getOperand(map.weight).getDefiningOp<neuro::GetParamOp>();
    if (!read || !read.getType().getElementType().isF32())
      continue;
    auto weight = module.lookupSymbol<neuro::ParamOp>(read.getNameAttr());
    Layer layer(op, weight, map);
    FactorizedLayer &entry = report.layers.emplace_back();
    entry.weight = weight.getSymName();
    entry.outs = layer.getOuts();
    entry.patchSize = layer.getPatchSize();
    if (matchesAny(entry.weight, options.freeze))
      entry.reason = "frozen";
    else if (!options.only.empty() && !matchesAny(entry.weight, options.only))
      entry.reason = "not named";
    else if (map.blocks > 1)
      entry.reason = "grouped";
    else if (reads[entry.weight] > 1)
      entry.reason = "shared";
    if (!entry.reason.empty())
      continue;
    if (!layer.readWeight())
      return weight.emitError("the elements of @")
                 << entry.weight << " cannot be read, or are no numbers",
             failure();
    const PatchStatistics *seen = nullptr;
    if (options.statistics)
      if (auto it = options.statistics->find(entry.weight);
          it != options.statistics->end() &&
          it->second.patchSize == layer.getPatchSize())
        seen = &it->second;
    layer.decompose(seen);
    entry.rank = options.rank ? std::min(*options.rank, layer.getOuts())
                              : layer.chooseRank(options.energy);
    entry.energy = layer.getShare(entry.rank);
    if (entry.rank * (layer.getOuts() + layer.getPatchSize()) >=
        layer.getOuts() * layer.getPatchSize())
      entry.reason = "of high rank";
    else if (!layer.split(entry.rank))
      entry.reason = "not understood";
  }
  report.after = measure(UnitAnalysis(module));
  if (llvm::none_of(report.layers, [](const FactorizedLayer &layer) {
        return layer.reason.empty();
      }))
    return report;
  neuro::HistoryOp history = neuro::getOrCreateHistory(module);
  OpBuilder builder = OpBuilder::atBlockEnd(&history.getBody().front());
  auto edit = neuro::EditOp::create(
      builder, module.getLoc(), "factorize",
      llvm::formatv("{0}", llvm::json::Value(options.toJson())).str(),
      /*complete=*/false);
  edit.getBody().emplaceBlock();
  return report;
}
