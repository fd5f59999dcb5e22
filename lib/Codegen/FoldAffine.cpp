//===- FoldAffine.cpp - Fold batch norms into the layers before them ------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/DerivedParams.h"
#include "neuroplast/Codegen/Passes.h"

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace neuroplast {
#define GEN_PASS_DEF_FOLDAFFINE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

class AffineFolder {
public:
  explicit AffineFolder(ModuleOp module) : module(module), symbols(module) {}

  void run() {
    SmallVector<neuro::LayerOpInterface> ops;
    module.walk([&](neuro::LayerOpInterface op) { ops.push_back(op); });
    for (neuro::LayerOpInterface op : ops) {
      auto affine =
          op.getChannelAffine([&](Value value) { return readNumbers(value); });
      if (!affine || op->getNumResults() != 1 ||
          !getElementTypeOrSelf(op->getResult(0).getType()).isF32())
        continue;
      if (!foldIntoLayer(op, *affine))
        expand(op, *affine);
    }
    dropUnread();
  }

private:
  /// The parameter that a value is read from; null if it is none.
  neuro::ParamOp findParam(Value value) {
    auto read =
        value ? value.getDefiningOp<neuro::GetParamOp>() : neuro::GetParamOp();
    return read ? symbols.lookup<neuro::ParamOp>(read.getName())
                : neuro::ParamOp();
  }

  std::optional<SmallVector<double>> readNumbers(Value value) {
    if (auto constant = value.getDefiningOp<neuro::ConstantOp>())
      return getFloats(constant.getValue());
    neuro::ParamOp param = findParam(value);
    if (!param)
      return std::nullopt;
    return getFloats(param.getValue());
  }

  /// A parameter beside `like` with these elements, read at `builder`.
  Value addParam(OpBuilder &builder, neuro::ParamOp like, StringRef part,
                 ArrayRef<int64_t> shape, std::shared_ptr<float[]> numbers) {
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    std::string name = (like.getSymName() + "." + part).str();
    StringRef bytes(reinterpret_cast<const char *>(numbers.get()),
                    type.getNumElements() * sizeof(float));
    neuro::ParamOp param =
        createDerivedParam(symbols, Block::iterator(like), like.getLoc(), name,
                           makeElements(type, name, bytes, std::move(numbers)));
    return neuro::GetParamOp::create(builder, like.getLoc(), type,
                                     param.getSymName());
  }

  void forget(Value value) {
    if (auto read = value.getDefiningOp<neuro::GetParamOp>())
      unread.insert(read);
  }

  bool foldIntoLayer(neuro::LayerOpInterface op,
                     const neuro::ChannelAffine &affine) {
    Value data = op->getOperand(affine.data);
    auto layer = data.getDefiningOp<neuro::LayerOpInterface>();
    auto map = layer && data.hasOneUse() ? layer.getLinearMap() : std::nullopt;
    if (!map || map->outAxisOfResult != 1)
      return false;
    neuro::ParamOp weight = findParam(layer->getOperand(map->weight));
    auto elements =
        weight ? TensorElements::read(weight.getValue()) : std::nullopt;
    if (!elements || !weight.getType().getElementType().isF32())
      return false;
    ArrayRef<int64_t> shape = weight.getType().getShape();
    int64_t outs = shape[map->outAxisOfWeight];
    std::optional<SmallVector<double>> bias;
    if (map->bias) {
      bias = readNumbers(layer->getOperand(*map->bias));
      if (!bias || static_cast<int64_t>(bias->size()) != outs)
        return false;
    }
    if (static_cast<int64_t>(affine.scale.size()) != outs)
      return false;
    int64_t beneath = 1;
    for (int64_t extent : shape.drop_front(map->outAxisOfWeight + 1))
      beneath *= extent;
    int64_t count = weight.getType().getNumElements();
    // Fresh memory that is written once: half the time is that of its pages.
    std::shared_ptr<float[]> numbers(new float[count]);
    const char *from = elements->getBytes().data();
    for (int64_t run = 0; run * beneath < count; ++run)
      for (int64_t i = run * beneath; i < (run + 1) * beneath; ++i) {
        float number;
        memcpy(&number, from + i * sizeof number, sizeof number);
        numbers[i] = static_cast<float>(number * affine.scale[run % outs]);
      }
    std::shared_ptr<float[]> shift(new float[outs]);
    for (int64_t out = 0; out < outs; ++out)
      shift[out] = static_cast<float>(
          affine.shift[out] + (bias ? (*bias)[out] * affine.scale[out] : 0));
    OpBuilder before(layer);
    forget(layer->getOperand(map->weight));
    layer->setOperand(map->weight,
                      addParam(before, weight, "scaled", shape, numbers));
    Value result = data;
    if (map->bias) {
      forget(layer->getOperand(*map->bias));
      auto type =
          cast<RankedTensorType>(layer->getOperand(*map->bias).getType());
      layer->setOperand(*map->bias, addParam(before, weight, "shift",
                                             type.getShape(), shift));
    } else {
      OpBuilder behind(op);
      result = neuro::buildSum(
          behind, op->getLoc(), data,
          addParam(behind, weight, "shift", alongChannels(data, outs), shift));
    }
    replace(op, result);
    return true;
  }

  /// The shape of a vector that broadcasts along axis 1 of a value.
  static SmallVector<int64_t> alongChannels(Value data, int64_t channels) {
    SmallVector<int64_t> shape(
        cast<RankedTensorType>(data.getType()).getRank() - 1, 1);
    shape[0] = channels;
    return shape;
  }

  void expand(neuro::LayerOpInterface op, const neuro::ChannelAffine &affine) {
    Value data = op->getOperand(affine.data);
    neuro::ParamOp like;
    for (Value operand : op->getOperands())
      if (!like && operand != data)
        like = findParam(operand);
    if (!like)
      return;
    OpBuilder builder(op);
    auto add = [&](StringRef part, ArrayRef<double> numbers) {
      std::shared_ptr<float[]> rounded(new float[numbers.size()]);
      llvm::copy(numbers, rounded.get());
      return addParam(builder, like, part, alongChannels(data, numbers.size()),
                      std::move(rounded));
    };
    Value product = neuro::buildProduct(builder, op->getLoc(), data,
                                        add("scale", affine.scale));
    replace(op, neuro::buildSum(builder, op->getLoc(), product,
                                add("shift", affine.shift)));
  }

  void replace(neuro::LayerOpInterface op, Value result) {
    for (Value operand : op->getOperands())
      forget(operand);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }

  /// Drops the parameters that gave way to others and that nobody reads any
  /// more, with their shadows.
  void dropUnread() {
    llvm::StringSet<> dropped;
    for (neuro::GetParamOp read : unread) {
      dropped.insert(read.getName());
      if (read->use_empty())
        read->erase();
    }
    module.walk([&](neuro::GetParamOp read) { dropped.erase(read.getName()); });
    for (auto param :
         llvm::make_early_inc_range(module.getOps<neuro::ParamOp>()))
      if (dropped.contains(param.getSymName()) ||
          (param.getShadowOf() && dropped.contains(*param.getShadowOf())))
        eraseParam(symbols, param);
  }

  ModuleOp module;
  SymbolTable symbols;
  llvm::SetVector<neuro::GetParamOp> unread;
};

struct FoldAffinePass : neuroplast::impl::FoldAffineBase<FoldAffinePass> {
  void runOnOperation() override { AffineFolder(getOperation()).run(); }
};

} // namespace
