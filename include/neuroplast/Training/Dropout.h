//===- Dropout.h - What is left out while a network learns ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_DROPOUT_H
#define NEUROPLAST_TRAINING_DROPOUT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace neuroplast::training {

/// Dropout that a network gets: `neuro.dropout` or `neuro.join` ops at layers
/// whose weights have a name like a pattern.
struct Dropout {
  enum class Kind {
    /// Elements of what the layer reads (Srivastava et al., JMLR 15, 2014).
    Elements,
    /// A normal factor for each of them (the same).
    Gaussian,
    /// Channels of it, at all places and times alike (Tompson et al., arXiv
    /// 1411.4280; of sequences, Gal and Ghahramani, arXiv 1512.05287).
    Channels,
    /// Squares of it in space (DropBlock, Ghiasi et al., arXiv 1810.12890).
    Squares,
    /// The weights themselves (DropConnect, Wan et al., ICML 2013).
    Weights,
    /// All weights of units that the layer makes, if these are small (targeted
    /// dropout, Gomez et al., arXiv 1905.13678).
    Units,
    /// States that a recurrent layer reads, by the weight that reads them: a
    /// unit at all times, for all examples of a draw (Gal and Ghahramani, arXiv
    /// 1512.05287, who decide for each example).
    States,
    /// What the residual blocks around the layers add, for an example as a
    /// whole (stochastic depth, Huang et al., arXiv 1603.09382).
    Branches,
    /// Elements of what the layer reads, as often as it learns is best
    /// (concrete
    /// dropout, Gal et al., arXiv 1705.07832).
    Concrete,
    /// What a layer makes of units that joined with the last edit, or, if there
    /// are none, of the layer as a whole, in place of which stands what it
    /// reads: less often from step to step (gradual DropIn, Smith et al., arXiv
    /// 1511.06951).
    Join
  };
  std::string pattern;
  double rate = 0.5;
  Kind kind = Kind::Elements;
  int64_t examples = 0; ///< of which Kind::Concrete learns its rate
  int64_t steps = 0;    ///< after which those of Kind::Join have joined
  int64_t parts = 1;    ///< that a step has, each of them a draw of its own
  int64_t square = 7;   ///< how wide those of Kind::Squares are
  /// The share of the smallest units, or of the smallest weights of each, that
  /// decisions are about.
  std::optional<double> targeted;

  /// Reads "PATTERN=RATE", "PATTERN=RATE:KIND", "PATTERN=RATE:squares:SIZE",
  /// "PATTERN=RATE:weights:SHARE", "PATTERN=RATE:units:SHARE",
  /// "PATTERN=RATE:concrete:EXAMPLES" or "PATTERN=STEPS:join"; none, with a
  /// reason, if a text is none of these.
  static std::optional<Dropout> parse(llvm::StringRef text,
                                      std::string &reason);
};

/// What follows the name of a weight in that of a parameter whose sigmoid is
/// the rate that its layer has learnt.
inline constexpr llvm::StringLiteral kRateSuffix = ".dropout_logit";

/// Puts dropout into a network. Rates that are learnt are new parameters, and
/// layers that join begin with the next step of the network. Fails, after an
/// error, if no layer is like the pattern, or one cannot have dropout of the
/// kind.
llvm::LogicalResult insertDropout(mlir::ModuleOp module,
                                  const Dropout &dropout);

/// Makes every op of a function that is an expectation a draw: those of one
/// `counter`, a scalar of i64, are the same wherever they are computed, and
/// those of another `seed` are others. A function that has a part of a batch
/// draws that part of what the whole one would have. `penalties`, if there are
/// any, are to be added to a loss. Fails after an error.
llvm::LogicalResult
drawSamples(mlir::func::FuncOp function, mlir::Value counter, uint32_t seed,
            const neuro::BatchPart &part = {},
            llvm::SmallVectorImpl<mlir::Value> *penalties = nullptr);

/// Lets `main` answer with draws: behind its inputs it takes "draw", a scalar
/// of i64 that says which one. Means over several of them, and how far these
/// are apart, say how sure a network is (Gal and Ghahramani, arXiv 1506.02142).
/// Fails, after an error, if there is nothing to be drawn.
llvm::LogicalResult answerByDraws(mlir::ModuleOp module);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_DROPOUT_H
