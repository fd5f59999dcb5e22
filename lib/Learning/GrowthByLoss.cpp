//===- GrowthByLoss.cpp - Units that a loss asks for ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/GrowthByLoss.h"

#include "mlir/IR/MLIRContext.h"
#include "neuroplast/Calibration/Calibrate.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Learning/ParamTensors.h"
#include "neuroplast/Structure/Growth/GradientGrowth.h"
#include "neuroplast/Structure/Growth/SplitGrowth.h"
#include "neuroplast/Structure/Growth/TinyGrowth.h"

#include <numeric>

using namespace neuroplast;
using namespace neuroplast::learning;
using namespace neuroplast::structure;

namespace {

/// A network that has grown, and what a loss on examples says of it as its
/// parameters change.
class GrownNetwork {
public:
  GrownNetwork(mlir::ModuleOp module, const DropinOptions &growth,
               const LearningTask &task, const TrainingOptions &options,
               const Examples &examples)
      : module(module), growth(growth), original(task.network), task(task),
        options(options), examples(examples) {
    this->task.network = [this](mlir::MLIRContext &context,
                                const InputShapes &shapes) {
      return load(context, shapes);
    };
  }

  /// Hands the gradients of the loss on.
  llvm::Error
  point(llvm::function_ref<llvm::LogicalResult(const Gradients &)> take) const {
    auto gradients =
        measureGradients(task, options, examples, CompileOptions());
    if (!gradients)
      return gradients.takeError();
    return check(take(*gradients));
  }

  llvm::Expected<double> measureLoss() const {
    auto score = scoreNetwork(task, options, examples, CompileOptions());
    if (!score)
      return score.takeError();
    return score->loss;
  }

  /// What linear layers see, with products of elements.
  llvm::Expected<Statistics> collectStatistics() const {
    BatchForm form = examples.getForm(options.batch);
    auto fixed = load(*mlir::ModuleOp(module).getContext(), form.inputs);
    if (!fixed)
      return llvm::make_error<ReportedError>();
    std::vector<NamedTensors> batches(examples.getCount() / options.batch);
    std::vector<int64_t> places(options.batch);
    for (auto [number, batch] : llvm::enumerate(batches)) {
      std::iota(places.begin(), places.end(),
                static_cast<int64_t>(number) * options.batch);
      NamedTensors all;
      examples.gather(places, all);
      for (auto &[name, tensor] : all)
        if (form.inputs.contains(name))
          batch[name] = std::move(tensor);
    }
    calibration::CalibrateOptions products;
    products.products = true;
    return calibration::collectStatistics(*fixed, batches, products);
  }

  /// An error that a diagnostic has told of.
  static llvm::Error check(llvm::LogicalResult result) {
    return succeeded(result) ? llvm::Error::success()
                             : llvm::make_error<ReportedError>();
  }

private:
  mlir::OwningOpRef<mlir::ModuleOp> load(mlir::MLIRContext &context,
                                         const InputShapes &shapes) const {
    mlir::OwningOpRef<mlir::ModuleOp> grown = original(context, shapes);
    if (!grown || failed(dropin(*grown, growth)))
      return nullptr;
    NamedTensors params;
    for (auto param : mlir::ModuleOp(module).getOps<neuro::ParamOp>())
      params[neuro::getUserName(param).str()] = readParameter(param);
    writeParameters(std::move(params), *grown);
    return grown;
  }

  mlir::ModuleOp module;
  DropinOptions growth;
  NetworkSource original;
  LearningTask task;
  const TrainingOptions &options;
  const Examples &examples;
};

} // namespace

static llvm::Error growByGradients(mlir::ModuleOp module,
                                   const DropinReport &report,
                                   const GrownNetwork &network,
                                   int64_t powerSteps) {
  GradientGrowth newborns(module, report);
  for (int64_t i = 0; i < powerSteps; ++i) {
    for (auto step : {&GradientGrowth::pointOut, &GradientGrowth::pointIn})
      if (llvm::Error error = network.point([&](const Gradients &gradients) {
            return (newborns.*step)(gradients);
          }))
        return error;
    if (llvm::Error error = network.check(newborns.silence()))
      return error;
  }
  return llvm::Error::success();
}

namespace {

/// A place on a line, and the loss there.
struct Place {
  double number, loss;
};

} // namespace

/// Where the parabola through three places is least; none if it has no such
/// place.
static std::optional<double> findVertex(Place a, Place b, Place c) {
  double ab = (b.loss - a.loss) / (b.number - a.number),
         bc = (c.loss - b.loss) / (c.number - b.number),
         bend = (bc - ab) / (c.number - a.number);
  if (!(bend > 0))
    return std::nullopt;
  return (a.number + b.number) / 2 - ab / (2 * bend);
}

/// The place, from zero on, at which a loss is least as far as steps by factors
/// of two and a parabola tell: zero if it is nowhere less than `before`, what
/// it is there.
static llvm::Expected<Place>
searchLine(double before,
           llvm::function_ref<llvm::Expected<double>(double)> measureLoss) {
  constexpr int kMostSteps = 16;
  Place start{0, before}, best = start, other = start;
  auto look = [&](double number) -> llvm::Expected<bool> {
    auto loss = measureLoss(number);
    if (!loss)
      return loss.takeError();
    bool isBetter = *loss < best.loss;
    other = isBetter ? best : Place{number, *loss};
    if (isBetter)
      best = {number, *loss};
    return isBetter;
  };
  for (double factor : {2.0, 0.5}) {
    double number = factor > 1 ? 1 : factor;
    for (int i = 0; i < kMostSteps; ++i, number *= factor) {
      auto isBetter = look(number);
      if (!isBetter)
        return isBetter.takeError();
      // What is too long yet gets shorter.
      if (!*isBetter && (factor > 1 || best.number > 0))
        break;
    }
    if (best.number > 1)
      break;
  }
  if (best.number == 0 || other.number == 0)
    return best;
  std::optional<double> vertex = findVertex(start, best, other);
  if (vertex && *vertex > 0)
    if (auto isBetter = look(*vertex); !isBetter)
      return isBetter.takeError();
  return best;
}

/// Goes along a line from where the loss is `before`, to where it is least, and
/// tells that loss. `go` changes the network to what it is at a place.
static llvm::Expected<double>
descend(const GrownNetwork &network, double before,
        llvm::function_ref<llvm::LogicalResult(double)> go) {
  auto best = searchLine(before, [&](double number) -> llvm::Expected<double> {
    if (llvm::Error error = network.check(go(number)))
      return std::move(error);
    return network.measureLoss();
  });
  if (!best)
    return best.takeError();
  if (llvm::Error error = network.check(go(best->number)))
    return std::move(error);
  return best->loss;
}

static llvm::Error growWithRest(mlir::ModuleOp module, DropinReport &report,
                                const GrownNetwork &network,
                                int64_t powerSteps) {
  auto statistics = network.collectStatistics();
  if (!statistics)
    return statistics.takeError();
  auto newborns = TinyGrowth::create(module, report, *statistics);
  if (failed(newborns))
    return llvm::make_error<ReportedError>();
  auto before = network.measureLoss();
  if (!before)
    return before.takeError();
  auto point = [&](llvm::LogicalResult (TinyGrowth::*step)(const Gradients &)) {
    return network.point([&](const Gradients &gradients) {
      return ((*newborns).*step)(gradients);
    });
  };
  auto search = [&](llvm::LogicalResult (TinyGrowth::*go)(double)) {
    return descend(network, *before,
                   [&](double number) { return ((*newborns).*go)(number); });
  };
  if (llvm::Error error = point(&TinyGrowth::planRelief))
    return error;
  if (auto relieved = search(&TinyGrowth::relieve); !relieved)
    return relieved.takeError();
  for (int64_t i = 0; i < powerSteps; ++i) {
    for (auto step : {&TinyGrowth::pointOut, &TinyGrowth::pointIn})
      if (llvm::Error error = point(step))
        return error;
    if (llvm::Error error = network.check((*newborns).silence()))
      return error;
  }
  if (llvm::Error error = point(&TinyGrowth::weigh))
    return error;
  if (llvm::Error error = network.check((*newborns).relieve(0)))
    return error;
  if (llvm::Error error = point(&TinyGrowth::turnDownhill))
    return error;
  auto after = search(&TinyGrowth::amplify);
  if (!after)
    return after.takeError();
  report.loss = {*before, *after};
  return llvm::Error::success();
}

/// How the units of a network are best split, by one in which each has become
/// two: those that may be.
static llvm::Expected<Splittings>
findSplittings(mlir::ModuleOp module, const DropinOptions &growth,
               const LearningTask &task, const TrainingOptions &options,
               const Examples &examples, int64_t powerSteps) {
  DropinOptions doubling = growth;
  doubling.units.reset();
  doubling.share = 1;
  doubling.roundTo = 1;
  mlir::OwningOpRef<mlir::ModuleOp> doubled = module.clone();
  auto report = dropin(*doubled, doubling);
  if (failed(report))
    return llvm::make_error<ReportedError>();
  auto units = SplitGrowth::create(*doubled, *report, growth.seed);
  if (failed(units))
    return llvm::make_error<ReportedError>();
  GrownNetwork network(*doubled, doubling, task, options, examples);
  for (int64_t i = 0; i < powerSteps; ++i) {
    if (failed((*units).spread(SplitGrowth::kProbe)))
      return llvm::make_error<ReportedError>();
    if (llvm::Error error = network.point([&](const Gradients &gradients) {
          return (*units).turn(gradients);
        }))
      return std::move(error);
  }
  return (*units).getSplittings();
}

/// The units of each set, those first that splitting helps most.
static std::map<unsigned, std::vector<int64_t>>
rank(const Splittings &splittings) {
  std::map<unsigned, std::vector<int64_t>> ranks;
  for (const auto &[set, ofUnits] : splittings) {
    std::vector<std::pair<double, int64_t>> order;
    for (const auto &[unit, splitting] : ofUnits)
      order.emplace_back(splitting.curvature, unit);
    llvm::sort(order);
    for (auto [curvature, unit] : order)
      ranks[set].push_back(unit);
  }
  return ranks;
}

static llvm::Expected<DropinReport>
growBySplitting(mlir::ModuleOp module, DropinOptions growth,
                const LearningTask &task, const TrainingOptions &options,
                const Examples &examples, int64_t powerSteps) {
  auto splittings =
      findSplittings(module, growth, task, options, examples, powerSteps);
  if (!splittings)
    return splittings.takeError();
  growth.donors = rank(*splittings);
  auto report = dropin(module, growth);
  if (failed(report))
    return llvm::make_error<ReportedError>();
  auto units = SplitGrowth::create(module, *report, growth.seed);
  if (failed(units))
    return llvm::make_error<ReportedError>();
  (*units).setSplittings(*splittings);
  GrownNetwork network(module, growth, task, options, examples);
  auto before = network.measureLoss();
  if (!before)
    return before.takeError();
  auto after = descend(network, *before,
                       [&](double share) { return (*units).spread(share); });
  if (!after)
    return after.takeError();
  report->loss = {*before, *after};
  return std::move(*report);
}

llvm::Expected<DropinReport> neuroplast::learning::growByLoss(
    mlir::ModuleOp module, const DropinOptions &growth,
    const LearningTask &task, const TrainingOptions &options,
    const Examples &examples, int64_t powerSteps) {
  if (growth.init == Init::Split)
    return growBySplitting(module, growth, task, options, examples, powerSteps);
  auto report = dropin(module, growth);
  if (failed(report))
    return llvm::make_error<ReportedError>();
  GrownNetwork network(module, growth, task, options, examples);
  if (llvm::Error error =
          growth.init == Init::Tiny
              ? growWithRest(module, *report, network, powerSteps)
              : growByGradients(module, *report, network, powerSteps))
    return std::move(error);
  return std::move(*report);
}
