//===- LayerwiseRun.cpp - Running a network piece by piece ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/LayerwiseRun.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/Support/Parallel.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;

/// Elements to compute from which on optimising the code takes less time than
/// it saves; kernels are fast in any case.
static constexpr double kMuchWork = 2e8;

/// What all batches may fill at once.
static constexpr double kMostBytes = 1 << 30;

/// Operands of an op, and what its regions read from around it.
static llvm::SetVector<Value> collectReads(Operation *op) {
  llvm::SetVector<Value> reads(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), reads);
  return reads;
}

bool LayerwiseRun::isCopied(Operation *op) {
  if (isa<neuro::GetParamOp>(op) || op->hasTrait<OpTrait::ConstantLike>())
    return true;
  // Sizes and the like.
  return isPure(op) && op->getNumResults() > 0 &&
         llvm::none_of(op->getResultTypes(), llvm::IsaPred<ShapedType>);
}

void LayerwiseRun::collectInputs(Operation *op,
                                 SmallVectorImpl<Value> &inputs) const {
  for (Value read : collectReads(op)) {
    Operation *source = read.getDefiningOp();
    if (source && isCopied(source))
      collectInputs(source, inputs);
    else
      inputs.push_back(read);
  }
}

LayerwiseRun::LayerwiseRun(ModuleOp module, ArrayRef<NamedTensors> batches,
                           ArrayRef<size_t> chosen)
    : main(module.lookupSymbol<func::FuncOp>("main")),
      numBatches(chosen.size()) {
  for (Operation &op : main.front()) {
    indexOf[&op] = ops.size();
    ops.push_back(&op);
    if (isCopied(&op))
      continue;
    SmallVector<Value> inputs;
    collectInputs(&op, inputs);
    for (Value input : inputs)
      lastUse[input] = indexOf[&op];
  }
  for (BlockArgument argument : main.getArguments()) {
    auto name = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                  "neuro.name");
    for (size_t number : chosen)
      if (auto it =
              name ? batches[number].find(name.str()) : batches[number].end();
          it != batches[number].end())
        values[argument].push_back(it->second);
  }
}

double LayerwiseRun::measurePeak() const {
  // What begins to be there with an op, less what no longer is behind it.
  std::vector<double> changes(ops.size() + 1);
  for (auto [value, last] : lastUse) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || !type.hasStaticShape() ||
        !type.getElementType().isIntOrFloat())
      continue;
    double bytes = static_cast<double>(type.getNumElements()) *
                   type.getElementTypeBitWidth() / 8;
    Operation *source = value.getDefiningOp();
    changes[source ? indexOf.lookup(source) : 0] += bytes;
    changes[last + 1] -= bytes;
  }
  double now = 0, peak = 0;
  for (double change : changes)
    peak = std::max(peak, now += change);
  return peak;
}

std::vector<size_t> LayerwiseRun::choose(ModuleOp module,
                                         ArrayRef<NamedTensors> batches) {
  double peak = LayerwiseRun(module, {}, {}).measurePeak();
  size_t count = batches.size();
  if (peak * static_cast<double>(count) > kMostBytes)
    count = std::max<size_t>(static_cast<size_t>(kMostBytes / peak), 1);
  std::vector<size_t> chosen;
  for (size_t i = 0; i < count; ++i)
    chosen.push_back(i * batches.size() / count);
  if (count < batches.size())
    module.emitWarning("looks at ")
        << count << " of " << batches.size()
        << " batches, which fill the memory that there is for them";
  return chosen;
}

bool LayerwiseRun::canStopAt(Operation *op) const {
  auto it = indexOf.find(op);
  if (it == indexOf.end())
    return false;
  return llvm::none_of(lastUse, [&](const auto &entry) {
    auto [value, last] = entry;
    Operation *source = value.getDefiningOp();
    return source && indexOf.lookup(source) <= it->second &&
           last >= it->second && !isa<RankedTensorType>(value.getType());
  });
}

ArrayRef<HostTensor> LayerwiseRun::getValue(Value value) const {
  auto it = values.find(value);
  return it == values.end() ? ArrayRef<HostTensor>() : ArrayRef(it->second);
}

llvm::Error LayerwiseRun::runUntil(Operation *op, bool inclusive) {
  size_t end = indexOf.lookup(op) + inclusive;
  SmallVector<Operation *> segment;
  SmallVector<Value> results;
  for (size_t i = position; i < end; ++i) {
    if (isCopied(ops[i]))
      continue;
    segment.push_back(ops[i]);
    for (Value result : ops[i]->getResults())
      if (auto it = lastUse.find(result);
          ops[i] == op || (it != lastUse.end() && it->second >= end))
        results.push_back(result);
  }
  position = std::max(position, end);
  if (!results.empty())
    if (llvm::Error error = runSegment(segment, results))
      return error;
  for (Value value : llvm::to_vector(llvm::make_first_range(values)))
    if (value.getDefiningOp() != op && lastUse.lookup(value) < end)
      values.erase(value);
  return llvm::Error::success();
}

namespace {

/// Makes a module of some ops of a network, whose function takes the tensors
/// from around them.
class SegmentBuilder {
public:
  SegmentBuilder(ModuleOp source,
                 llvm::function_ref<bool(Operation *)> isCopied)
      : source(source), isCopied(isCopied), builder(source.getContext()),
        module(ModuleOp::create(source.getLoc())) {}

  OwningOpRef<ModuleOp> build(ArrayRef<Operation *> ops, ArrayRef<Value> inputs,
                              ArrayRef<Value> results) {
    builder.setInsertionPointToEnd(module->getBody());
    auto type = builder.getFunctionType(ValueRange(inputs).getTypes(),
                                        ValueRange(results).getTypes());
    auto func = func::FuncOp::create(builder, source.getLoc(), "main", type);
    Block *body = func.addEntryBlock();
    mapping.map(inputs, body->getArguments());
    builder.setInsertionPointToStart(body);
    for (Operation *op : ops) {
      for (Value read : collectReads(op))
        provide(read);
      builder.clone(*op, mapping);
    }
    func::ReturnOp::create(builder, source.getLoc(),
                           llvm::map_to_vector(results, [&](Value result) {
                             return mapping.lookup(result);
                           }));
    builder.setInsertionPoint(func);
    llvm::SmallDenseSet<StringRef> copied;
    func.walk([&](neuro::GetParamOp read) {
      if (copied.insert(read.getName()).second)
        builder.clone(*source.lookupSymbol<neuro::ParamOp>(read.getNameAttr()));
    });
    return std::move(module);
  }

private:
  void provide(Value value) {
    Operation *op = value.getDefiningOp();
    if (mapping.contains(value) || !op || !isCopied(op))
      return;
    for (Value read : collectReads(op))
      provide(read);
    builder.clone(*op, mapping);
  }

  ModuleOp source;
  llvm::function_ref<bool(Operation *)> isCopied;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
  IRMapping mapping;
};

} // namespace

llvm::Error LayerwiseRun::runSegment(ArrayRef<Operation *> segment,
                                     ArrayRef<Value> results) {
  llvm::SetVector<Value> inputs;
  for (Operation *op : segment) {
    SmallVector<Value> reads;
    collectInputs(op, reads);
    for (Value read : reads)
      if (values.contains(read))
        inputs.insert(read);
  }
  auto module = SegmentBuilder(main->getParentOfType<ModuleOp>(), isCopied)
                    .build(segment, inputs.getArrayRef(), results);
  double elements = 0;
  for (Operation *op : segment)
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && tensor.hasStaticShape())
        elements += tensor.getNumElements();
  CompileOptions options;
  options.optLevel = elements * numBatches < kMuchWork ? 0 : 1;
  auto compiled = compileModule(*module, options);
  if (!compiled)
    return compiled.takeError();
  auto model = loadInMemory(std::move(*compiled));
  if (!model)
    return model.takeError();
  for (Value result : results)
    values[result].resize(numBatches);
  std::mutex mutex;
  llvm::Error failure = llvm::Error::success();
  llvm::parallelFor(0, numBatches, [&](size_t batch) {
    std::vector<NeuroplastTensor> arguments, outputs(results.size());
    for (Value input : inputs)
      arguments.push_back(viewTensor(values.find(input)->second[batch]));
    llvm::Error error = (*model)->runBound(arguments, outputs);
    if (error) {
      std::lock_guard<std::mutex> lock(mutex);
      failure = llvm::joinErrors(std::move(failure), std::move(error));
    } else {
      for (auto [result, output] : llvm::zip_equal(results, outputs))
        values.find(result)->second[batch] = copyTensor(output);
    }
    (*model)->release(outputs);
  });
  return failure;
}
