//===- Sparsify.cpp - Weights that are zero -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Sparsify.h"
#include "../Units/LinearLayers.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Draw.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

std::optional<SparsityCriterion>
neuroplast::structure::parseSparsityCriterion(StringRef name) {
  return llvm::StringSwitch<std::optional<SparsityCriterion>>(name)
      .Case("magnitude", SparsityCriterion::Magnitude)
      .Case("wanda", SparsityCriterion::Wanda)
      .Case("sparsegpt", SparsityCriterion::SparseGpt)
      .Case("random", SparsityCriterion::Random)
      .Default(std::nullopt);
}

static bool needsData(SparsityCriterion criterion) {
  return criterion == SparsityCriterion::Wanda ||
         criterion == SparsityCriterion::SparseGpt;
}

StringRef neuroplast::structure::getName(SparsityCriterion criterion) {
  switch (criterion) {
  case SparsityCriterion::Magnitude:
    return "magnitude";
  case SparsityCriterion::Wanda:
    return "wanda";
  case SparsityCriterion::SparseGpt:
    return "sparsegpt";
  case SparsityCriterion::Random:
    return "random";
  }
  return "";
}

std::optional<SparsityPattern> SparsityPattern::parse(StringRef text) {
  auto [kept, group] = text.split(':');
  SparsityPattern pattern;
  if (kept.getAsInteger(10, pattern.kept) ||
      group.getAsInteger(10, pattern.group) || pattern.kept < 1 ||
      pattern.kept >= pattern.group)
    return std::nullopt;
  return pattern;
}

llvm::json::Object SparsifyOptions::toJson() const {
  llvm::json::Object result{{"only", llvm::json::Array(only)},
                            {"freeze", llvm::json::Array(freeze)},
                            {"criterion", getName(criterion)}};
  if (pattern)
    result["pattern"] =
        std::to_string(pattern->kept) + ":" + std::to_string(pattern->group);
  else
    result[isOfRest ? "sparsity_of_rest" : "sparsity"] = sparsity;
  if (block != std::pair<int64_t, int64_t>(1, 1))
    result["block"] = llvm::json::Array{block.first, block.second};
  if (!command.empty())
    result["command"] = command;
  return result;
}

llvm::json::Object SparsifyReport::toJson() const {
  llvm::json::Array list;
  for (const SparseLayer &layer : layers) {
    llvm::json::Object object{{"weight", layer.weight},
                              {"elements", layer.elements},
                              {"zeros", layer.zeros},
                              {"reason", layer.reason}};
    if (layer.error >= 0)
      object["error"] = layer.error;
    list.push_back(std::move(object));
  }
  llvm::json::Object result = options.toJson();
  result["layers"] = std::move(list);
  return result;
}

void SparsifyReport::print(llvm::raw_ostream &os) const {
  int64_t elements = 0, zeros = 0;
  for (const SparseLayer &layer : layers) {
    elements += layer.elements;
    zeros += layer.zeros;
    os << layer.weight << ": " << layer.zeros << " of " << layer.elements
       << " weights are zero";
    if (layer.error >= 0)
      os << llvm::format(", the result loses %.2f %%", 100 * layer.error);
    if (!layer.reason.empty())
      os << " (" << layer.reason << ")";
    os << '\n';
  }
  os << llvm::format("%.1f %% of the weights of these layers are zero\n",
                     elements ? 100.0 * zeros / elements : 0.0);
}

namespace {

using Mask =
    Eigen::Matrix<uint8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The rows of one block of a layer. Columns are sorted so that those of
/// neighbouring inputs are neighbours, place after place of a kernel.
class Sparsifier {
public:
  /// `seed` is that of these weights, and `held` has ones where they stay.
  Sparsifier(const SparsifyOptions &options, int64_t inputs, Matrix weights,
             Mask held, uint64_t seed)
      : options(options), inputs(inputs), seed(seed),
        weights(std::move(weights)), held(std::move(held)),
        mask(Mask::Ones(this->weights.rows(), this->weights.cols())) {}

  const Matrix &getWeights() const { return weights; }

  /// `squares` are the mean squares of what the columns weigh; they are asked
  /// for by `Wanda` alone.
  void run(const Eigen::VectorXd &squares) {
    Matrix scores = weights.cwiseAbs2();
    if (options.criterion == SparsityCriterion::Random)
      drawScores(scores);
    bool byRow = options.criterion == SparsityCriterion::Wanda;
    if (byRow)
      scores *= squares.asDiagonal();
    choose(scores, 0, byRow);
    weights = weights.cwiseProduct(mask.cast<double>());
  }

  /// `products` are the means of products of what the columns weigh.
  void runSequentially(Matrix products) {
    // As the paper has them: what keeps the products from being singular, and
    // how many columns are looked at together.
    constexpr double kDamping = 0.01;
    constexpr int64_t kColumns = 128;
    double scale = products.trace() / products.rows();
    products.diagonal().array() += kDamping * (scale > 0 ? scale : 1);
    auto identity = Matrix::Identity(products.rows(), products.cols());
    Matrix inverse = Eigen::LLT<Matrix>(products).solve(identity);
    Matrix upper = Eigen::LLT<Matrix>(inverse).matrixU();
    int64_t unit = getUnit(), columns = weights.cols(), end = 0;
    for (int64_t begin = 0; begin < columns; begin = end) {
      end = std::min(begin + std::max(kColumns / unit * unit, unit), columns);
      // Groups of inputs do not reach from one place of a kernel to the next.
      if (unit > 1)
        end = std::min(end, (begin / inputs + 1) * inputs);
      int64_t count = end - begin, rest = columns - end;
      Matrix part = weights.middleCols(begin, count);
      Matrix scores = part.cwiseAbs2();
      for (int64_t i = 0; i < count; ++i)
        scores.col(i) /= std::pow(upper(begin + i, begin + i), 2);
      choose(scores, begin, /*byRow=*/false);
      Matrix errors(weights.rows(), count);
      for (int64_t i = 0; i < count; ++i) {
        int64_t column = begin + i;
        Eigen::ArrayXd kept = mask.col(column).cast<double>();
        errors.col(i) =
            part.col(i).array() * (1 - kept) / upper(column, column);
        part.col(i).array() *= kept;
        part.rightCols(count - i - 1) -=
            errors.col(i) *
            upper.row(column).segment(column + 1, count - i - 1);
      }
      weights.middleCols(begin, count) = part;
      weights.rightCols(rest) -= errors * upper.block(begin, end, count, rest);
    }
  }

private:
  /// Gives what is no zero any score.
  void drawScores(Matrix &scores) const {
    for (auto [i, score] : llvm::enumerate(scores.reshaped()))
      if (score != 0)
        score = 1 + drawUniform(seed, i);
  }

  /// Weights that become zero together: a block of which this is the first.
  struct Cell {
    double score;
    int32_t row, column;
  };

  /// How many inputs belong together.
  int64_t getUnit() const {
    return options.pattern ? options.pattern->group : options.block.second;
  }
  int64_t getEnd(int64_t column, int64_t unit) const {
    int64_t end = std::min(column + unit, weights.cols());
    return unit > 1 ? std::min(end, (column / inputs + 1) * inputs) : end;
  }

  /// Masks what scores least of the columns from `begin` on.
  void choose(const Matrix &scores, int64_t begin, bool byRow) {
    int64_t end = begin + scores.cols(), unit = getUnit();
    int64_t height = options.pattern ? 1 : options.block.first;
    std::vector<Cell> cells;
    auto add = [&](int64_t row, int64_t column, int64_t width) {
      int64_t rows = std::min(height, scores.rows() - row);
      if (held.block(row, column, rows, width).any())
        return;
      cells.push_back({scores.block(row, column - begin, rows, width).sum(),
                       static_cast<int32_t>(row),
                       static_cast<int32_t>(column)});
    };
    for (int64_t row = 0; row < scores.rows(); row += height) {
      for (int64_t column = begin; column < end;
           column = getEnd(column, unit)) {
        int64_t width = getEnd(column, unit) - column;
        if (!options.pattern) {
          add(row, column, width);
          continue;
        }
        for (int64_t i = column; i < column + width; ++i)
          add(row, i, 1);
        removeLeast(cells, width - llvm::divideCeil(
                                       options.pattern->kept * width, unit));
        cells.clear();
      }
      if (byRow)
        removeShare(cells);
    }
    removeShare(cells);
  }

  void removeShare(std::vector<Cell> &cells) {
    int64_t zeros =
        options.isOfRest
            ? llvm::count_if(cells,
                             [](const Cell &cell) { return cell.score == 0; })
            : 0;
    auto rest = static_cast<double>(static_cast<int64_t>(cells.size()) - zeros);
    removeLeast(cells, zeros + static_cast<int64_t>(
                                   std::floor(rest * options.sparsity + 1e-9)));
    cells.clear();
  }

  void removeLeast(std::vector<Cell> &cells, int64_t count) {
    std::nth_element(cells.begin(), cells.begin() + count, cells.end(),
                     [](const Cell &a, const Cell &b) {
                       return std::tie(a.score, a.row, a.column) <
                              std::tie(b.score, b.row, b.column);
                     });
    for (const Cell &cell : ArrayRef(cells).take_front(count)) {
      int64_t width =
          options.pattern ? 1 : getEnd(cell.column, getUnit()) - cell.column;
      int64_t height = options.pattern ? 1 : options.block.first;
      mask.block(cell.row, cell.column,
                 std::min(height, mask.rows() - cell.row), width)
          .setZero();
    }
  }

  const SparsifyOptions &options;
  int64_t inputs;
  uint64_t seed;
  Matrix weights;
  Mask held, mask;
};

/// Of the weights of a layer which ones are frozen, as `plasticity` says if
/// there is any. None if that cannot be read.
std::optional<Mask> findHeld(const LinearLayer &layer,
                             neuro::ParamOp plasticity) {
  Mask held = Mask::Zero(layer.outs, layer.patchSize);
  if (!plasticity)
    return held;
  std::optional<TensorElements> learns =
      TensorElements::read(plasticity.getValue());
  if (!learns)
    return std::nullopt;
  for (int64_t out = 0; out < held.rows(); ++out)
    for (int64_t i = 0; i < held.cols(); ++i)
      held(out, i) = learns->getInteger(layer.getElement(out, i)) == 0;
  return held;
}

/// Makes a layer sparse, but for what is held; what becomes of it is written to
/// `entry`.
void sparsifyLayer(const LinearLayer &layer, const SparsifyOptions &options,
                   const PatchStatistics *seen, Matrix matrix, const Mask &held,
                   SparseLayer &entry) {
  neuro::ParamOp weight = layer.weight;
  int64_t inputs = layer.countInputs();
  int64_t places = layer.patchSize / std::max<int64_t>(inputs, 1);
  SmallVector<int64_t> order;
  for (int64_t place = 0; place < places; ++place)
    for (int64_t input = 0; input < inputs; ++input)
      order.push_back(input * places + place);
  int64_t blocks = layer.map.blocks, rows = layer.outs / blocks;
  int64_t size = layer.patchSize;
  double lost = 0, whole = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    Matrix before = matrix.middleRows(block * rows, rows)(Eigen::all, order);
    uint64_t seed =
        options.seed + llvm::xxh3_64bits(weight.getSymName()) + block;
    Mask own = held.middleRows(block * rows, rows)(Eigen::all, order);
    Sparsifier sparsifier(options, inputs, before, std::move(own), seed);
    Eigen::VectorXd squares;
    if (seen)
      squares = Eigen::Map<const Eigen::VectorXd>(
          seen->square.data() + block * size, size)(order);
    Matrix products;
    if (seen && !seen->gram.empty())
      products = Eigen::Map<const Matrix>(
          seen->gram.data() + block * size * size, size, size)(order, order);
    if (options.criterion == SparsityCriterion::SparseGpt)
      sparsifier.runSequentially(products);
    else
      sparsifier.run(squares);
    const Matrix &after = sparsifier.getWeights();
    if (products.size() > 0) {
      Matrix difference = after - before;
      lost += (difference * products).cwiseProduct(difference).sum();
      whole += (before * products).cwiseProduct(before).sum();
    }
    matrix.middleRows(block * rows, rows)(Eigen::all, order) = after;
  }
  std::string bytes(weight.getType().getNumElements() * sizeof(float), 0);
  for (int64_t out = 0; out < layer.outs; ++out)
    for (int64_t i = 0; i < size; ++i) {
      auto number = static_cast<float>(matrix(out, i));
      if (number == 0) {
        ++entry.zeros;
        number = 0; // Of both zeros this one.
      }
      memcpy(bytes.data() + layer.getElement(out, i) * sizeof(float), &number,
             sizeof(float));
    }
  if (whole > 0)
    entry.error = lost / whole;
  weight.setValueAttr(
      makeElements(weight.getType(), weight.getSymName(), std::move(bytes)));
  neuro::maskZeros(weight);
}

LogicalResult check(ModuleOp module, const SparsifyOptions &options) {
  if (!(options.sparsity >= 0 && options.sparsity <= 1))
    return module.emitError("the share of zeros must be from 0 to 1");
  if (options.block.first < 1 || options.block.second < 1)
    return module.emitError("blocks have at least one weight");
  if (options.pattern && options.block != std::pair<int64_t, int64_t>(1, 1))
    return module.emitError("weights become zero in blocks or in a pattern, "
                            "not both");
  if (needsData(options.criterion) && !options.statistics)
    return module.emitError("criterion '")
           << getName(options.criterion) << "' needs data";
  return success();
}

} // namespace

FailureOr<SparsifyReport>
neuroplast::structure::sparsify(ModuleOp module,
                                const SparsifyOptions &options) {
  if (failed(check(module, options)))
    return failure();
  SparsifyReport report;
  report.options = options;
  bool hasChanged = false;
  llvm::StringMap<neuro::ParamOp> plasticity = neuro::listPlasticity(module);
  for (const LinearLayer &layer :
       listLinearLayers(module, options.only, options.freeze)) {
    neuro::ParamOp weight = layer.weight;
    SparseLayer &entry = report.layers.emplace_back();
    entry.weight = weight.getSymName();
    entry.elements = weight.getType().getNumElements();
    entry.reason = layer.reason;
    const PatchStatistics *seen = layer.findStatistics(options.statistics);
    if (entry.reason.empty() && !seen && needsData(options.criterion))
      entry.reason = "no statistics";
    if (entry.reason.empty() && layer.countInputs() == 1 && options.pattern)
      entry.reason = "one input";
    std::optional<Mask> held =
        findHeld(layer, plasticity.lookup(weight.getSymName()));
    if (!held)
      return weight.emitError("what is frozen of @")
                 << entry.weight << " cannot be read",
             failure();
    bool movesOthers = options.criterion == SparsityCriterion::SparseGpt;
    if (entry.reason.empty() &&
        (held->all() || (held->any() && (options.pattern || movesOthers))))
      entry.reason = "frozen";
    if (!entry.reason.empty())
      continue;
    if (options.criterion == SparsityCriterion::SparseGpt && seen->gram.empty())
      return module.emitError("criterion 'sparsegpt' needs the products of "
                              "what layers weigh, and the statistics of @")
                 << entry.weight << " have none",
             failure();
    std::optional<Matrix> matrix = layer.readWeight();
    if (!matrix)
      return weight.emitError("the elements of @")
                 << entry.weight << " cannot be read, or are no numbers",
             failure();
    sparsifyLayer(layer, options, seen, std::move(*matrix), *held, entry);
    hasChanged = true;
  }
  if (hasChanged)
    recordCommand(module, "sparsify", options.toJson());
  return report;
}
