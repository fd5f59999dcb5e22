//===- Rematerialize.cpp - Compute again instead of keeping ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Works on tensors of known size in one block, right before bufferization: each
// is taken for the buffer that it will be, with its views and what is written
// into it. While more memory lives at once than may, some buffer that lives
// there without being used is made a second time where it is used next: the one
// that costs least for what it frees. Chen et al., "Training deep nets with
// sublinear memory cost" (arXiv 1604.06174), chose places by hand; the greedy
// choice by cost and size is that of Kirisame et al., "Dynamic tensor
// rematerialization" (arXiv 2006.09616), made before the run.
//
//===----------------------------------------------------------------------===//

#include "Kernels/SharedLoop.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace neuroplast {
#define GEN_PASS_DEF_REMATERIALIZE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Memory that a tensor, its views and what is written into it share.
struct Buffer {
  int64_t bytes = 0;
  SmallVector<Value, 2> values;
  /// Where it is written first, and read last.
  unsigned first = 0, last = 0;
  /// Where it is read, in ascending order.
  SmallVector<unsigned, 4> uses;
};

/// Ops to be done again, in their order, and what they take.
struct Recipe {
  llvm::SetVector<Operation *> ops;
  /// What they read that is there already, and as what.
  llvm::MapVector<Value, Value> there;
  double work = 0;
};

class Rematerializer {
public:
  explicit Rematerializer(Block &block) : block(block) {}

  void run(double share) {
    giveOwnDestinations();
    analyze();
    auto most = static_cast<int64_t>(share * static_cast<double>(live[peak]));
    // Ends: nothing is made again for ever.
    while (live[peak] > most && relieve())
      analyze();
    SmallVector<Operation *> left;
    for (Operation &op : block.without_terminator())
      left.push_back(&op);
    for (Operation *op : llvm::reverse(left))
      if (isOpTriviallyDead(op))
        op->erase();
  }

private:
  /// Destinations that ops share would be one buffer from the first of them to
  /// the last. Those of open size stay so: nobody plans where they are, and
  /// each is asked for.
  void giveOwnDestinations() {
    SmallVector<tensor::EmptyOp> shared(block.getOps<tensor::EmptyOp>());
    for (tensor::EmptyOp empty : shared) {
      if (!empty.getType().hasStaticShape())
        continue;
      for (OpOperand &use : llvm::make_early_inc_range(empty->getUses())) {
        Operation *user = block.findAncestorOpInBlock(*use.getOwner());
        OpBuilder builder(user);
        use.set(builder.clone(*empty)->getResult(0));
      }
      empty.erase();
    }
  }

  /// The buffer that an op writes a result into; -1 for one of its own.
  int findDestination(OpResult result) const {
    Operation *op = result.getOwner();
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
            tensor::ExtractSliceOp, tensor::CastOp>(op))
      return buffers.lookup(op->getOperand(0)) - 1;
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
      return buffers.lookup(insert.getDest()) - 1;
    if (auto writer = dyn_cast<DestinationStyleOpInterface>(op))
      return buffers.lookup(writer.getTiedOpOperand(result)->get()) - 1;
    return -1;
  }

  static int64_t getBytes(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || !type.hasStaticShape() ||
        !type.getElementType().isIntOrFloat())
      return 0;
    return type.getNumElements() *
           llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  }

  void analyze() {
    ops.clear();
    all.clear();
    buffers.clear();
    numbers.clear();
    for (Operation &op : block) {
      numbers[&op] = ops.size();
      ops.push_back(&op);
    }
    for (Operation *op : ops) {
      if (isa<tensor::EmptyOp>(op) || op->hasTrait<OpTrait::ConstantLike>())
        continue;
      for (OpResult result : op->getResults()) {
        if (getBytes(result) == 0)
          continue;
        int index = findDestination(result);
        if (index < 0) {
          index = all.size();
          all.emplace_back();
          all.back().first = all.back().last = numbers.lookup(op);
        }
        Buffer &buffer = all[index];
        buffers[result] = index + 1;
        buffer.bytes = std::max(buffer.bytes, getBytes(result));
        buffer.values.push_back(result);
        for (Operation *user : result.getUsers()) {
          unsigned at = numbers.lookup(block.findAncestorOpInBlock(*user));
          buffer.uses.push_back(at);
          buffer.last = std::max(buffer.last, at);
        }
      }
      if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
        join(insert);
    }
    for (Buffer &buffer : all)
      llvm::sort(buffer.uses);
    findPeak();
  }

  /// What is inserted is written where it goes at once, if there is nothing yet
  /// where it is written.
  void join(tensor::InsertSliceOp insert) {
    int from = buffers.lookup(insert.getSource()) - 1,
        to = buffers.lookup(insert.getResult()) - 1;
    if (from < 0 || to < 0 || from == to)
      return;
    auto writer =
        all[from].values.front().getDefiningOp<DestinationStyleOpInterface>();
    if (!writer || all[from].first < all[to].first)
      return;
    for (Value value : all[from].values)
      buffers[value] = to + 1;
    llvm::append_range(all[to].values, all[from].values);
    llvm::append_range(all[to].uses, all[from].uses);
    all[to].last = std::max(all[to].last, all[from].last);
    all[from] = Buffer();
  }

  /// Adds up what lives at each op, and finds where that is most.
  void findPeak() {
    live.assign(ops.size() + 1, 0);
    for (const Buffer &buffer : all) {
      live[buffer.first] += buffer.bytes;
      live[buffer.last + 1] -= buffer.bytes;
    }
    for (size_t at = 1; at < live.size(); ++at)
      live[at] += live[at - 1];
    peak = std::distance(live.begin(), llvm::max_element(live));
  }

  /// What an op takes, in multiply-adds; none if it is not to be done again.
  static std::optional<double> getWork(Operation *op) {
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
            tensor::ExtractSliceOp, tensor::EmptyOp>(op))
      return 0;
    if (op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
        llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>))
      return 0;
    if (auto computation = dyn_cast<kernel::KernelOpInterface>(op))
      return countWork(computation);
    if (auto loops = dyn_cast<linalg::LinalgOp>(op))
      return countElementWork(loops.getStaticLoopRanges(), loops.getBlock());
    if (isa<tensor::InsertSliceOp>(op))
      return countElementWork(
          cast<RankedTensorType>(op->getResult(0).getType()).getShape());
    return std::nullopt;
  }

  /// What a value is a repetition of, or the value.
  Value getOriginal(Value value) const {
    auto it = originals.find(value);
    return it == originals.end() ? value : it->second;
  }

  /// What is there at a place, or can stay until then, and is the same as a
  /// value; null if nothing is. The buffer that is to go is not there. What is
  /// small beside it can stay, and what lives beyond the peak if there is room.
  Value findThere(Value value, unsigned place, const Buffer &gone) const {
    Value original = getOriginal(value);
    auto isThere = [&](Value same) {
      int known = buffers.lookup(same);
      if (!known || &all[known - 1] == &gone ||
          numbers.lookup(same.getDefiningOp()) >= place)
        return false;
      constexpr int64_t kSmall = 16;
      const Buffer &buffer = all[known - 1];
      return buffer.last >= place || buffer.bytes * kSmall <= gone.bytes ||
             (buffer.last >= peak &&
              buffer.bytes + *std::max_element(live.begin() + buffer.last + 1,
                                               live.begin() + place + 1) <
                  live[peak]);
    };
    if (isThere(original))
      return original;
    for (Value same : repetitions.lookup(original))
      if (isThere(same))
        return same;
    return {};
  }

  /// The repetition of a value that comes behind a place; null if none does.
  Value findLater(Value value, unsigned place) const {
    for (Value same : repetitions.lookup(getOriginal(value)))
      if (numbers.lookup(same.getDefiningOp()) >= place)
        return same;
    return {};
  }

  /// Adds what makes a value again at a place. Whether it can be made there.
  bool add(Value value, unsigned place, const Buffer &gone,
           Recipe &recipe) const {
    constexpr size_t kMostOps = 64;
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &block || recipe.ops.contains(op) ||
        op->hasTrait<OpTrait::ConstantLike>())
      return true;
    std::optional<double> work = getWork(op);
    if (!work || recipe.ops.size() == kMostOps)
      return false;
    bool canBeMade = true;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Value there = findThere(operand, place, gone))
          recipe.there[operand] = there;
        else if (!op->isAncestor(operand.getParentBlock()->getParentOp()))
          canBeMade &= add(operand, place, gone, recipe);
    });
    // What is made again later is not any more.
    if (op->getNumResults() != 1 || !findLater(value, place))
      recipe.work += *work;
    recipe.ops.insert(op);
    return canBeMade;
  }

  /// The most that lives, from a place to where what is made there was made
  /// before, if a recipe is made there.
  int64_t getLiveWith(const Recipe &recipe, unsigned place) const {
    llvm::SmallDenseSet<int> made;
    unsigned end = place;
    for (Operation *op : recipe.ops)
      for (Value result : op->getResults()) {
        made.insert(buffers.lookup(result));
        if (Value later = findLater(result, place))
          end = std::max(end, numbers.lookup(later.getDefiningOp()));
      }
    int64_t bytes = 0;
    for (int known : made)
      if (known > 0 && all[known - 1].last < place)
        bytes += all[known - 1].bytes;
    return bytes +
           *std::max_element(live.begin() + place, live.begin() + end + 1);
  }

  /// Frees the cheapest of the buffers that only wait at the peak; false if
  /// there is none.
  bool relieve() {
    std::optional<Recipe> best;
    const Buffer *chosen = nullptr;
    unsigned place = 0;
    double lowest = std::numeric_limits<double>::infinity();
    for (const Buffer &buffer : all) {
      constexpr unsigned kMostTimes = 3;
      if (buffer.values.empty() || buffer.first >= peak ||
          buffer.last <= peak ||
          times.lookup(getOriginal(buffer.values.front())) == kMostTimes)
        continue;
      auto next = llvm::lower_bound(buffer.uses, peak);
      if (*next == peak)
        continue;
      Recipe recipe;
      bool canBeMade = true;
      for (Value value : buffer.values)
        if (isUsedFrom(value, *next))
          canBeMade &= add(value, *next, buffer, recipe);
      double cost = recipe.work / static_cast<double>(buffer.bytes);
      if (!canBeMade || cost >= lowest ||
          getLiveWith(recipe, *next) >= live[peak])
        continue;
      lowest = cost;
      chosen = &buffer;
      place = *next;
      best = std::move(recipe);
    }
    if (!best)
      return false;
    repeat(*best, *chosen, place);
    return true;
  }

  bool isUsedFrom(Value value, unsigned place) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return numbers.lookup(block.findAncestorOpInBlock(*user)) >= place;
    });
  }

  /// Makes the values of a buffer again for what uses them from a place on.
  void repeat(Recipe &recipe, const Buffer &buffer, unsigned place) {
    ++times[getOriginal(buffer.values.front())];
    OpBuilder builder(ops[place]);
    IRMapping again;
    for (auto [value, there] : recipe.there)
      again.map(value, there);
    SmallVector<Operation *> list = recipe.ops.takeVector();
    llvm::sort(list, [&](Operation *a, Operation *b) {
      return numbers.lookup(a) < numbers.lookup(b);
    });
    SmallVector<Value> replaced;
    for (Operation *op : list)
      for (auto [old, made] : llvm::zip_equal(
               op->getResults(), builder.clone(*op, again)->getResults())) {
        Value original = getOriginal(old);
        SmallVector<Value> &all = repetitions[original];
        llvm::erase_if(all, [&](Value same) {
          if (numbers.lookup(same.getDefiningOp()) < place)
            return false;
          same.replaceAllUsesWith(made);
          replaced.push_back(same);
          return true;
        });
        all.push_back(made);
        originals[made] = original;
      }
    for (Value value : buffer.values)
      if (again.contains(value))
        value.replaceUsesWithIf(again.lookup(value), [&](OpOperand &use) {
          Operation *user = block.findAncestorOpInBlock(*use.getOwner());
          // Clones are not numbered.
          auto number = numbers.find(user);
          return number != numbers.end() && number->second >= place;
        });
    for (Value value : replaced)
      eraseUnused(value);
  }

  /// Erases the op of a repetition that nothing uses, and those before it. What
  /// was there at first stays, since it is known by its values.
  void eraseUnused(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !op->use_empty() ||
        !llvm::all_of(op->getResults(),
                      [&](Value result) { return originals.contains(result); }))
      return;
    for (Value result : op->getResults()) {
      llvm::erase(repetitions[originals.lookup(result)], result);
      originals.erase(result);
    }
    SmallVector<Value> operands(op->getOperands());
    op->erase();
    for (Value operand : operands)
      eraseUnused(operand);
  }

  Block &block;
  std::vector<Operation *> ops;
  std::vector<Buffer> all;
  /// By value, one more than the index.
  llvm::DenseMap<Value, int> buffers;
  llvm::DenseMap<Operation *, unsigned> numbers;
  std::vector<int64_t> live; ///< bytes, by op
  unsigned peak = 0;
  /// Of what was made again, what it is the same as, and the other way round.
  llvm::DenseMap<Value, Value> originals;
  llvm::DenseMap<Value, SmallVector<Value>> repetitions;
  /// How often a buffer went, by the first of its values.
  llvm::DenseMap<Value, unsigned> times;
};

struct RematerializePass
    : neuroplast::impl::RematerializeBase<RematerializePass> {
  using RematerializeBase::RematerializeBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return;
    Rematerializer(function.getBody().front()).run(share);
  }
};

} // namespace
