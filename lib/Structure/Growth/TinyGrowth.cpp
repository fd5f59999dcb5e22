//===- TinyGrowth.cpp - Newborns that do what layers cannot ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/TinyGrowth.h"
#include "../Units/LinearLayers.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Vector = NewbornWeights::Vector;
using Factor = Eigen::LLT<Eigen::MatrixXd>;

/// Of the square of what is no direction of its own, this is rounding.
static constexpr double kRounding = 1e-8;
/// Newborns that do less than this share of what the best one does are left
/// silent.
static constexpr double kLeastShare = 1e-3;
/// What is added to second moments, relative to their mean, so that what hardly
/// varies counts for little.
static constexpr double kPenalty = 1e-3;

namespace {

/// Some elements of the parameters that make a newborn, and the second moments
/// of what they weigh.
struct Source {
  /// Elements of a weight, and perhaps one of a bias after them.
  size_t length;
  /// By block of the layer, and the block that a newborn is in.
  std::vector<Factor> moments;
  std::vector<int64_t> blockOf;
};

/// The second moments of these elements of the patches of a block, and of a
/// constant one after them.
Factor factorize(const PatchStatistics &seen, int64_t block,
                 ArrayRef<int64_t> columns, bool hasConstant) {
  int64_t size = seen.patchSize, count = columns.size();
  const double *gram = seen.gram.data() + block * size * size;
  const double *mean = seen.mean.data() + block * size;
  Eigen::MatrixXd moments(count + hasConstant, count + hasConstant);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < count; ++j)
      moments(i, j) = gram[columns[i] * size + columns[j]];
  if (hasConstant) {
    for (int64_t i = 0; i < count; ++i)
      moments(i, count) = moments(count, i) = mean[columns[i]];
    moments(count, count) = 1;
  }
  double penalty = kPenalty * moments.trace() / double(moments.rows());
  // Where nothing is ever seen, nothing matters.
  moments.diagonal().array() += penalty > 0 ? penalty : 1;
  return Factor(moments);
}

} // namespace

struct TinyGrowth::Set {
  NewbornWeights incoming, outgoing;
  std::vector<Source> sources; ///< one after the other, of incoming weights
  /// What `weigh` finds, by newborn: what its incoming and outgoing weights are
  /// at a size of one.
  std::vector<Vector> inward, outward;
};

/// A layer that reads newborns, by what it had before.
struct TinyGrowth::ReaderLayer {
  LinearLayer layer;
  const PatchStatistics *seen;
  Matrix weights;
  /// The rows and columns that are of no newborns.
  std::vector<int64_t> rows, columns;
  Matrix step;
};

TinyGrowth::TinyGrowth() = default;
TinyGrowth::TinyGrowth(TinyGrowth &&) = default;
TinyGrowth &TinyGrowth::operator=(TinyGrowth &&) = default;
TinyGrowth::~TinyGrowth() = default;

FailureOr<TinyGrowth> TinyGrowth::create(ModuleOp grown,
                                         const DropinReport &report,
                                         const Statistics &statistics) {
  TinyGrowth growth;
  std::map<StringRef, LinearLayer> layers = indexLinearLayers(grown);
  auto findLayer = [&](neuro::ParamOp param)
      -> std::pair<const LinearLayer *, const PatchStatistics *> {
    auto it = layers.find(param.getSymName());
    if (it == layers.end())
      return {};
    const PatchStatistics *seen = it->second.findStatistics(&statistics);
    return {&it->second, seen && !seen->gram.empty() ? seen : nullptr};
  };
  auto refuse = [](neuro::ParamOp param) {
    return param.emitError("has weights of newborns, and is not what a linear "
                           "layer weighs data by, by which 'tiny' goes");
  };
  // Rows and columns of newborns, by weight.
  std::map<StringRef,
           std::pair<llvm::DenseSet<int64_t>, llvm::DenseSet<int64_t>>>
      fresh;
  std::vector<NewbornSet> found = listNewborns(grown, report);
  for (NewbornSet &listed : found) {
    Set &set = growth.sets.emplace_back();
    set.outgoing = std::move(listed.outgoing);
    set.incoming.newborns = listed.incoming.newborns;
    for (NewbornWeight &weight : set.outgoing) {
      auto [layer, seen] = findLayer(weight.param);
      if (!seen || weight.axis == layer->map.outAxisOfWeight)
        return refuse(weight.param);
      for (ArrayRef<int64_t> elements : weight.elements)
        for (int64_t element : elements)
          fresh[weight.param.getSymName()].second.insert(
              layer->getPlace(element).second);
    }
    for (NewbornWeight &weight : listed.incoming) {
      auto [layer, seen] = findLayer(weight.param);
      if (!seen || weight.axis != layer->map.outAxisOfWeight)
        return refuse(weight.param);
      auto &rows = fresh[weight.param.getSymName()].first;
      std::vector<int64_t> row;
      for (ArrayRef<int64_t> elements : weight.elements)
        row.push_back(layer->getPlace(elements.front()).first);
      rows.insert(row.begin(), row.end());
      // Each channel apart reads what is a newborn itself: it stays as drawn.
      if (layer->isDepthwise())
        continue;
      neuro::ParamOp bias = layer->findBias();
      Source &source = set.sources.emplace_back();
      source.length = weight.elements.front().size() + (bias ? 1 : 0);
      std::vector<int64_t> columns;
      for (int64_t element : weight.elements.front())
        columns.push_back(layer->getPlace(element).second);
      source.moments.resize(layer->map.blocks);
      for (int64_t place : row) {
        int64_t block = place / (layer->outs / layer->map.blocks);
        source.blockOf.push_back(block);
        Factor &moments = source.moments[block];
        if (moments.rows() == 0)
          moments = factorize(*seen, block, columns, bool(bias));
      }
      set.incoming.push_back(std::move(weight));
      if (!bias)
        continue;
      NewbornWeight &offset = set.incoming.emplace_back();
      offset.param = bias;
      offset.axis = 0;
      for (int64_t place : row)
        offset.elements.push_back({place});
    }
  }
  for (const Set &set : growth.sets)
    for (const NewbornWeight &weight : set.outgoing) {
      neuro::ParamOp param = weight.param;
      StringRef name = param.getSymName();
      if (llvm::any_of(growth.readers, [&](ReaderLayer &known) {
            return known.layer.weight.getSymName() == name;
          }))
        continue;
      auto [layer, seen] = findLayer(param);
      std::optional<Matrix> weights = layer->readWeight();
      if (!weights)
        return param.emitError("cannot be read, or has what is no number");
      ReaderLayer &reader = growth.readers.emplace_back(
          ReaderLayer{*layer, seen, std::move(*weights), {}, {}, {}});
      const auto &[rows, columns] = fresh[name];
      for (int64_t row = 0; row < layer->outs; ++row)
        if (!rows.contains(row))
          reader.rows.push_back(row);
      for (int64_t column = 0; column < layer->patchSize; ++column)
        if (!columns.contains(column))
          reader.columns.push_back(column);
    }
  return growth;
}

LogicalResult TinyGrowth::planRelief(const Gradients &gradients) {
  for (ReaderLayer &reader : readers) {
    FailureOr<ArrayRef<float>> mean =
        findGradient(gradients, reader.layer.weight);
    if (failed(mean))
      return failure();
    reader.step = Matrix::Zero(reader.rows.size(), reader.columns.size());
    if (mean->empty())
      continue;
    std::vector<Factor> moments(reader.layer.map.blocks);
    int64_t rowsOfBlock = reader.layer.outs / reader.layer.map.blocks;
    Eigen::VectorXd gradient(reader.columns.size());
    for (auto [index, row] : llvm::enumerate(reader.rows)) {
      Factor &own = moments[row / rowsOfBlock];
      if (own.rows() == 0)
        own = factorize(*reader.seen, row / rowsOfBlock, reader.columns,
                        /*hasConstant=*/false);
      for (auto [i, column] : llvm::enumerate(reader.columns))
        gradient[i] = (*mean)[reader.layer.getElement(row, column)];
      reader.step.row(index) = own.solve(gradient);
    }
  }
  return success();
}

LogicalResult TinyGrowth::relieve(double rate) {
  for (ReaderLayer &reader : readers) {
    neuro::ParamOp param = reader.layer.weight;
    RankedTensorType type = param.getType();
    auto values = TensorElements::read(param.getValue());
    if (!values)
      return param.emitError("cannot be read");
    std::string bytes(values->getBytes().begin(), values->getBytes().end());
    for (auto [i, row] : llvm::enumerate(reader.rows))
      for (auto [j, column] : llvm::enumerate(reader.columns))
        writeNumber(type.getElementType(),
                    reader.weights(row, column) - rate * reader.step(i, j),
                    bytes.data() + reader.layer.getElement(row, column) *
                                       values->getElementBytes());
    param.setValueAttr(
        makeElements(type, param.getSymName(), std::move(bytes)));
  }
  return success();
}

LogicalResult TinyGrowth::pointOut(const Gradients &gradients) {
  for (Set &set : sets)
    if (failed(set.outgoing.whisper(gradients, kRounding,
                                    /*beginsAnew=*/false)))
      return failure();
  return success();
}

LogicalResult TinyGrowth::pointIn(const Gradients &gradients) {
  for (Set &set : sets) {
    auto weights = set.incoming.gather();
    auto directions = set.incoming.gatherGradients(gradients);
    if (failed(weights) || failed(directions))
      return failure();
    for (size_t newborn = 0; newborn < set.incoming.newborns; ++newborn) {
      size_t start = 0;
      for (const Source &source : set.sources) {
        auto map = [&](std::vector<Vector> &numbers) {
          return Eigen::Map<Eigen::VectorXd>(
              numbers[newborn].data() + start,
              static_cast<Eigen::Index>(source.length));
        };
        auto gradient = map(*directions), weight = map(*weights);
        const Factor &moments = source.moments[source.blockOf[newborn]];
        Eigen::VectorXd direction = moments.solve(gradient);
        double square = direction.dot(gradient);
        // What nothing tells of stays as it was drawn, at the size of others.
        if (!(square > 0) || !std::isfinite(square)) {
          direction = weight;
          square = (moments.matrixU() * direction).squaredNorm();
        }
        if (square > 0)
          weight = direction / std::sqrt(square);
        start += source.length;
      }
    }
    if (failed(set.incoming.scatter(*weights)))
      return failure();
  }
  return success();
}

LogicalResult TinyGrowth::silence() {
  for (Set &set : sets)
    if (failed(set.outgoing.clear()))
      return failure();
  return success();
}

LogicalResult TinyGrowth::weigh(const Gradients &gradients) {
  double most = 0;
  for (Set &set : sets) {
    auto inward = set.incoming.gather();
    auto outward = set.outgoing.gatherGradients(gradients);
    if (failed(inward) || failed(outward))
      return failure();
    separate(*outward, kRounding, /*beginsAnew=*/false);
    set.inward = std::move(*inward);
    set.outward = std::move(*outward);
    for (const Vector &direction : set.outward)
      most = std::max(most, std::sqrt(multiply(direction, direction)));
  }
  for (Set &set : sets)
    for (auto [in, out] : llvm::zip_equal(set.inward, set.outward)) {
      double value = std::sqrt(multiply(out, out));
      bool counts = value > kLeastShare * most;
      scale(in, std::sqrt(counts ? value : most));
      scale(out, counts ? -1 / std::sqrt(value) : 0);
    }
  return success();
}

LogicalResult TinyGrowth::turnDownhill(const Gradients &gradients) {
  for (Set &set : sets) {
    auto uphill = set.outgoing.gatherGradients(gradients);
    if (failed(uphill))
      return failure();
    for (auto [out, gradient] : llvm::zip_equal(set.outward, *uphill)) {
      double square = multiply(out, out), slope = multiply(gradient, gradient);
      if (square == 0 || slope == 0 || multiply(out, gradient) < 0)
        continue;
      scale(gradient, -std::sqrt(square / slope));
      out = gradient;
    }
  }
  return success();
}

LogicalResult TinyGrowth::amplify(double size) {
  for (Set &set : sets) {
    std::vector<Vector> inward = set.inward, outward = set.outward;
    for (auto [in, out] : llvm::zip_equal(inward, outward)) {
      scale(in, size > 0 ? std::sqrt(size) : 1);
      scale(out, std::sqrt(size));
    }
    if (failed(set.incoming.scatter(inward)) ||
        failed(set.outgoing.scatter(outward)))
      return failure();
  }
  return success();
}
