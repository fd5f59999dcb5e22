//===- Reconstruct.cpp - Fitting what is left to what there was -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Channel pruning by reconstruction, arXiv 1707.06168, for any op that is a
// linear map: the layers are fitted in the order in which data reach them, each
// to the results of the original on its own data, so that a layer also makes up
// for what the ones before it could not.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/Reconstruct.h"
#include "MomentSums.h"
#include "Samples.h"
#include "neuroplast/Calibration/LayerwiseRun.h"
#include "neuroplast/Calibration/Patches.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;

llvm::json::Object RefittedLayer::toJson() const {
  llvm::json::Object object{{"node", node}};
  if (!obstacle.empty()) {
    object["obstacle"] = obstacle;
    return object;
  }
  object["samples"] = samples;
  object["patch_size"] = patchSize;
  object["error_before"] = before;
  object["error_after"] = after;
  object["mean_only"] = isMeanOnly;
  return object;
}

namespace {

/// A vector parameter that has one entry for each result of a layer.
struct VectorParam {
  neuro::ParamOp param;
  /// 1, or -1 where the vector is subtracted.
  double sign = 1;
  /// The op that reads it, if it is not the layer.
  Operation *next = nullptr;
};

std::vector<double> readVector(neuro::ParamOp param) {
  std::vector<double> numbers;
  if (auto elements = TensorElements::read(param.getValue()))
    for (int64_t i = 0; i < elements->getType().getNumElements(); ++i)
      numbers.push_back(elements->getNumber(i));
  return numbers;
}

void write(neuro::ParamOp param, ArrayRef<double> numbers) {
  std::vector<float> narrow(numbers.begin(), numbers.end());
  std::string bytes(reinterpret_cast<const char *>(narrow.data()),
                    narrow.size() * sizeof(float));
  param.setValueAttr(
      makeElements(param.getType(), param.getSymName(), std::move(bytes)));
}

const float *getFloats(const HostTensor &tensor) {
  return reinterpret_cast<const float *>(tensor.bytes.data());
}

class Reconstruction {
public:
  Reconstruction(ModuleOp original, ModuleOp edited,
                 ArrayRef<structure::TensorEdit> edits,
                 ArrayRef<NamedTensors> batches, ArrayRef<size_t> chosen,
                 const ReconstructOptions &options)
      : original(original), edited(edited), edits(edits), options(options),
        numBatches(chosen.size()), before(original, batches, chosen),
        after(edited, batches, chosen), sums(edited.getContext()),
        masks(neuro::listMasks(edited)) {}

  llvm::Expected<std::vector<RefittedLayer>> run() {
    findChanges();
    auto oldOps = getOps(original), newOps = getOps(edited);
    if (oldOps.size() != newOps.size())
      return fail("the edit has changed the number of ops");
    for (auto [oldOp, newOp] : llvm::zip_equal(oldOps, newOps)) {
      auto layer = dyn_cast<neuro::LayerOpInterface>(newOp);
      if (oldOp->getName() != newOp->getName())
        return fail("the edit has changed the order of ops");
      if (!layer || !changed.contains(newOp))
        continue;
      if (auto map = layer.getLinearMap()) {
        if (llvm::Error error = refit(oldOp, newOp, *map))
          return std::move(error);
      } else if (auto statistics = layer.getRunningStatistics();
                 statistics && !recalibrated.contains(newOp)) {
        if (llvm::Error error = recalibrate(oldOp, newOp, *statistics))
          return std::move(error);
      }
    }
    return std::move(report);
  }

private:
  static llvm::Error fail(const Twine &reason) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), reason);
  }

  static SmallVector<Operation *> getOps(ModuleOp module) {
    SmallVector<Operation *> ops;
    for (Operation &op : module.lookupSymbol<func::FuncOp>("main").front())
      ops.push_back(&op);
    return ops;
  }

  /// Finds the ops that have other weights than before, or see other data.
  void findChanges() {
    llvm::DenseMap<StringRef, unsigned> reads;
    edited.walk([&](neuro::GetParamOp read) { ++reads[read.getName()]; });
    for (const auto &[name, count] : reads)
      if (count > 1)
        shared.insert(name);
    edited.walk<WalkOrder::PreOrder>([&](Operation *op) {
      bool isChanged = llvm::any_of(op->getOperands(), [&](Value operand) {
        return operand.getDefiningOp() &&
               changed.contains(operand.getDefiningOp());
      });
      if (auto read = dyn_cast<neuro::GetParamOp>(op))
        isChanged = edited.lookupSymbol<neuro::ParamOp>(read.getNameAttr())
                        .getValue() !=
                    original.lookupSymbol<neuro::ParamOp>(read.getNameAttr())
                        .getValue();
      // What happens in a region reaches what is around it.
      for (Operation *at = op; isChanged && at; at = at->getParentOp())
        changed.insert(at);
    });
  }

  /// The parameter that an operand is, if no one else reads it and it holds
  /// floats.
  neuro::ParamOp getOwnParam(Value operand) {
    auto read = operand.getDefiningOp<neuro::GetParamOp>();
    if (!read || shared.contains(read.getName()) ||
        !read.getType().getElementType().isF32())
      return nullptr;
    return edited.lookupSymbol<neuro::ParamOp>(read.getNameAttr());
  }

  /// What is added to all results of a layer: its bias, or that of the only op
  /// that takes them.
  std::optional<VectorParam> findOffset(Operation *op,
                                        const neuro::LinearMap &map) {
    if (map.bias) {
      if (neuro::ParamOp param = getOwnParam(op->getOperand(*map.bias)))
        return VectorParam{param};
      return std::nullopt;
    }
    if (!op->getResult(0).hasOneUse())
      return std::nullopt;
    OpOperand &use = *op->getResult(0).use_begin();
    auto next = dyn_cast<neuro::LayerOpInterface>(use.getOwner());
    auto offset = next ? next.getInputOffset() : std::nullopt;
    if (!offset || use.getOperandNumber() != offset->data ||
        offset->axis != map.outAxisOfResult)
      return std::nullopt;
    neuro::ParamOp param = getOwnParam(next->getOperand(offset->offset));
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!param || param.getType().getNumElements() !=
                      type.getDimSize(map.outAxisOfResult))
      return std::nullopt;
    return VectorParam{param, offset->sign, next};
  }

  /// The old places of an axis of a parameter; none if some are new.
  std::optional<SmallVector<int64_t>> getSources(neuro::ParamOp param,
                                                 unsigned axis) {
    int64_t oldSize = original.lookupSymbol<neuro::ParamOp>(param.getSymName())
                          .getType()
                          .getDimSize(axis);
    SmallVector<int64_t> places;
    for (const structure::TensorEdit &edit : edits) {
      if (edit.tensor != structure::getTensorName(param) || edit.axis != axis)
        continue;
      int64_t blockSize = oldSize / edit.sources.size();
      for (auto [block, sources] : llvm::enumerate(edit.sources))
        for (int64_t source : sources) {
          if (source < 0)
            return std::nullopt;
          places.push_back(block * blockSize + source);
        }
      return places;
    }
    llvm::append_range(places, llvm::seq<int64_t>(0, oldSize));
    return places;
  }

  llvm::Error refit(Operation *oldOp, Operation *newOp,
                    const neuro::LinearMap &map) {
    RefittedLayer layer;
    layer.node = structure::getNodeName(newOp->getLoc()).str();
    auto skip = [&](const Twine &reason) {
      layer.obstacle = reason.str();
      report.push_back(std::move(layer));
      return llvm::Error::success();
    };
    neuro::ParamOp weight = getOwnParam(newOp->getOperand(map.weight));
    if (!weight)
      return skip("its weight is no parameter of its own");
    auto oldMap = cast<neuro::LayerOpInterface>(oldOp).getLinearMap();
    auto kept = getSources(weight, map.outAxisOfWeight);
    if (!oldMap || !kept)
      return skip("it has new units");
    if (!before.canStopAt(oldOp) || !after.canStopAt(newOp))
      return skip("it cannot be run apart");
    for (Value value :
         {Value(oldOp->getResult(0)), newOp->getOperand(map.data)}) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
        return skip("its data are no floats of known sizes");
    }
    Patches oldPatches(oldOp, *oldMap), patches(newOp, map);
    if (oldPatches.getNumPositions() != patches.getNumPositions())
      return skip("its results have other sizes");
    layer.patchSize = patches.getPatchSize();
    auto samples =
        drawSamples(numBatches, patches.getNumPositions(),
                    options.mostSamples * layer.patchSize, options.seed);
    layer.samples = samples.size();
    // A fit would fill the zeros of a mask.
    bool isMasked = masks.contains(weight.getSymName());
    layer.isMeanOnly =
        isMasked || layer.samples < options.fewestSamples * layer.patchSize;
    if (isMasked && !findOffset(newOp, map))
      return skip("its weights are masked");
    if (layer.isMeanOnly && !findOffset(newOp, map))
      return skip(Twine(layer.samples) + " samples are too few for " +
                  Twine(layer.patchSize) + " weights of a result");
    if (options.progress)
      options.progress(layer.node);
    if (llvm::Error error = before.runUntil(oldOp, /*inclusive=*/true))
      return error;
    if (llvm::Error error = after.runUntil(newOp, /*inclusive=*/false))
      return error;
    return fit(oldOp, newOp, map, weight, *kept, oldPatches, patches, samples,
               std::move(layer));
  }

  llvm::Error fit(Operation *oldOp, Operation *newOp,
                  const neuro::LinearMap &map, neuro::ParamOp weight,
                  ArrayRef<int64_t> kept, const Patches &oldPatches,
                  const Patches &patches, ArrayRef<Sample> samples,
                  RefittedLayer layer) {
    ArrayRef<HostTensor> results = before.getValue(oldOp->getResult(0));
    ArrayRef<HostTensor> data = after.getValue(newOp->getOperand(map.data));
    std::optional<VectorParam> offset = findOffset(newOp, map);
    std::vector<double> bias(kept.size(), 0.0);
    if (map.bias && offset)
      bias = readVector(offset->param);
    std::optional<TensorElements> elements =
        TensorElements::read(weight.getValue());
    if (!elements)
      return fail("the weights of '" + weight.getSymName() +
                  "' cannot be read");
    std::vector<double> weights = readVector(weight);
    std::vector<double> change, ratios;
    int64_t outs = patches.getNumOuts(), size = patches.getPatchSize();
    double energy = 0;
    for (int64_t block = 0; block < patches.getNumBlocks(); ++block) {
      ArrayRef<int64_t> places = kept.slice(block * outs, outs);
      auto moments = sums.sum(
          size, outs, samples.size(),
          [&](int64_t sample, float *patch, float *row) {
            auto [batch, position] = samples[sample];
            patches.readPatch(getFloats(data[batch]), position, block, patch);
            oldPatches.readResults(getFloats(results[batch]), position, places,
                                   row);
          });
      if (!moments)
        return moments.takeError();
      LinearFit start, fitted;
      for (int64_t out = 0; out < outs; ++out) {
        for (int64_t i = 0; i < size; ++i)
          start.weights.push_back(
              weights[patches.getWeightIndex(block, out, i)]);
        start.offset.push_back(bias[block * outs + out]);
      }
      layer.before += getResidual(*moments, start);
      for (int64_t out = 0; out < outs; ++out)
        energy += (moments->squareT[out] -
                   moments->sumT[out] * moments->sumT[out] / moments->samples) /
                  moments->samples;
      double penalty =
          options.penalty +
          options.scarcity * size / static_cast<double>(samples.size());
      if (layer.isMeanOnly)
        fitted = {start.weights, fitOffset(*moments, start.weights)};
      else if (!solve(*moments, start, offset.has_value(), penalty, fitted))
        fitted = start;
      layer.after += getResidual(*moments, fitted);
      for (int64_t out = 0; out < outs; ++out) {
        for (int64_t i = 0; i < size; ++i)
          weights[patches.getWeightIndex(block, out, i)] =
              fitted.weights[out * size + i];
        change.push_back(fitted.offset[out] - start.offset[out]);
      }
      llvm::append_range(ratios, getVarianceRatios(*moments, fitted));
    }
    layer.before /= std::max(energy, 1e-30);
    layer.after /= std::max(energy, 1e-30);
    write(weight, weights);
    if (offset) {
      std::vector<double> numbers = readVector(offset->param);
      for (size_t i = 0; i < numbers.size(); ++i)
        numbers[i] += offset->sign * change[i];
      write(offset->param, numbers);
      if (offset->next)
        scaleVariance(offset->next, ratios);
    }
    report.push_back(std::move(layer));
    return llvm::Error::success();
  }

  /// If an op remembers the variance of the results of a fit: it has become
  /// another.
  void scaleVariance(Operation *op, ArrayRef<double> ratios) {
    auto statistics = cast<neuro::LayerOpInterface>(op).getRunningStatistics();
    if (!statistics)
      return;
    recalibrated.insert(op);
    neuro::ParamOp param = getOwnParam(op->getOperand(statistics->variance));
    if (!param)
      return;
    std::vector<double> variances = readVector(param);
    for (auto [variance, ratio] : llvm::zip_equal(variances, ratios))
      variance *= ratio;
    write(param, variances);
  }

  struct ChannelStatistics {
    std::vector<double> mean, variance;
  };

  /// Of what lies along axis 1 of a value.
  static ChannelStatistics measure(ArrayRef<HostTensor> tensors,
                                   int64_t channels) {
    std::vector<double> sum(channels), square(channels);
    double count = 0;
    for (const HostTensor &tensor : tensors) {
      int64_t beneath = 1;
      for (size_t axis = 2; axis < tensor.shape.size(); ++axis)
        beneath *= tensor.shape[axis];
      const float *element = getFloats(tensor);
      for (int64_t row = 0; row < tensor.shape[0]; ++row)
        for (int64_t channel = 0; channel < channels; ++channel)
          for (int64_t i = 0; i < beneath; ++i, ++element) {
            sum[channel] += *element;
            square[channel] += double(*element) * *element;
          }
      count += tensor.shape[0] * beneath;
    }
    ChannelStatistics result;
    for (int64_t channel = 0; channel < channels; ++channel) {
      double mean = sum[channel] / count;
      result.mean.push_back(mean);
      result.variance.push_back(
          std::max(square[channel] / count - mean * mean, 0.0));
    }
    return result;
  }

  /// Moves the statistics as those of the data have moved: what they were taken
  /// from may differ from what calibrates.
  llvm::Error recalibrate(Operation *oldOp, Operation *newOp,
                          const neuro::RunningStatistics &operands) {
    neuro::ParamOp mean = getOwnParam(newOp->getOperand(operands.mean));
    neuro::ParamOp variance = getOwnParam(newOp->getOperand(operands.variance));
    Value oldData = oldOp->getOperand(operands.data);
    Value newData = newOp->getOperand(operands.data);
    auto oldType = cast<RankedTensorType>(oldData.getType());
    auto newType = cast<RankedTensorType>(newData.getType());
    auto kept = mean ? getSources(mean, 0) : std::nullopt;
    if (!mean || !variance || !kept || !oldType.hasStaticShape() ||
        !oldType.getElementType().isF32() || !before.canStopAt(oldOp) ||
        !after.canStopAt(newOp))
      return llvm::Error::success();
    if (llvm::Error error = before.runUntil(oldOp, /*inclusive=*/false))
      return error;
    if (llvm::Error error = after.runUntil(newOp, /*inclusive=*/false))
      return error;
    ChannelStatistics was =
        measure(before.getValue(oldData), oldType.getDimSize(1));
    ChannelStatistics is =
        measure(after.getValue(newData), newType.getDimSize(1));
    std::vector<double> oldMeans = readVector(
        original.lookupSymbol<neuro::ParamOp>(mean.getSymNameAttr()));
    std::vector<double> means = readVector(mean);
    std::vector<double> variances = readVector(variance);
    for (auto [channel, source] : llvm::enumerate(*kept)) {
      means[channel] = oldMeans[source] + is.mean[channel] - was.mean[source];
      double ratio = is.variance[channel] / was.variance[source];
      if (was.variance[source] > 0 && std::isfinite(ratio) && ratio > 0)
        variances[channel] *= ratio;
    }
    write(mean, means);
    write(variance, variances);
    return llvm::Error::success();
  }

  ModuleOp original, edited;
  ArrayRef<structure::TensorEdit> edits;
  const ReconstructOptions &options;
  size_t numBatches;
  LayerwiseRun before, after;
  MomentSums sums;
  llvm::StringMap<neuro::ParamOp> masks;
  llvm::DenseSet<Operation *> changed;
  llvm::DenseSet<StringRef> shared;
  /// Ops whose statistics have been set with the layer before them.
  llvm::DenseSet<Operation *> recalibrated;
  std::vector<RefittedLayer> report;
};

} // namespace

llvm::Expected<std::vector<RefittedLayer>> neuroplast::calibration::reconstruct(
    ModuleOp original, ModuleOp edited, ArrayRef<structure::TensorEdit> edits,
    ArrayRef<NamedTensors> batches, const ReconstructOptions &options) {
  return Reconstruction(original, edited, edits, batches,
                        LayerwiseRun::choose(original, batches), options)
      .run();
}
