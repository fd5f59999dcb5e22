//===- ProfileKernels.cpp - Take the time of kernels ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast {
#define GEN_PASS_DEF_PROFILEKERNELS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// The operations of loops that do `each` in every step; zero if only a run
/// knows how many steps there are.
double countOperations(ArrayRef<int64_t> sizes, double each) {
  for (int64_t size : sizes)
    each *= ShapedType::isDynamic(size) ? 0.0 : static_cast<double>(size);
  return each;
}

/// The floating point operations of a kernel.
double countOperations(func::FuncOp kernel) {
  double operations = 0;
  kernel.walk([&](Operation *op) {
    if (auto computation = dyn_cast<kernel::KernelOpInterface>(op)) {
      for (const kernel::LoopWork &work : computation.getWork())
        operations += countOperations(work.sizes, work.operations);
    } else if (auto loops = dyn_cast<linalg::LinalgOp>(op)) {
      double each = llvm::count_if(
          loops.getBlock()->without_terminator(),
          [](Operation &inner) { return !isa<arith::ConstantOp>(inner); });
      operations += countOperations(loops.getStaticLoopRanges(), each);
    }
  });
  return operations;
}

/// Adds the nodes that an op was made of.
void addNodes(Location location, SmallVectorImpl<StringRef> &nodes) {
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      addNodes(part, nodes);
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    if (!llvm::is_contained(nodes, name.getName().strref()))
      nodes.push_back(name.getName().strref());
  }
}

std::string getNodes(Location location) {
  SmallVector<StringRef> nodes;
  addNodes(location, nodes);
  return llvm::join(nodes, " + ");
}

struct ProfileKernelsPass
    : neuroplast::impl::ProfileKernelsBase<ProfileKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    auto main = symbols.lookup<func::FuncOp>("main");
    if (!main)
      return;
    OpBuilder b(&getContext());
    Type i64 = b.getI64Type();
    auto mark = func::FuncOp::create(module.getLoc(), "neuroplast_profile_mark",
                                     b.getFunctionType(i64, {}));
    mark.setPrivate();
    symbols.insert(mark);
    SmallVector<func::CallOp> calls;
    main.walk([&](func::CallOp call) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      if (callee && callee.isPrivate() && !callee.isDeclaration())
        calls.push_back(call);
    });
    auto addMark = [&](int64_t entry) {
      Value number = arith::ConstantIntOp::create(b, main.getLoc(), i64, entry);
      func::CallOp::create(b, main.getLoc(), mark, number);
    };
    // What is none of the kernels counts for the first entry.
    SmallVector<Attribute> entries;
    auto addEntry = [&](StringRef nodes, StringRef kernel, double operations) {
      entries.push_back(b.getDictionaryAttr(
          {b.getNamedAttr("nodes", b.getStringAttr(nodes)),
           b.getNamedAttr("kernel", b.getStringAttr(kernel)),
           b.getNamedAttr("operations", b.getF64FloatAttr(operations))}));
    };
    addEntry("", "", 0);
    b.setInsertionPointToStart(&main.getBody().front());
    addMark(-1);
    for (func::CallOp call : calls) {
      b.setInsertionPoint(call);
      addMark(0);
      b.setInsertionPointAfter(call);
      addMark(entries.size());
      addEntry(getNodes(call.getLoc()), call.getCallee(),
               countOperations(symbols.lookup<func::FuncOp>(call.getCallee())));
    }
    module->setAttr("neuro.profile", b.getArrayAttr(entries));
  }
};

} // namespace
