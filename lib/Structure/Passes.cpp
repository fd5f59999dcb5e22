//===- Passes.cpp - Passes over units and edits ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Structure/Cuts/Factorize.h"
#include "neuroplast/Structure/Cuts/Prune.h"
#include "neuroplast/Structure/Cuts/Sparsify.h"
#include "neuroplast/Structure/Edits/History.h"
#include "neuroplast/Structure/Edits/OpenParams.h"
#include "neuroplast/Structure/Edits/SelectOutput.h"
#include "neuroplast/Structure/Growth/Dropin.h"
#include "neuroplast/Structure/Growth/InsertLayers.h"
#include "neuroplast/Structure/Growth/Recycle.h"
#include "neuroplast/Structure/Growth/Transfer.h"
#include "neuroplast/Structure/Units/ResidualBlocks.h"

namespace neuroplast::structure {
#define GEN_PASS_DEF_NEURODROPIN
#define GEN_PASS_DEF_NEUROEDIT
#define GEN_PASS_DEF_NEUROFACTORIZE
#define GEN_PASS_DEF_NEUROINSERT
#define GEN_PASS_DEF_NEUROOPENPARAMS
#define GEN_PASS_DEF_NEUROPRINTUNITS
#define GEN_PASS_DEF_NEUROPRUNE
#define GEN_PASS_DEF_NEURORECYCLE
#define GEN_PASS_DEF_NEUROSHORTEN
#define GEN_PASS_DEF_NEUROSPARSIFY
#define GEN_PASS_DEF_NEUROSELECTOUTPUT
#define GEN_PASS_DEF_NEUROTRANSFER
#define GEN_PASS_DEF_NEUROUNDO
#include "neuroplast/Structure/Passes.h.inc"
} // namespace neuroplast::structure

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

struct PrintUnits : structure::impl::NeuroPrintUnitsBase<PrintUnits> {
  using NeuroPrintUnitsBase::NeuroPrintUnitsBase;

  void runOnOperation() override {
    if (json)
      llvm::errs() << llvm::formatv(
          "{0:2}\n", llvm::json::Value(inspect(getOperation()).toJson()));
    else
      UnitAnalysis(getOperation()).print(llvm::errs());
    markAllAnalysesPreserved();
  }
};

struct Prune : structure::impl::NeuroPruneBase<Prune> {
  using NeuroPruneBase::NeuroPruneBase;

  void runOnOperation() override {
    PruneOptions options;
    std::optional<Criterion> parsed = parseCriterion(criterion);
    if (!parsed) {
      getOperation().emitError("criterion '")
          << criterion << "' is none of " << listCriteria();
      return signalPassFailure();
    }
    options.criterion = *parsed;
    AllocationOptions &allocation = options.allocation;
    allocation.ratio = ratio;
    allocation.minUnits = minUnits;
    allocation.maxRatio = maxRatio;
    std::optional<Scope> parsedScope = parseScope(scope);
    if (!parsedScope) {
      getOperation().emitError("scope '")
          << scope << "' is none of local, isomorphic and global";
      return signalPassFailure();
    }
    allocation.scope = *parsedScope;
    using Measure = Target::Measure;
    for (auto [measure, text] :
         {std::pair(Measure::Operations, StringRef(targetFlops)),
          std::pair(Measure::Parameters, StringRef(targetParams)),
          std::pair(Measure::Bytes, StringRef(targetBytes))}) {
      if (text.empty())
        continue;
      allocation.target = Target::parse(measure, text);
      if (!allocation.target) {
        getOperation().emitError("'") << text << "' is no target";
        return signalPassFailure();
      }
    }
    options.roundTo = roundTo;
    options.seed = seed;
    options.selection = {
        inner, {only.begin(), only.end()}, {freeze.begin(), freeze.end()}};
    options.keepRemoved = keepRemoved;
    options.onlyDead = dead;
    FailureOr<PruneReport> result = prune(getOperation(), options);
    if (failed(result))
      return signalPassFailure();
    for (const PrunedSet &set : result->sets)
      unitsRemoved += set.summary.units - set.kept;
    parametersRemoved += result->before.parameters - result->after.parameters;
    if (json)
      llvm::errs() << llvm::formatv("{0:2}\n",
                                    llvm::json::Value(result->toJson()));
    else if (report)
      result->print(llvm::errs());
  }
};

struct Recycle : structure::impl::NeuroRecycleBase<Recycle> {
  using NeuroRecycleBase::NeuroRecycleBase;

  void runOnOperation() override {
    RecycleOptions options;
    std::optional<Criterion> parsed = parseCriterion(criterion);
    if (!parsed) {
      getOperation().emitError("'")
          << criterion << "' is none of " << listCriteria();
      return signalPassFailure();
    }
    options.criterion = *parsed;
    options.threshold = threshold;
    if (share != 0)
      options.share = share;
    options.seed = seed;
    options.selection = {
        inner, {only.begin(), only.end()}, {freeze.begin(), freeze.end()}};
    options.keepRemoved = keepRemoved;
    FailureOr<RecycleReport> result = recycle(getOperation(), options);
    if (failed(result))
      return signalPassFailure();
    if (report)
      result->print(llvm::errs(), /*all=*/true);
  }
};

struct Dropin : structure::impl::NeuroDropinBase<Dropin> {
  using NeuroDropinBase::NeuroDropinBase;

  void runOnOperation() override {
    DropinOptions options;
    std::optional<Init> parsed = parseInit(init);
    if (!parsed) {
      getOperation().emitError("'")
          << init << "' is none of zero-out, pair, net2wider and random";
      return signalPassFailure();
    }
    if (needsGradients(*parsed)) {
      getOperation().emitError("'")
          << init
          << "' goes by gradients of examples, which a pass knows nothing of";
      return signalPassFailure();
    }
    options.init = *parsed;
    options.transplant = transplant;
    if (units != 0)
      options.units = units;
    options.share = share;
    options.roundTo = roundTo;
    options.seed = seed;
    options.selection = {
        inner, {only.begin(), only.end()}, {freeze.begin(), freeze.end()}};
    options.keepRemoved = keepRemoved;
    FailureOr<DropinReport> result = dropin(getOperation(), options);
    if (failed(result))
      return signalPassFailure();
    for (const GrownSet &set : result->sets)
      unitsAdded += set.added;
    parametersAdded += result->after.parameters - result->before.parameters;
    if (json)
      llvm::errs() << llvm::formatv("{0:2}\n",
                                    llvm::json::Value(result->toJson()));
    else if (report)
      result->printSets(llvm::errs(), /*all=*/true);
  }
};

struct Transfer : structure::impl::NeuroTransferBase<Transfer> {
  using NeuroTransferBase::NeuroTransferBase;

  void runOnOperation() override {
    TransferOptions options;
    options.outputs = outputs;
    options.outputName = name;
    options.seed = seed;
    std::optional<Freeze> parsed = parseFreeze(freeze);
    if (!parsed) {
      getOperation().emitError("'")
          << freeze << "' is none of units, weights, kept and nothing";
      return signalPassFailure();
    }
    options.freeze = *parsed;
    for (const std::string &text : grow) {
      std::optional<DropinOptions> growth = parseGrowth(text, options.seed);
      if (!growth) {
        getOperation().emitError("'")
            << text << "' is no PATTERN=UNITS or PATTERN=SHARE%";
        return signalPassFailure();
      }
      options.growth.push_back(*growth);
    }
    if (failed(transfer(getOperation(), options)))
      signalPassFailure();
  }
};

struct SelectOutput : structure::impl::NeuroSelectOutputBase<SelectOutput> {
  using NeuroSelectOutputBase::NeuroSelectOutputBase;

  void runOnOperation() override {
    if (failed(selectOutput(getOperation(), output)))
      signalPassFailure();
  }
};

struct Factorize : structure::impl::NeuroFactorizeBase<Factorize> {
  using NeuroFactorizeBase::NeuroFactorizeBase;

  void runOnOperation() override {
    FactorizeOptions options;
    options.energy = energy;
    options.form = tucker ? FactorForm::Tucker : FactorForm::Svd;
    if (rank != 0)
      options.rank = rank;
    options.only = {only.begin(), only.end()};
    options.freeze = {freeze.begin(), freeze.end()};
    FailureOr<FactorizeReport> result = factorize(getOperation(), options);
    if (failed(result))
      return signalPassFailure();
    if (report)
      result->print(llvm::errs());
  }
};

struct Sparsify : structure::impl::NeuroSparsifyBase<Sparsify> {
  using NeuroSparsifyBase::NeuroSparsifyBase;

  void runOnOperation() override {
    SparsifyOptions options;
    options.sparsity = sparsity;
    if (!pattern.empty()) {
      options.pattern = SparsityPattern::parse(pattern);
      if (!options.pattern) {
        getOperation().emitError("'") << pattern << "' is no pattern as 2:4";
        return signalPassFailure();
      }
    }
    options.block = {blockOuts, blockIns};
    options.only = {only.begin(), only.end()};
    options.freeze = {freeze.begin(), freeze.end()};
    FailureOr<SparsifyReport> result = sparsify(getOperation(), options);
    if (failed(result))
      return signalPassFailure();
    if (report)
      result->print(llvm::errs());
  }
};

struct Insert : structure::impl::NeuroInsertBase<Insert> {
  using NeuroInsertBase::NeuroInsertBase;

  void runOnOperation() override {
    InsertOptions options;
    options.after = {after.begin(), after.end()};
    options.beside = {beside.begin(), beside.end()};
    if (hidden != 0)
      options.hidden = hidden;
    options.seed = seed;
    FailureOr<InsertReport> result = insertLayers(getOperation(), options);
    if (failed(result))
      return signalPassFailure();
    if (report)
      result->print(llvm::errs());
  }
};

struct Shorten : structure::impl::NeuroShortenBase<Shorten> {
  using NeuroShortenBase::NeuroShortenBase;

  void runOnOperation() override {
    std::vector<std::string> patterns(at.begin(), at.end());
    std::vector<ResidualBlock> removed;
    for (ResidualBlock &block : listResidualBlocks(getOperation())) {
      if (report)
        llvm::errs() << "block at '" << block.node << "': " << block.parameters
                     << " parameters"
                     << (block.obstacle.empty() ? "" : ", stays: ")
                     << block.obstacle << '\n';
      if (block.obstacle.empty() && matchesAny(block.node, patterns))
        removed.push_back(std::move(block));
    }
    removeBlocks(getOperation(), removed, /*command=*/"");
  }
};

struct ApplyEdit : structure::impl::NeuroEditBase<ApplyEdit> {
  using NeuroEditBase::NeuroEditBase;

  void runOnOperation() override {
    UnitAnalysis analysis(getOperation());
    Edit edit;
    for (StringRef entry : maps) {
      auto [set, units] = entry.split(':');
      unsigned number;
      auto map = neuro::parseIndexList(units);
      if (set.getAsInteger(10, number) || !map) {
        getOperation().emitError("'") << entry << "' is no unit set with units";
        return signalPassFailure();
      }
      edit.maps[number].entries = std::move(*map);
    }
    EditOptions options;
    options.keepRemoved = keepRemoved;
    if (failed(applyEdit(analysis, edit, options)) != expectFailure)
      signalPassFailure();
  }
};

struct OpenParams : structure::impl::NeuroOpenParamsBase<OpenParams> {
  using NeuroOpenParamsBase::NeuroOpenParamsBase;

  void runOnOperation() override {
    UnitSelection selection{
        inner, {at.begin(), at.end()}, {freeze.begin(), freeze.end()}};
    auto sets = openParams(getOperation(), selection);
    if (failed(sets))
      return signalPassFailure();
    if (report)
      for (const OpenedSet &set : *sets)
        set.print(llvm::errs());
  }
};

struct Undo : structure::impl::NeuroUndoBase<Undo> {
  using NeuroUndoBase::NeuroUndoBase;

  void runOnOperation() override {
    if (failed(undo(getOperation(), to)))
      signalPassFailure();
  }
};

} // namespace
