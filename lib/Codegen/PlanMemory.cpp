//===- PlanMemory.cpp - One piece of memory for all buffers of a run ------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Codegen/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace neuroplast {
#define GEN_PASS_DEF_PLANMEMORY
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

constexpr int64_t kAlignment = 64;

/// The bytes of a buffer whose size is known.
int64_t getBytes(MemRefType type) {
  int64_t bits = type.getElementType().isIndex()
                     ? 64
                     : type.getElementType().getIntOrFloatBitWidth();
  return type.getNumElements() * llvm::divideCeil(bits, 8);
}

/// A buffer whose size is known, and where it lives.
struct Buffer {
  memref::AllocOp alloc;
  memref::DeallocOp dealloc;
  int64_t bytes;
  /// The ops between which it lives, by their numbers.
  unsigned first, last;
  int64_t offset = 0;
};

/// The static buffers of a function that are freed in the block in which they
/// are made, whatever is around it: each time it runs, they are made anew.
SmallVector<Buffer> collectBuffers(func::FuncOp function) {
  llvm::DenseMap<Operation *, unsigned> numbers;
  unsigned next = 0;
  function.walk<WalkOrder::PreOrder>(
      [&](Operation *op) { numbers[op] = next++; });
  SmallVector<Buffer> buffers;
  function.walk([&](memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    // Threads would share what is each one's own.
    if (!type.hasStaticShape() || !type.getLayout().isIdentity() ||
        alloc->getParentOfType<scf::ParallelOp>())
      return;
    memref::DeallocOp dealloc;
    for (Operation *user : alloc->getUsers())
      if (auto found = dyn_cast<memref::DeallocOp>(user))
        dealloc = !dealloc && found->getBlock() == alloc->getBlock()
                      ? found
                      : memref::DeallocOp();
    if (dealloc)
      buffers.push_back(
          {alloc, dealloc, getBytes(type), numbers[alloc], numbers[dealloc]});
  });
  return buffers;
}

/// Gives each buffer, the largest first, the lowest place that is free as long
/// as it lives. Returns the bytes of all.
int64_t placeBuffers(SmallVectorImpl<Buffer> &buffers) {
  llvm::sort(buffers, [](const Buffer &a, const Buffer &b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.first < b.first;
  });
  int64_t total = 1; // without bytes there would be no workspace
  SmallVector<const Buffer *> placed; // by their places
  for (Buffer &buffer : buffers) {
    for (const Buffer *other : placed) {
      if (other->last < buffer.first || buffer.last < other->first)
        continue;
      if (buffer.offset + buffer.bytes <= other->offset)
        break;
      buffer.offset = std::max(buffer.offset,
                               static_cast<int64_t>(llvm::alignTo(
                                   other->offset + other->bytes, kAlignment)));
    }
    total = std::max(total, buffer.offset + buffer.bytes);
    placed.insert(llvm::upper_bound(placed, &buffer,
                                    [](const Buffer *a, const Buffer *b) {
                                      return a->offset < b->offset;
                                    }),
                  &buffer);
  }
  return llvm::alignTo(total, kAlignment);
}

struct PlanMemoryPass : neuroplast::impl::PlanMemoryBase<PlanMemoryPass> {
  void runOnOperation() override {
    func::FuncOp main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main)
      return;
    SmallVector<Buffer> buffers = collectBuffers(main);
    if (buffers.empty())
      return;
    OpBuilder b(&getContext());
    auto type = MemRefType::get(placeBuffers(buffers), b.getI8Type());
    unsigned index = main.getNumArguments();
    auto attributes =
        b.getDictionaryAttr(b.getNamedAttr("neuro.workspace", b.getUnitAttr()));
    if (failed(main.insertArgument(index, type, attributes, main.getLoc())))
      return signalPassFailure();
    for (Buffer &buffer : buffers) {
      b.setInsertionPoint(buffer.alloc);
      Location loc = buffer.alloc.getLoc();
      Value offset = arith::ConstantIndexOp::create(b, loc, buffer.offset);
      Value view =
          memref::ViewOp::create(b, loc, buffer.alloc.getType(),
                                 main.getArgument(index), offset, ValueRange());
      buffer.dealloc.erase();
      buffer.alloc.replaceAllUsesWith(view);
      buffer.alloc.erase();
    }
  }
};

} // namespace
