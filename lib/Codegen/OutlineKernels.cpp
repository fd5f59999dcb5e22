//===- OutlineKernels.cpp - One function per distinct kernel --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace neuroplast {
#define GEN_PASS_DEF_OUTLINEKERNELS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Ops that become one function, in their order.
using Cluster = SmallVector<Operation *, 2>;

/// Whether a call is little next to what the op does.
bool isWorthACall(Operation *op) {
  constexpr int64_t kFewElements = 8;
  return llvm::any_of(op->getOperands(), [](Value operand) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    return type &&
           (!type.hasStaticShape() || type.getNumElements() >= kFewElements);
  });
}

/// An op with what fills its destination right before it.
Cluster getCluster(Operation *op) {
  Cluster cluster{op};
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  auto fill = dyn_cast_or_null<linalg::FillOp>(op->getPrevNode());
  if (linalgOp && fill && linalgOp.getNumDpsInits() == 1 &&
      fill.getDpsInits()[0] == linalgOp.getDpsInits()[0])
    cluster.insert(cluster.begin(), fill);
  return cluster;
}

/// What the ops read from outside; constants, which go with them, aside.
struct Captures {
  llvm::SetVector<Value> arguments;
  llvm::SetVector<Operation *> constants;

  explicit Captures(const Cluster &cluster) {
    for (Operation *op : cluster) {
      for (Value operand : op->getOperands())
        add(operand);
      llvm::SetVector<Value> above;
      getUsedValuesDefinedAbove(op->getRegions(), above);
      for (Value value : above)
        add(value);
    }
  }

private:
  void add(Value value) {
    Operation *definition = value.getDefiningOp();
    if (definition && definition->hasTrait<OpTrait::ConstantLike>())
      constants.insert(definition);
    else
      arguments.insert(value);
  }
};

/// Whether a buffer's pointer says everything that its type does not.
bool isPointer(Type type) {
  auto buffer = dyn_cast<MemRefType>(type);
  if (!buffer)
    return true;
  int64_t offset = 0;
  SmallVector<int64_t> strides;
  return buffer.hasStaticShape() &&
         succeeded(buffer.getStridesAndOffset(strides, offset)) &&
         !ShapedType::isDynamic(offset) &&
         llvm::none_of(strides, ShapedType::isDynamic);
}

class Outliner {
public:
  explicit Outliner(ModuleOp module) : module(module), symbols(module) {}

  void outline(const Cluster &cluster) {
    Captures captures(cluster);
    func::FuncOp function = create(cluster, captures);
    std::string text;
    llvm::raw_string_ostream stream(text);
    function->print(stream, OpPrintingFlags().useLocalScope());
    auto [known, isNew] = functions.try_emplace(text, function);
    if (isNew) {
      // Its name is given only now, lest no two functions were the same.
      StringRef kind = cluster.back()->getName().stripDialect();
      function.setSymName(("kernel_" + kind).str());
      symbols.insert(function);
    } else {
      function.erase();
    }
    OpBuilder builder(cluster.back());
    func::CallOp::create(builder, cluster.back()->getLoc(), known->second,
                         captures.arguments.getArrayRef());
    for (Operation *op : cluster)
      op->erase();
  }

private:
  /// The function, which is in no module yet.
  func::FuncOp create(const Cluster &cluster, const Captures &captures) {
    Location loc = cluster.back()->getLoc();
    OpBuilder builder(module.getContext());
    SmallVector<Type> types;
    for (Value argument : captures.arguments)
      types.push_back(argument.getType());
    auto function =
        func::FuncOp::create(loc, "kernel", builder.getFunctionType(types, {}));
    function.setPrivate();
    // It would come back inline where it is called once.
    function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
    if (llvm::all_of(types, isPointer))
      function->setAttr("llvm.bareptr", builder.getUnitAttr());
    Block *entry = function.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping values;
    for (Operation *constant : captures.constants)
      builder.clone(*constant, values);
    values.map(captures.arguments.getArrayRef(), entry->getArguments());
    for (Operation *op : cluster)
      builder.clone(*op, values);
    func::ReturnOp::create(builder, loc);
    return function;
  }

  ModuleOp module;
  SymbolTable symbols;
  /// By their text.
  llvm::StringMap<func::FuncOp> functions;
};

struct OutlineKernelsPass
    : neuroplast::impl::OutlineKernelsBase<OutlineKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<Cluster> clusters;
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    main.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isa<linalg::GenericOp, linalg::TransposeOp,
               kernel::KernelOpInterface>(op))
        return WalkResult::advance();
      auto destination = cast<DestinationStyleOpInterface>(op);
      if (destination.hasPureBufferSemantics() && isWorthACall(op))
        clusters.push_back(getCluster(op));
      return WalkResult::skip();
    });
    Outliner outliner(module);
    for (const Cluster &cluster : clusters)
      outliner.outline(cluster);
  }
};

} // namespace
